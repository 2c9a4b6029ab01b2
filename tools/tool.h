/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the snapset command know of each other. */
#ifndef SNAPSET_TOOL_H
#define SNAPSET_TOOL_H

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include <libsnap.h>

/* Exit codes: those of Win32_ShadowCopy.Create. */
enum {
	EXIT_OK,
	EXIT_ACCESS,
	EXIT_ARGUMENT,
	EXIT_NOT_FOUND,
	EXIT_NOT_SUPPORTED,
	EXIT_CONTEXT,
	EXIT_STORAGE,
	EXIT_IN_USE,
	EXIT_MAXIMUM,
	EXIT_IN_PROGRESS,
	EXIT_VETO,
	EXIT_NO_MODULE,
	EXIT_PROVIDER,
	EXIT_UNKNOWN,
	/* That of env(1), timeout(1) and others: a command was to be run, and it did not come to that. */
	EXIT_BEFORE_EXEC = 125,
};

/* Each returns an exit code; argv[0] is the name of the command. */
int cmd_create(int argc, char **argv);
int cmd_delete(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_monitor(int argc, char **argv);
int cmd_mount(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_storage(int argc, char **argv);
int cmd_umount(int argc, char **argv);
int cmd_watch(int argc, char **argv);

/* parse.c */
/* As snap_parse_size(). */
bool parse_size(const char *text, uint64_t *bytes);
/* Bytes, more than 0, or "10%"; the other one is 0. */
bool parse_amount(const char *text, uint64_t *bytes, uint32_t *percent);
/* Milliseconds, or whatever is counted: 1..4294967295. */
bool parse_ms(const char *text, uint32_t *ms);
/* "90s", "15min", "2h", "3d", "1w", or seconds: 1..4294967295. */
bool parse_age(const char *text, uint32_t *seconds);
/* Seconds, or "forever": milliseconds as snap_set_wait() takes them. */
bool parse_wait(const char *text, uint32_t *ms);
/* A directory, or one with ":1G", which is cut off; false if it is no such thing. */
bool parse_directory(char *text, uint64_t *bytes);
/* "memory", "memory:1G", a directory or a device; @store points into @text. */
bool parse_store(char *text, struct snap_store *store);
/* "set", "oldest", "wait:1000": what is done when a store is full; @ms is 0 for the default. */
bool parse_full(const char *text, enum snap_full *full, uint32_t *ms);

/* module.c */
/* To open a session loads the module; this does not. */
bool module_is_loaded(void);
/* A descriptor that is readable when the module has come or gone, maybe; -1: errno. */
int module_listen(void);
/* Whether it was readable, which it is no more. */
bool module_changed(int fd);

/* failure.c */
struct json_object;

/* First: standard descriptors are open, and whether programs are to be told. */
void failure_begin(int argc, char **argv);
/* "snapset: ..." on stderr, and the exit code for a wrong command line. */
int usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The last error of @s (NULL: of snap_open) on stderr; gives its exit code. */
int report_error(struct snap_session *s, snap_status st);
/* Another error, likewise. */
int report_failure(snap_status st, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The first error of all as an object, for who prints it himself; else, or if there is none, NULL. */
struct json_object *failure_take(void);
/* EXIT_OK, or the exit code after it was said that what was printed is lost. */
int output_lost(void);
/* Last: the exit code of all, given that of the command. */
int failure_end(int ret);

/* text.c */
/* For a terminal: control characters, and what is no UTF-8, as "\\033". Four at a time. */
const char *plain(const char *text);
/* A string of valid UTF-8. */
struct json_object *json_text(const char *text);

/* print.c */
int exit_code(snap_status st);
/* A session to ask with, or NULL after an error was printed to *@exit. */
struct snap_session *open_session(int *exit);
/*
 * Finds what the user calls @text: an id, the unique beginning of one (at
 * least 4 digits), or the device of an image. @object: what it may be, NONE
 * for both. Prints an error and gives its exit code.
 */
int find_object(struct snap_session *s, const char *text, enum snap_object *object,
		snap_id *id);

const char *set_state_name(enum snap_set_state state);
const char *place_name(enum snap_place place);
const char *phase_name(enum snap_phase phase);
const char *snapshot_state_name(const struct snap_snapshot_props *p);
/* "fs" and so on. */
const char *consistency_name(enum snap_consistency c);
/* Takes the next name out of what was frozen; NULL: there is no more. To be freed. */
char *next_frozen(const char **frozen);
/* "2026-01-31 12:00:00", local time; "-" for 0. */
void format_time(uint64_t ns, char text[32]);
/* Nanoseconds since 1970. */
uint64_t time_now(void);
/* Nanoseconds since that time; 0 if it is yet to come, for the clock may have been set back. */
uint64_t time_since(uint64_t ns);
/* "1.5 GiB" */
void format_size(uint64_t bytes, char text[16]);
/* "5min": nanoseconds in the greatest unit of which they are one at least. */
void format_age(uint64_t ns, char text[16]);

/* print-set.c */
/* A set with its snapshots, for people; the second one with the room that each takes. */
int print_set(FILE *f, struct snap_session *s, const snap_id *set_id);
int print_set_room(FILE *f, struct snap_session *s, const snap_id *set_id);
void print_snapshot(FILE *f, const struct snap_snapshot_props *p);

/* store.c */
struct json_object;

/* Other sets with the same store. Zeros are none; v is to be freed. */
struct sharers {
	snap_id		*v;
	unsigned int	nr;
};

snap_status sharers_find(struct snap_session *s, const struct snap_set_props *set,
			 struct sharers *with);
const char *store_kind_name(enum snap_store_kind kind);
void print_store(FILE *f, const struct snap_set_props *p, const struct sharers *with);
struct json_object *json_store(const struct snap_set_props *p, const struct sharers *with);
struct json_object *json_full(const struct snap_set_props *p);
struct json_object *json_event_store(const struct snap_event *ev);

/* cmd-mount.c */
/* Where the images of a set are, on @f; and on stderr what is not there. */
void exposed_print(FILE *f, const struct snap_exposed *e);
struct json_object *json_exposed(const struct snap_exposed *e);

/* device.c */
struct device {
	uint32_t	major, minor;
	char		name[256];	/* "" if it has gone */
	unsigned int	snapshots;
	uint64_t	copied, allocated;
};

/* Zeros are none; v is to be freed. */
struct devices {
	struct device	*v;
	unsigned int	nr;
};

/* Counts @p in; false: no memory. */
bool devices_add(struct devices *d, const struct snap_snapshot_props *p);
/* Their sums, if they are more than the snapshots themselves tell. */
void devices_print(const struct devices *d);
struct json_object *json_devices(const struct devices *d);

/* json.c: stable keys, see snapset(8) */
struct json_object *json_failure(snap_status code, const char *text);
struct json_object *json_snapshot(const struct snap_snapshot_props *p);
/* The set with "snapshots"; NULL after an error, which is in the session. */
struct json_object *json_set_full(struct snap_session *s, const snap_id *set_id,
				  snap_status *st);
/* And what is exclusive, which takes time. */
struct json_object *json_set_room(struct snap_session *s, const snap_id *set_id,
				  snap_status *st);
struct json_object *json_storage(const struct snap_storage_props *p);
/* Adds to the "store" of a set why it is where it is. */
void json_add_place(struct json_object *set, enum snap_place place, const char *text);
struct json_object *json_event(const struct snap_event *ev);
/* Prints, ends the line and frees. */
void json_print(FILE *f, struct json_object *o, bool pretty);

#endif /* SNAPSET_TOOL_H */
