/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of libsnap know of each other. Names that leave a file start
 * with snapi_, so that the static library stands in nobody's way.
 *
 * Locks of a session, outermost first:
 *	cmd_lock	one command at a time on cmd; members
 *	async->lock	status of the job
 *	query_lock	one question at a time on query
 *	lock		state, async, refs, turn, errors, set_id; nothing is called under it
 * Everything else of a session belongs to the thread that uses it.
 */
#ifndef LIBSNAP_INTERNAL_H
#define LIBSNAP_INTERNAL_H

#include <pthread.h>
#include <stdarg.h>
#include <sys/sysmacros.h>
#include <sys/types.h>

#include <linux/snapset.h>

#include "libsnap.h"

#define SNAPI_EXPORT	__attribute__((visibility("default")))
#define SNAPI_PRINTF(f)	__attribute__((format(printf, f, f + 1)))

/* error.c */
struct snapi_error {
	snap_status	code;
	int		sys_errno;
	bool		late;		/* no answer has come, and it may be done yet */
	enum snap_phase	phase;
	char		member[256];
	char		text[512];
};

/* Fills @e; a NULL @fmt stands for the text of @code. */
void snapi_error_set(struct snapi_error *e, snap_status code, int sys_errno,
		     const char *member, const char *fmt, ...) SNAPI_PRINTF(5);
/* Remembers an error of the session and returns its code. Any thread. */
snap_status snapi_fail(struct snap_session *s, snap_status code,
		       const char *member, const char *fmt, ...) SNAPI_PRINTF(4);
snap_status snapi_fail_with(struct snap_session *s, const struct snapi_error *e);
/* Why the set of the session failed. Any thread. */
void snapi_fail_job(struct snap_session *s, const struct snapi_error *e);
/* The error of this thread's snap_open(), for which there is no session yet. */
snap_status snapi_open_fail(const struct snapi_error *e);
/* The same of one that was recorded, and logged, when it happened. */
void snapi_open_keep(const struct snapi_error *e);
void snapi_open_error(struct snapi_error *e);
/* All but the size. */
void snapi_error_info(struct snap_error_info *out, const struct snapi_error *e);

/* journal.c */
/* Logs @e if its code is one that is always logged; @s may be NULL. Under no lock. */
void snapi_journal(struct snap_session *s, const struct snapi_error *e);
/* The set has ended: logs what was kept back. Under no lock of the session but async->lock. */
void snapi_journal_flush(struct snap_session *s);

/* code.c */
/* @err: positive. @cmd: SNAPSET_CMD_*, as EBUSY depends on it. */
snap_status snapi_code_from_errno(int err, int cmd);
/* An error code of the kernel as it is, if it is one; else UNEXPECTED_PROVIDER_ERROR. */
snap_status snapi_code_from_kernel(uint32_t code);

/* session.c */
enum snapi_state {
	SNAPI_NEW,
	SNAPI_SET_OPEN,
	SNAPI_COMMITTING,
	SNAPI_CREATED,
	SNAPI_FAILED,
	SNAPI_ABORTED,
};

struct snapi_member {
	snap_id	id;
	dev_t	dev;
	bool	held;			/* by what cannot be frozen, which is allowed */
	char	name[SNAPSET_NAME_MAX + 1];
};

enum snapi_how {
	SNAPI_SELF,
	SNAPI_DISK,		/* a partition's disk */
	SNAPI_PARTITION,	/* a disk's partition */
	SNAPI_SLAVE,		/* device-mapper or md: what it is made of */
	SNAPI_HOLDER,		/* the same, upwards */
	SNAPI_LOOP,		/* holds the file of a loop device */
};

struct snapi_blk {
	dev_t		dev;
	enum snapi_how	how;	/* how we came here from @from */
	unsigned int	from;	/* index; of SELF its own */
	unsigned int	loops;	/* loop devices on the way */
};

/* A set of block devices, [0] is where the walk began. Zeros are an empty one. */
struct snapi_blks {
	struct snapi_blk	*v;
	unsigned int		nr;
};

/* File systems that are in use and not mounted here. Zeros are none; found is to be freed. */
struct snapi_elsewhere {
	bool			look;	/* there are some, or it cannot be told */
	struct snapi_blks	found;	/* their devices */
};

struct nl_msg;
struct snapi_conn;

struct snap_session {
	uint64_t		serial;		/* never 0, no other session has had it */
	pthread_mutex_t		cmd_lock;
	struct snapi_conn	*cmd;		/* its socket is the owner of the set */
	uint64_t		cookie;
	struct snapi_member	members[SNAPSET_MAX_MEMBERS];
	unsigned int		nr_members;

	pthread_mutex_t		query_lock;
	struct snapi_conn	*query;

	pthread_mutex_t		lock;
	unsigned int		refs;
	enum snapi_state	state;
	struct snap_async	*async;		/* the job, until it is freed */
	struct snapi_error	err;		/* the last of any thread */
	struct snapi_error	job_err;	/* why its set failed */
	uint64_t		err_clock, err_at, job_err_at;	/* 0: it has not */
	const void		*err_by;	/* the thread whose err is, NULL: of none's call */
	struct snapi_error	unlogged;	/* for the journal, when the set has ended */
	int			turn;		/* eventfd that ends a wait in turn.c, or -1 */

	snap_id			set_id;		/* fixed after the start */
	bool			context_set;
	uint32_t		attrs;
	uint32_t		hold_ms, freeze_ms, stall_ms, wait_ms;
	uint64_t		budget, index_limit, quota;
	bool			allow_held, require_frozen;
	int			namespace;	/* of mounts, that names are of; -1: ours */
	uint32_t		expire_s;	/* 0: it does not */
	char			label[SNAPSET_LABEL_MAX + 1];
	struct snapi_elsewhere	elsewhere;	/* of its members */
	enum snap_full		full;
	uint32_t		full_wait_ms;
	struct {
		enum snap_store_kind	kind;
		bool			set;
		uint64_t		limit;
		uint64_t		id;	/* of the one that is shared */
		dev_t			dev;	/* 0: no device */
		char			*directory;	/* absolute; NULL: no file */
		uint64_t		bytes;		/* 0: as is usual */
		struct snapi_blks	devs;		/* below the file, once it is made or found */
	} store;

	char			*transactions;	/* directory, NULL: none */
	uint32_t		transaction_ms, window_ms;
	pthread_t		job;		/* to be joined, if ... */
	bool			has_job;
};

/* Whether nothing is started; @call is who asks. */
snap_status snapi_session_check_new(struct snap_session *s, const char *call);
struct snap_session *snapi_session_get(struct snap_session *s);
void snapi_session_put(struct snap_session *s);
/* Under no lock of the session: */
enum snapi_state snapi_session_state(struct snap_session *s);
void snapi_session_set_state(struct snap_session *s, enum snapi_state state);
/* The set is being made by @a; false: it was aborted meanwhile. */
bool snapi_session_commit(struct snap_session *s, struct snap_async *a);
/* Copies min(sizes) of a struct that begins with its size; zeros the rest. */
bool snapi_struct_out(void *out, const void *in, size_t in_size);
/* Whether that can be done. */
bool snapi_struct_fits(const void *out);
/* The same for arguments. False if the caller's struct says more than we know. */
bool snapi_struct_in(void *in, size_t in_size, const void *arg);
bool snapi_is_zeros(const void *p, size_t size);

/* clock.c */
uint64_t snapi_now_ms(void);

/* set.c */
/* Asks the kernel once to start the set. The error is in @e. Takes cmd_lock. */
snap_status snapi_set_start(struct snap_session *s, snap_id *id, struct snapi_error *e);
/* Has the kernel make the set. The error is in @e. Takes cmd_lock. */
snap_status snapi_set_do(struct snap_session *s, struct snapi_error *e);
/*
 * Asks the kernel to cancel the set and waits for the decision: SNAP_S_OK,
 * SNAP_S_ASYNC_CANCELLED, SNAP_S_ASYNC_FINISHED or an error.
 * *@decided: whether that was said by the kernel. Takes cmd_lock.
 */
snap_status snapi_set_ask_cancel(struct snap_session *s, bool *decided);
/* The same, and the session's state follows. */
snap_status snapi_set_cancel(struct snap_session *s, bool *decided);

/* storefile.c */
struct snapi_store_file {
	int	dir, fd;		/* -1: none */
	char	name[80];		/* in dir */
};

/*
 * Makes a file in the directory @path that the kernel may take for a store; @bytes: 0
 * for the usual size. First it removes what is left of others. The error is in @e.
 */
snap_status snapi_store_file_make(const char *path, uint64_t bytes,
				  struct snapi_store_file *f, struct snapi_error *e);
/* @taken: it is the kernel's; else it is removed. */
void snapi_store_file_close(struct snapi_store_file *f, bool taken);
/* Removes from a directory the files that are nobody's store any more; tells how many. */
unsigned int snapi_store_file_sweep(int fd);
/* Whether a file can be of that size. */
bool snapi_store_file_size_ok(uint64_t bytes);

/* store.c */
/* Makes the file, if the store is one; finds the store that is shared. The error is in @e. */
snap_status snapi_store_begin(struct snap_session *s, struct snapi_store_file *f,
			      struct snapi_error *e);
/* cmd_lock is held. */
void snapi_store_put(struct snap_session *s, struct nl_msg *m,
		     const struct snapi_store_file *f);

/* turn.c */
/*
 * Starts the set, and waits for somebody else's as long as the session says.
 * SNAP_S_ASYNC_CANCELLED: @stop_fd, if it is not below 0, got readable.
 */
snap_status snapi_turn_start(struct snap_session *s, int stop_fd, snap_id *id,
			     struct snapi_error *e);
/* Ends that wait, if there is one. Any thread. */
void snapi_turn_abort(struct snap_session *s);

/* namespace.c */
/*
 * Calls @fn, which leaves an error in @e, where the names are that the session is told. It is
 * another thread's call, maybe: it must not use snapi_fail().
 */
snap_status snapi_in_namespace(struct snap_session *s, void (*fn)(void *arg), void *arg,
			       struct snapi_error *e);

/* delete.c */
/* Deletes the set that the session has made, whatever is open, if it is still the session's. */
void snapi_delete_own(struct snap_session *s);

/* async.c */
/* The job of the session, listening, not yet started. The error is in @e. */
snap_status snapi_async_new(struct snap_session *s, bool has_job,
			    struct snap_async **out, struct snapi_error *e);
void snapi_async_get(struct snap_async *a);
/* The session's running job with a reference for snap_async_free(), or NULL. */
struct snap_async *snapi_async_of(struct snap_session *s);
/* It has ended so, if it had not ended before. */
void snapi_async_end(struct snap_async *a, snap_status end);
bool snapi_async_has_job(const struct snap_async *a);
/* For the job: its cancel is wanted if the first is readable. */
int snapi_async_wake_fd(const struct snap_async *a);
int snapi_async_events_fd(const struct snap_async *a);
bool snapi_async_cancel_wanted(struct snap_async *a);
/* It is in @phase now, for @ms milliseconds at most. */
void snapi_async_phase(struct snap_async *a, enum snap_phase phase, uint32_t ms);
/* How the kernel's set stands; @quiet: nothing was heard, ask. Why it failed is in @e. */
snap_status snapi_async_kernel(struct snap_async *a, bool quiet, struct snapi_error *e);
void snapi_async_finish(struct snap_async *a, snap_status status, struct snapi_error *e);

/* job.c */
/* Starts the thread that makes the set of @a. The error is in @e. */
snap_status snapi_job_start(struct snap_session *s, struct snap_async *a,
			    struct snapi_error *e);

/* transactions.c */
enum snapi_answer {
	SNAPI_FROZEN,
	SNAPI_THAWED,
	SNAPI_ABORTED_ALL,
	SNAPI_FAIL,		/* one did not freeze, or thaw; the error is set */
	SNAPI_LATE,		/* all were aborted, as the window is over; likewise */
	SNAPI_GONE,		/* likewise */
};

extern const char *snapi_helper;	/* a path; the tests have their own */

/* Starts snapset-transactions and gives its socket; -1: the error is in @e. */
int snapi_helper_start(struct snap_session *s, struct snapi_error *e);
/* "freeze", "thaw", or "abort" with a code. */
void snapi_helper_tell(int fd, const char *word, snap_status code);
enum snapi_answer snapi_helper_read(int fd, struct snapi_error *e);

/* query.c */
/* snap_query() with a filter that is good, but for the size. */
snap_status snapi_query(struct snap_session *s, const struct snap_filter *f,
			struct snap_iter **out, struct snapi_error *e);
/* An iterator of whatever, each of the size that the first item has; NULL: no memory. */
struct snap_iter *snapi_iter_new(enum snap_object object, size_t each);
/* Room for one more, zeros, or NULL. */
void *snapi_iter_add(struct snap_iter *it);
void snapi_iter_rewind(struct snap_iter *it);
/* Under async->lock at most. */
snap_status snapi_query_set(struct snap_session *s, const snap_id *id,
			    struct snap_set_props *p, struct snapi_error *e);
/* One that is created; @p is 0 but for its size. */
snap_status snapi_query_snapshot(struct snap_session *s, const snap_id *id,
				 struct snap_snapshot_props *p, struct snapi_error *e);
/* Whether somebody has a set in the making. */
bool snapi_query_making(struct snap_session *s, struct snapi_error *e);
/* A set that uses the store @store_id; false: there is none, or the error is in @e. */
bool snapi_query_store(struct snap_session *s, uint64_t store_id,
		       struct snap_set_props *p, struct snapi_error *e);

/* resolve.c */
struct snapi_volume {
	dev_t	dev;
	char	name[SNAPSET_NAME_MAX + 1];	/* as the user called it */
};

/*
 * "/srv", "/dev/x", "UUID=...": which block device? Of a file system with several that with
 * the data, which the volume is known by. The error is in @e.
 */
snap_status snapi_resolve(const char *arg, struct snapi_volume *vol,
			  struct snapi_error *e);
/* And adds all of its devices to @all, that one first. */
snap_status snapi_resolve_all(const char *arg, struct snapi_volume *vol,
			      struct snapi_blks *all, struct snapi_error *e);

/* The same without mount points: a store must not be what is mounted there. */
snap_status snapi_resolve_device_only(const char *arg, struct snapi_volume *vol,
				      struct snapi_error *e);

/* nested.c */
/*
 * Whether @vol may be a member beside @nr others; @store is the device of the
 * store, 0 if it is none.
 */
snap_status snapi_nested(const struct snapi_volume *vol,
			 const struct snapi_member *members, unsigned int nr,
			 dev_t store, struct snapi_error *e);
/*
 * Whether a set with @vol may have its store in a file on @devs: it may lie on @vol
 * itself, but not above or below. Of no devices: yes.
 */
snap_status snapi_nested_file(const struct snapi_volume *vol,
			      const struct snapi_blks *devs, struct snapi_error *e);

/* nested-sets.c: and whether it may be one beside what other sets have. Asks the kernel. */
snap_status snapi_nested_sets(struct snap_session *s, const struct snapi_volume *vol,
			      struct snapi_error *e);
/* The store of a set. False also if the kernel does not answer. */
bool snapi_is_store(struct snap_session *s, dev_t dev);

/*
 * held.c: whether something that nobody can ask to flush has it, or what stands on it.
 * What has it and is a file system that is not mounted here is added to @elsewhere.
 */
extern const char *snapi_devices;	/* "/dev"; the tests have their own */
snap_status snapi_held(struct snap_session *s, const struct snapi_volume *vol,
		       struct snapi_elsewhere *elsewhere, struct snapi_error *e);

/* storedev.c: whether nobody's data is on a device that is to be a store; the kernel has it. */
snap_status snapi_store_device_check(const struct snapi_volume *vol, struct snapi_error *e);
void snapi_store_device_taken(dev_t dev);

/* dm.c: a thin volume of device-mapper, see SNAPSET_A_NOFLUSH. False also if it is not known. */
bool snapi_dm_is_thin(dev_t dev);
/* Its table has nothing but targets that read nothing that they have discarded. Likewise. */
bool snapi_dm_passes_discards(dev_t dev);

/*
 * above.c: all that a discard of @dev may come through, @dev first; none, if one of these is
 * of a kind that is not known to pass it on without a thought. -ENOMEM or 0.
 */
int snapi_above(dev_t dev, struct snapi_blks *above);

/* sysfs.c: block devices as the kernel stacks them */
extern const char *snapi_sysfs;		/* "/sys"; the tests have their own */

/* -ENOMEM or 0. What cannot be read is not there. */
/* All that @dev stands on: its disk, its slaves, the disks of its loop file. */
int snapi_blks_below(struct snapi_blks *b, dev_t dev);
/* Adds all that stands on the sectors of @dev, without loop devices. */
int snapi_blks_above(struct snapi_blks *b, dev_t dev);
/* Whether every sector of @dev is one of @members': it is one, or what it is made of are. */
int snapi_blk_wholly_on(dev_t dev, const struct snapi_blks *members, bool *yes);
int snapi_blks_add(struct snapi_blks *b, dev_t dev, enum snapi_how how,
		   unsigned int from);
bool snapi_blks_has(const struct snapi_blks *b, dev_t dev);
void snapi_blks_free(struct snapi_blks *b);
/* "vdb1"; "8:17" if it is unknown. Returns whether it is known. */
bool snapi_blk_name(dev_t dev, char name[64]);
/* sentence.c: "254:17" in a sentence of the module becomes "/dev/vdb1". */
void snapi_sentence_name_devices(char *text, size_t size);
/* Bytes; 0 if it is unknown. */
uint64_t snapi_blk_bytes(dev_t dev);
bool snapi_blk_is_image(dev_t dev);
bool snapi_blk_is_loop(dev_t dev);

/* What makes one device of several, so that a single one of these is no volume. */
enum snapi_owner {
	SNAPI_OWNER_NONE,
	SNAPI_OWNER_MD,
	SNAPI_OWNER_MULTIPATH,
	SNAPI_OWNER_BCACHE,
};

/* What has @dev, or one of its partitions; the first that is found, which is called @name. */
enum snapi_owner snapi_blk_owner(dev_t dev, char name[160]);
/* "a leg of the array": what a device is that has such an owner. */
const char *snapi_owner_words(enum snapi_owner owner);

/* mount.c: the mount table */
/* The block devices of the file system that @path lies on; for loop files. */
int snapi_mount_devs_of(const char *path, struct snapi_blks *devs);

struct snapi_mount {
	char	target[4096];
	char	fstype[64];
	bool	is_root;		/* the path asked for is the mount point */
};

/* The mount @path lies on. -errno. */
int snapi_mount_find(const char *path, struct snapi_mount *mount,
		     struct snapi_blks *devs);
/* Whether a store can be a file of that type of file system, as far as is known. */
bool snapi_fstype_holds_stores(const char *type);

/* Where those are looked for; the tests have their own. */
extern const char *snapi_mounts;

/*
 * Calls @fn with the mount points of the file systems that may hold a store: of the right
 * kind, writable, on one device, not hidden; each file system once. -errno, or what @fn gave.
 */
int snapi_mounts_for_stores(int (*fn)(const char *target, void *arg), void *arg);

struct libmnt_fs;
struct libmnt_table;

/* NULL: no memory. */
struct libmnt_table *snapi_mount_table(void);
/*
 * Adds the block devices of a file system. -ENOMEM or 0; what cannot be read is not there.
 * @root: of whose mount namespace the table is, "" for ours.
 */
int snapi_fs_devs(struct libmnt_fs *fs, const char *root, struct snapi_blks *devs);
/* Adds the device of the journal of the ext4 on @dev, if it has one of its own. -ENOMEM or 0. */
int snapi_journal_devs(dev_t dev, struct snapi_blks *devs);
/* Opens the root of this very mount; -1: it is hidden, or not to be reached. */
int snapi_mount_open(struct libmnt_fs *fs, const char *root);

/* elsewhere.c */
extern const char *snapi_proc;		/* "/proc"; the tests have their own */
/*
 * Calls @fn with the mounts of each mount namespace but ours that some process is in;
 * @root: that process' root, "/proc/123/root". What @fn gave, if it is not 0; -ENOMEM.
 */
int snapi_elsewhere_mounted(int (*fn)(struct libmnt_table *tb, const char *root, void *arg),
			    void *arg);
/*
 * Opens a file that some process has open, or works in, on the file system of @dev, which
 * need not be mounted any more. @pid: whose. -1: there is none.
 */
int snapi_elsewhere_open(dev_t dev, char *pid, size_t size);

/* freezes.c */
struct snapi_freeze {
	int	fd;
	char	name[SNAPSET_NAME_MAX + 1];
};

/* The names of what is frozen for one member, one a line; as many as there is room for. */
struct snapi_frozen {
	unsigned int	nr;		/* of all */
	char	names[SNAPSET_FROZEN_MAX + 1];
};

struct snapi_freezes {
	struct snapi_freeze	*v;
	unsigned int		nr;
	struct snapi_frozen	*of;		/* each member */
};

/*
 * @elsewhere: what snapi_held() has found is looked for again, and must be there; NULL: nothing.
 * Opens every mounted file system that uses one of @members or what stands on their
 * sectors, each once, those mounted last first. One that lies elsewhere as well is an
 * error: its images would be a part of it.
 */
snap_status snapi_freezes_open(struct snapi_freezes *f,
			       const struct snapi_blks *members,
			       const struct snapi_elsewhere *elsewhere,
			       struct snapi_error *e);
void snapi_freezes_close(struct snapi_freezes *f);

/* nl.c: generic netlink; the only file that knows libnl */
struct nlattr;

struct snapi_attrs {
	const struct nlattr	*a[SNAPSET_A_MAX + 1];
	uint8_t			cmd;
};

/* @events: join the multicast group, do not block. The error is in @e. */
snap_status snapi_conn_open(bool events, struct snapi_conn **out,
			    struct snapi_error *e);
void snapi_conn_close(struct snapi_conn *c);
int snapi_conn_fd(const struct snapi_conn *c);

/* NULL: no memory. @bytes: room for attributes. */
struct nl_msg *snapi_msg_new(struct snapi_conn *c, int cmd, bool dump,
			     size_t bytes);
/* A put that fails is remembered and fails the call. */
void snapi_put_u32(struct snapi_conn *c, struct nl_msg *m, int attr, uint32_t v);
void snapi_put_u64(struct snapi_conn *c, struct nl_msg *m, int attr, uint64_t v);
void snapi_put_id(struct snapi_conn *c, struct nl_msg *m, int attr, const snap_id *id);
void snapi_put_str(struct snapi_conn *c, struct nl_msg *m, int attr, const char *v);
void snapi_put_raw(struct snapi_conn *c, struct nl_msg *m, int attr, const void *v, size_t len);
void snapi_put_flag(struct snapi_conn *c, struct nl_msg *m, int attr);
struct nlattr *snapi_nest(struct snapi_conn *c, struct nl_msg *m, int attr);
void snapi_nest_end(struct nl_msg *m, struct nlattr *nest);

typedef int (*snapi_reply_fn)(const struct snapi_attrs *attrs, void *arg);

/*
 * Sends @m and frees it, gives each answer to @fn (may be NULL; nonzero stops
 * it), and waits for the acknowledgement. The error is in @e.
 */
snap_status snapi_call(struct snapi_conn *c, struct nl_msg *m,
		       snapi_reply_fn fn, void *arg, struct snapi_error *e);
/*
 * Gives what has come on an events connection to @fn until there is no more or
 * @fn returns nonzero. 0, or -ENOBUFS: events were lost; or another -errno.
 */
int snapi_conn_drain(struct snapi_conn *c, snapi_reply_fn fn, void *arg);

bool snapi_nested_attrs(const struct snapi_attrs *attrs, int attr,
			struct snapi_attrs *inner);

/* attr.c: of a missing or short attribute: 0, zeros, "" */
bool snapi_has(const struct snapi_attrs *attrs, int attr);
uint32_t snapi_u32(const struct snapi_attrs *attrs, int attr);
uint64_t snapi_u64(const struct snapi_attrs *attrs, int attr);
void snapi_id(const struct snapi_attrs *attrs, int attr, snap_id *id);
void snapi_str(const struct snapi_attrs *attrs, int attr, char *buf, size_t len);

/* props.c: what the kernel says of things, as the caller reads it. All are 0 before. */
void snapi_props_set(const struct snapi_attrs *a, struct snap_set_props *p);
void snapi_props_snapshot(const struct snapi_attrs *a, struct snap_snapshot_props *p);
void snapi_props_event(const struct snapi_attrs *a, struct snap_event *ev);

#endif /* LIBSNAP_INTERNAL_H */
