// SPDX-License-Identifier: GPL-2.0-only
/* Words for people: names, numbers; and finding what people name. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "tool.h"

int exit_code(snap_status st)
{
	switch (st) {
	case SNAP_E_ACCESSDENIED:
		return EXIT_ACCESS;
	case SNAP_E_INVALIDARG:
	case SNAP_E_OBJECT_ALREADY_EXISTS:
		return EXIT_ARGUMENT;
	case SNAP_E_OBJECT_NOT_FOUND:
		return EXIT_NOT_FOUND;
	case SNAP_E_VOLUME_NOT_SUPPORTED:
	case SNAP_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER:
	case SNAP_E_VOLUME_NOT_LOCAL:
	case SNAP_E_NESTED_VOLUME_LIMIT:
	case SNAP_E_NOT_SUPPORTED:
		return EXIT_NOT_SUPPORTED;
	case SNAP_E_UNSUPPORTED_CONTEXT:
		return EXIT_CONTEXT;
	case SNAP_E_INSUFFICIENT_STORAGE:
		return EXIT_STORAGE;
	case SNAP_E_VOLUME_IN_USE:
		return EXIT_IN_USE;
	case SNAP_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED:
	case SNAP_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED:
	case SNAP_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED:
		return EXIT_MAXIMUM;
	case SNAP_E_SNAPSHOT_SET_IN_PROGRESS:
		return EXIT_IN_PROGRESS;
	case SNAP_E_PROVIDER_VETO:
		return EXIT_VETO;
	case SNAP_E_PROVIDER_NOT_REGISTERED:
		return EXIT_NO_MODULE;
	case SNAP_E_FLUSH_WRITES_TIMEOUT:
	case SNAP_E_HOLD_WRITES_TIMEOUT:
	case SNAP_E_TRANSACTION_FREEZE_TIMEOUT:
	case SNAP_E_TRANSACTION_THAW_TIMEOUT:
	case SNAP_E_REBOOT_REQUIRED:
	case SNAP_E_UNEXPECTED_PROVIDER_ERROR:
		return EXIT_PROVIDER;
	default:
		return SNAP_FAILED(st) ? EXIT_UNKNOWN : EXIT_OK;
	}
}

struct snap_session *open_session(int *exit)
{
	struct snap_session *s;
	snap_status st = snap_open(0, &s);

	if (!SNAP_FAILED(st))
		return s;
	*exit = report_error(NULL, st);
	return NULL;
}

#define LISTED	6	/* of ids that might be meant */

struct search {
	const char		*text;		/* an id, or the beginning of one */
	size_t			len;
	const char		*device;	/* or this one */
	enum snap_object	object;
	snap_id			id;
	unsigned int		found;
	char			list[LISTED * 64];	/* of the first ones */
};

static void consider(struct search *f, enum snap_object object, const snap_id *id,
		     const char *device)
{
	char text[SNAP_ID_TEXT_MAX];

	snap_id_format(id, text);
	if (strncasecmp(text, f->text, f->len) &&
	    (!device || !device[0] ||
	     (strcmp(device, f->device) && strcmp(strrchr(device, '/') + 1, f->device))))
		return;
	f->object = object;
	f->id = *id;
	if (f->found++ < LISTED)
		sprintf(f->list + strlen(f->list), "%s%s %s", f->found > 1 ? ", " : "",
			object == SNAP_OBJECT_SNAPSHOT ? "snapshot" : "set", text);
}

static snap_status search(struct snap_session *s, struct search *f,
			  enum snap_object object)
{
	struct snap_filter filter = {
		.size = sizeof(filter), .object = object, .unfinished = true,
	};
	struct snap_snapshot_props snap = { .size = sizeof(snap) };
	struct snap_set_props set = { .size = sizeof(set) };
	struct snap_iter *it;
	snap_status st;

	st = snap_query(s, &filter, &it);
	if (SNAP_FAILED(st))
		return st;
	if (object == SNAP_OBJECT_SNAPSHOT)
		while (snap_iter_next_snapshot(it, &snap) == SNAP_S_OK)
			consider(f, object, &snap.id, snap.device);
	else
		while (snap_iter_next_set(it, &set) == SNAP_S_OK)
			consider(f, object, &set.id, NULL);
	snap_iter_free(it);
	return SNAP_S_OK;
}

/* @device: what @text is as a path, links followed. */
static int find(struct snap_session *s, const char *text, const char *device,
		enum snap_object *object, snap_id *id)
{
	struct search f = { .text = text, .len = strlen(text), .device = device };
	char whole[SNAP_ID_TEXT_MAX];
	snap_status st = SNAP_S_OK;

	if (f.len < 4)
		return usage_error("\"%s\" is too short to name a snapshot or a set", text);
	if (!snap_id_parse(text, id)) {		/* it may have braces */
		snap_id_format(id, whole);
		f.text = whole;
		f.len = strlen(whole);
	}
	if (*object != SNAP_OBJECT_SNAPSHOT_SET)
		st = search(s, &f, SNAP_OBJECT_SNAPSHOT);
	if (!SNAP_FAILED(st) && *object != SNAP_OBJECT_SNAPSHOT)
		st = search(s, &f, SNAP_OBJECT_SNAPSHOT_SET);
	if (SNAP_FAILED(st))
		return report_error(s, st);
	if (f.found > LISTED)
		return usage_error("\"%s\" is the beginning of %u ids: %s and others", text, f.found,
				   f.list);
	if (f.found > 1)
		return usage_error("\"%s\" is the beginning of %u ids: %s", text, f.found, f.list);
	if (!f.found)
		return report_failure(SNAP_E_OBJECT_NOT_FOUND, "there is no %s %s",
				      *object == SNAP_OBJECT_SNAPSHOT ? "snapshot" :
				      *object == SNAP_OBJECT_SNAPSHOT_SET ? "set" :
				      "snapshot or set", text);
	*object = f.object;
	*id = f.id;
	return EXIT_OK;
}

int find_object(struct snap_session *s, const char *text, enum snap_object *object,
		snap_id *id)
{
	char *device = *text == '/' ? realpath(text, NULL) : NULL;
	int ret = find(s, text, device ? device : text, object, id);

	free(device);
	return ret;
}

const char *set_state_name(enum snap_set_state state)
{
	static const char *const names[] = {
		[SNAP_SET_OPEN] = "open",
		[SNAP_SET_PREPARING] = "preparing",
		[SNAP_SET_FREEZING] = "freezing",
		[SNAP_SET_HOLDING] = "holding",
		[SNAP_SET_COMMITTED] = "committed",
		[SNAP_SET_CREATED] = "created",
		[SNAP_SET_ABORTING] = "aborting",
		[SNAP_SET_FAILED] = "failed",
		[SNAP_SET_CANCELLED] = "cancelled",
		[SNAP_SET_DELETED] = "deleted",
	};

	return (size_t)state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

const char *place_name(enum snap_place place)
{
	switch (place) {
	case SNAP_PLACE_COPIES:		return "copies";
	case SNAP_PLACE_STORAGE:	return "storage";
	case SNAP_PLACE_VOLUME:		return "volume";
	case SNAP_PLACE_ROOM:		return "room";
	case SNAP_PLACE_MEMORY:		return "memory";
	}
	return "unknown";
}

const char *phase_name(enum snap_phase phase)
{
	static const char *const names[] = {
		[SNAP_PHASE_NONE] = "none",
		[SNAP_PHASE_PREPARE] = "prepare",
		[SNAP_PHASE_FREEZE] = "freeze",
		[SNAP_PHASE_HOLD] = "hold",
		[SNAP_PHASE_RELEASE] = "release",
		[SNAP_PHASE_PUBLISH] = "publish",
		[SNAP_PHASE_DONE] = "done",
		[SNAP_PHASE_TRANSACTION_FREEZE] = "transaction-freeze",
		[SNAP_PHASE_TRANSACTION_THAW] = "transaction-thaw",
	};

	return (size_t)phase < sizeof(names) / sizeof(names[0]) && names[phase] ?
	       names[phase] : "unknown";
}

const char *snapshot_state_name(const struct snap_snapshot_props *p)
{
	switch (p->state) {
	case SNAP_SNAPSHOT_PREPARING:	return "preparing";
	case SNAP_SNAPSHOT_LIVE:	return "live";
	case SNAP_SNAPSHOT_DEAD:	return "dead";
	}
	return "unknown";
}

const char *consistency_name(enum snap_consistency c)
{
	switch (c) {
	case SNAP_CONSISTENCY_CRASH:	return "crash";
	case SNAP_CONSISTENCY_RAW:	return "raw";
	case SNAP_CONSISTENCY_FS:	return "fs";
	case SNAP_CONSISTENCY_UNKNOWN:	break;
	}
	return "unknown";
}

char *next_frozen(const char **frozen)
{
	size_t len = strcspn(*frozen, "\n"), n = 0;
	char *name = len ? malloc(len + 1) : NULL;

	for (size_t i = 0; name && i < len; i++) {
		unsigned int c;

		if ((*frozen)[i] == '\\' && sscanf(*frozen + i + 1, "%3o", &c) == 1) {
			name[n++] = (char)c;
			i += 3;
		} else {
			name[n++] = (*frozen)[i];
		}
	}
	if (name)
		name[n] = 0;
	*frozen += len + ((*frozen)[len] == '\n');
	return name;
}

void format_time(uint64_t ns, char text[32])
{
	time_t t = (time_t)(ns / 1000000000);
	struct tm tm;

	if (!ns || !localtime_r(&t, &tm) || !strftime(text, 32, "%Y-%m-%d %H:%M:%S", &tm))
		strcpy(text, "-");
}

uint64_t time_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t time_since(uint64_t ns)
{
	uint64_t now = time_now();

	return ns < now ? now - ns : 0;
}

void format_age(uint64_t ns, char text[16])
{
	uint64_t s = ns / 1000000000;

	if (s < 60)
		snprintf(text, 16, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(text, 16, "%" PRIu64 "min", s / 60);
	else if (s < 86400)
		snprintf(text, 16, "%" PRIu64 "h", s / 3600);
	else
		snprintf(text, 16, "%" PRIu64 "d", s / 86400);
}

void format_size(uint64_t bytes, char text[16])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double n = (double)bytes;
	int i = 0;

	while (n >= 1024 && i < 6) {
		n /= 1024;
		i++;
	}
	snprintf(text, 16, i && n < 100 ? "%.1f %s" : "%.0f %s", n, units[i]);
}
