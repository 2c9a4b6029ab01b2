/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsnap - one instant across several block devices.
 *
 * A session makes one snapshot set, in the order
 *
 *	snap_open -> [snap_set_*] -> snap_start_snapshot_set
 *		-> snap_add_to_snapshot_set, once for each volume
 *		-> snap_do_snapshot_set -> snap_async_wait -> snap_async_status
 *		-> use /dev/snapsetN -> snap_close
 *
 * The calls have the names, the order, the result codes and, where those are
 * known, the meanings of the requester interface of Microsoft's Volume Shadow
 * Copy Service (VSS); "VSS:" below names the method a call stands for. What
 * VSS leaves open is decided and written down here.
 *
 * Rules that hold for all calls:
 *
 * Result	A snap_status: negative is an error, 0 and above is not. Calls
 *		that return void cannot fail.
 * Out		parameters are set only if the call did not fail, unless the
 *		call says otherwise. An out parameter marked "may be NULL" is
 *		not wanted then; any other NULL gives SNAP_E_INVALIDARG.
 * Strings	are UTF-8 and end with 0. Ids are 16 bytes, a UUID.
 * Structs	begin with their size, which the caller sets to sizeof before
 *		the call; a library newer than the caller fills no more than
 *		that, an older one fills the rest with zeros. An argument that
 *		says more than the library knows is SNAP_E_INVALIDARG; what is
 *		called reserved must be zeros. Padding may be anything.
 * Sentence	After any error snap_last_error() tells what happened, in words
 *		fit for the user. Print it.
 * Threads	A session is used by one thread at a time, but
 *		snap_async_status(), _wait(), _cancel(), _fd(), _progress() and
 *		snap_abort() may be called from any thread, any number at once.
 *		snap_close() and snap_async_free() must be the last call on
 *		their object. No call is safe in a signal handler. Nothing is
 *		shared between sessions. The library starts no thread, but for a
 *		set with snap_set_transactions() one, and see
 *		snap_set_mount_namespace().
 * fork		The kernel knows the owner of a set by a socket. A child keeps
 *		it open until it calls exec or exits; it must not use the
 *		session.
 * Rights	Every call that asks the kernel needs CAP_SYS_ADMIN in the
 *		initial user namespace: SNAP_E_ACCESSDENIED otherwise.
 *
 * Any call may return SNAP_E_OUTOFMEMORY, SNAP_E_ACCESSDENIED,
 * SNAP_E_UNEXPECTED or SNAP_E_UNEXPECTED_PROVIDER_ERROR (an answer of the
 * kernel module that this library does not know; its errno is in
 * snap_last_error()). They are not repeated below. The last two are written to
 * the systemd journal, too, see SNAP_JOURNAL_MESSAGE_ID.
 */
#ifndef LIBSNAP_H
#define LIBSNAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIBSNAP_VERSION		"0.1.0"

/* ------------------------------------------------------------------------
 * Result codes: the HRESULT values of VSS.
 */
typedef int32_t snap_status;

#define SNAP_FAILED(st)		((st) < 0)
#define SNAP_SUCCEEDED(st)	((st) >= 0)	/* true for "cancelled", too */
#define SNAP_FINISHED(st)	((st) == SNAP_S_ASYNC_FINISHED)

#define SNAP_CODE_(value)	((snap_status)(value))

/* Not errors */
#define SNAP_S_OK			SNAP_CODE_(0x00000000)
#define SNAP_S_FALSE			SNAP_CODE_(0x00000001) /* nothing (more) there */
#define SNAP_S_ASYNC_PENDING		SNAP_CODE_(0x00042309) /* still running */
#define SNAP_S_ASYNC_FINISHED		SNAP_CODE_(0x0004230A) /* ended, and well */
#define SNAP_S_ASYNC_CANCELLED		SNAP_CODE_(0x0004230B) /* cancelled; nothing is left */

/* The caller */
#define SNAP_E_ACCESSDENIED		SNAP_CODE_(0x80070005)
#define SNAP_E_INVALIDARG		SNAP_CODE_(0x80070057)
#define SNAP_E_BAD_STATE		SNAP_CODE_(0x80042301) /* not now: wrong order of calls */
#define SNAP_E_UNSUPPORTED_CONTEXT	SNAP_CODE_(0x8004231B)
#define SNAP_E_OBJECT_NOT_FOUND		SNAP_CODE_(0x80042308) /* no such volume, set or snapshot */
#define SNAP_E_OBJECT_ALREADY_EXISTS	SNAP_CODE_(0x8004230D) /* the volume is in the set already */

/* The volume */
#define SNAP_E_VOLUME_NOT_SUPPORTED	SNAP_CODE_(0x8004230C)
#define SNAP_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER SNAP_CODE_(0x8004230E)
#define SNAP_E_VOLUME_NOT_LOCAL		SNAP_CODE_(0x8004232D)
#define SNAP_E_VOLUME_IN_USE		SNAP_CODE_(0x8004231D)
#define SNAP_E_NESTED_VOLUME_LIMIT	SNAP_CODE_(0x8004232C) /* one volume stands on the other */
#define SNAP_E_UNSELECTED_VOLUME	SNAP_CODE_(0x8004232A)
#define SNAP_E_SNAPSHOT_NOT_IN_SET	SNAP_CODE_(0x8004232B)

/* Limits */
#define SNAP_E_OUTOFMEMORY		SNAP_CODE_(0x8007000E)
#define SNAP_E_INSUFFICIENT_STORAGE	SNAP_CODE_(0x8004231F)
#define SNAP_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED SNAP_CODE_(0x80042312)
#define SNAP_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED SNAP_CODE_(0x80042317)
#define SNAP_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED SNAP_CODE_(0x8004231E)

/* Time: wait, then try again; see snap_retry_advice() */
#define SNAP_E_FLUSH_WRITES_TIMEOUT	SNAP_CODE_(0x80042313) /* a file system did not freeze in time */
#define SNAP_E_HOLD_WRITES_TIMEOUT	SNAP_CODE_(0x80042314) /* writes could not be held, or were held too long */
#define SNAP_E_TRANSACTION_FREEZE_TIMEOUT SNAP_CODE_(0x80042328)
#define SNAP_E_TRANSACTION_THAW_TIMEOUT	SNAP_CODE_(0x80042329)
#define SNAP_E_SNAPSHOT_SET_IN_PROGRESS	SNAP_CODE_(0x80042316) /* one set in the making per machine */
#define SNAP_E_REVERT_IN_PROGRESS	SNAP_CODE_(0x80042325)

/* The provider, which is the kernel module */
#define SNAP_E_UNEXPECTED		SNAP_CODE_(0x80042302)
#define SNAP_E_NOT_SUPPORTED		SNAP_CODE_(0x8004232F)
#define SNAP_E_PROVIDER_NOT_REGISTERED	SNAP_CODE_(0x80042304) /* the module is not loaded */
#define SNAP_E_PROVIDER_VETO		SNAP_CODE_(0x80042306) /* refused for now, for a known reason */
#define SNAP_E_UNEXPECTED_PROVIDER_ERROR SNAP_CODE_(0x8004230F)
#define SNAP_E_REBOOT_REQUIRED		SNAP_CODE_(0x80042327) /* no set before that: the hook is lost */
#define SNAP_E_REVERT_VOLUME_LOST	SNAP_CODE_(0x80042326)
#define SNAP_E_AUTORECOVERY_FAILED	SNAP_CODE_(0x800423FB)

/* Writers (application hooks); this version returns the first only, for transactions */
#define SNAP_E_UNEXPECTED_WRITER_ERROR	SNAP_CODE_(0x80042315)
#define SNAP_E_WRITER_INFRASTRUCTURE	SNAP_CODE_(0x80042318)
#define SNAP_E_WRITER_NOT_RESPONDING	SNAP_CODE_(0x80042319)
#define SNAP_E_WRITER_STATUS_NOT_AVAILABLE SNAP_CODE_(0x80042409)
#define SNAP_E_WRITERERROR_PARTIAL_FAILURE SNAP_CODE_(0x80042336)
#define SNAP_E_WRITERERROR_INCONSISTENTSNAPSHOT SNAP_CODE_(0x800423F0)
#define SNAP_E_WRITERERROR_OUTOFRESOURCES SNAP_CODE_(0x800423F1)
#define SNAP_E_WRITERERROR_TIMEOUT	SNAP_CODE_(0x800423F2)
#define SNAP_E_WRITERERROR_RETRYABLE	SNAP_CODE_(0x800423F3)
#define SNAP_E_WRITERERROR_NONRETRYABLE	SNAP_CODE_(0x800423F4)
#define SNAP_E_WRITERERROR_RECOVERY_FAILED SNAP_CODE_(0x800423F5)

/* The next four take any code and cannot fail. VSS: none. */

/* "SNAP_E_BAD_STATE", or "unknown code"; never NULL. */
const char *snap_code_name(snap_status code);
/* One sentence in English without a full stop; never NULL. */
const char *snap_strerror(snap_status code);
/* The nearest errno, positive; 0 for codes that are not errors. */
int snap_to_errno(snap_status code);
/* Whether the same job may go well later without anybody changing anything. */
bool snap_is_transient(snap_status code);
/*
 * How to retry after @code: wait @delay_s seconds, and no more than @max_tries
 * times; each try needs a new session. SNAP_S_FALSE, and zeros, if a retry is
 * of no use. Either pointer may be NULL. VSS: none; it documents ten minutes and
 * three times for the codes of DoSnapshotSet.
 */
snap_status snap_retry_advice(snap_status code, unsigned int *delay_s,
			      unsigned int *max_tries);

/* ------------------------------------------------------------------------
 * Ids
 */
typedef struct { uint8_t b[16]; } snap_id;

#define SNAP_ID_TEXT_MAX	37	/* with the 0 */

/* Ids need no session. VSS: none of these; there they are GUIDs, with calls of their own. */

/* Writes the UUID in lower case, 36 characters and a 0, to @text. Neither may be NULL. */
void snap_id_format(const snap_id *id, char text[SNAP_ID_TEXT_MAX]);
/*
 * Reads what snap_id_format() writes, in lower or upper case, with or without
 * braces around it. SNAP_E_INVALIDARG: it is not a UUID.
 */
snap_status snap_id_parse(const char *text, snap_id *id);
/* Whether both are the same; neither may be NULL. */
bool snap_id_equal(const snap_id *a, const snap_id *b);
/* Whether all bytes are 0, which stands for "none"; @id may not be NULL. */
bool snap_id_is_null(const snap_id *id);

/*
 * Reads a size as people write it, in bytes: a number, and maybe one of K, M, G, T, P, E, in
 * either case. That is a power of 1024, with "iB" behind it, too; with "B" ("10MB") it is one
 * of 1000, as for other tools of storage. 0 is a size. Needs no session.
 * SNAP_E_INVALIDARG: it is no such thing, or more than 64 bits hold. VSS: none.
 */
snap_status snap_parse_size(const char *text, uint64_t *bytes);

/* ------------------------------------------------------------------------
 * Sessions
 */
struct snap_session;
struct snap_async;
struct snap_iter;
struct snap_events;

/* What a set is doing; also where it was when it failed. */
enum snap_phase {
	SNAP_PHASE_NONE,
	SNAP_PHASE_PREPARE,	/* reserving memory and store, syncing */
	SNAP_PHASE_FREEZE,	/* freezing file systems */
	SNAP_PHASE_HOLD,	/* writes are held, those in flight are drained */
	SNAP_PHASE_RELEASE,	/* the instant is past; thawing */
	SNAP_PHASE_PUBLISH,	/* making /dev/snapsetN */
	SNAP_PHASE_DONE,
	/* the library's own */
	SNAP_PHASE_TRANSACTION_FREEZE = 100, /* comes before PREPARE; see snap_set_transactions() */
	SNAP_PHASE_TRANSACTION_THAW,	/* comes after PUBLISH */
};

/*
 * Each SNAP_E_UNEXPECTED and SNAP_E_UNEXPECTED_PROVIDER_ERROR is a record with
 * this MESSAGE_ID in the journal, written when the set of the session is not in
 * the making, as file systems may be frozen before; without a journal no call
 * fails. Its fields: SNAP_CODE ("0x80042302"), SNAP_CODE_NAME, SNAP_PHASE
 * ("hold"; "none"), SNAP_ERRNO, SNAP_TEXT, and where there is one SNAP_SET_ID and
 * SNAP_VOLUME; PRIORITY is 3. VSS: the application event log.
 */
#define SNAP_JOURNAL_MESSAGE_ID	"81d9a7e2afbe4d4394c82d16740b29c1"

struct snap_error_info {
	size_t		size;
	snap_status	code;		/* SNAP_S_OK: nothing has failed */
	int		sys_errno;	/* positive, 0 if there was none */
	enum snap_phase	phase;		/* NONE unless a set failed on its way */
	char		member[256];	/* the volume, or mount point, it is about, "" if none */
	char		text[512];	/* the sentence, without a full stop */
};

/*
 * Opens a session. @flags must be 0.
 * SNAP_E_PROVIDER_NOT_REGISTERED: the kernel module is not loaded.
 * VSS: CreateVssBackupComponents and InitializeForBackup.
 */
snap_status snap_open(unsigned int flags, struct snap_session **session);

/*
 * Ends the session; NULL is allowed. A set in the making is aborted, and its
 * snapshots without SNAP_CTX_NO_AUTO_RELEASE are deleted, even if an image is
 * open; all that is done when the call returns. The kernel does the same if the
 * process dies. A running snap_async ends as cancelled; free it. VSS: Release.
 */
void snap_close(struct snap_session *session);

/*
 * Fills @info with the last error of the session that is this thread's business: of its own
 * calls, or of the set, whichever came last; if there was none, with that of another thread.
 * With NULL that of the last snap_open() or snap_create_simple() of this thread. Code SNAP_S_OK
 * if none has failed. Not changed by calls that went well. Any time before snap_close().
 * SNAP_E_INVALIDARG: @info is NULL or its size is wrong.
 * VSS: none; it has codes only.
 */
snap_status snap_last_error(struct snap_session *session,
			    struct snap_error_info *info);

/* Contexts and attributes, with the numbers of VSS */
#define SNAP_CTX_BACKUP			0x00000000u	/* needs writers: not yet */
#define SNAP_CTX_FILE_SHARE_BACKUP	0x00000010u	/* default: no writers, released with the session */
#define SNAP_CTX_APP_ROLLBACK		0x00000009u	/* persistent: not yet */
#define SNAP_CTX_NAS_ROLLBACK		0x00000019u	/* persistent: not yet */

#define SNAP_ATTR_PERSISTENT		0x00000001u
#define SNAP_ATTR_CLIENT_ACCESSIBLE	0x00000004u
#define SNAP_ATTR_NO_AUTO_RELEASE	0x00000008u	/* outlives the session, not the reboot */
#define SNAP_ATTR_NO_WRITERS		0x00000010u
#define SNAP_ATTR_DIFFERENTIAL		0x00020000u	/* always reported */

#define SNAP_CTX_NO_AUTO_RELEASE	SNAP_ATTR_NO_AUTO_RELEASE

/*
 * Says what kind of set is to be made: SNAP_CTX_FILE_SHARE_BACKUP, with or
 * without SNAP_CTX_NO_AUTO_RELEASE. Once, before snap_start_snapshot_set().
 * SNAP_E_UNSUPPORTED_CONTEXT: a context that needs writers or persistence,
 * which this version has not. SNAP_E_INVALIDARG: bits that do not exist.
 * SNAP_E_BAD_STATE: called twice or too late. VSS: SetContext.
 */
snap_status snap_set_context(struct snap_session *session, uint32_t context);

/*
 * Times in milliseconds, 0 for the default.
 * @hold_ms	1..10000 (10000): writes are held no longer than that, from the
 *		first held to the last released; kept by the kernel.
 * @freeze_ms	1..60000 (10000): likewise for frozen file systems.
 * @stall_ms	100..60000 (5000): how long the store may make no progress
 *		before the snapshot is given up for the sake of the writers.
 * SNAP_E_INVALIDARG: out of range. SNAP_E_BAD_STATE: the set is started.
 * VSS: none; there the hold is 10 s and cannot be changed.
 */
snap_status snap_set_timeouts(struct snap_session *session, uint32_t hold_ms,
			      uint32_t freeze_ms, uint32_t stall_ms);

/*
 * RAM for data on its way to the store, of the whole set; past it writers wait.
 * @bytes	1 MiB..1 GiB, 0 for the default (32 MiB)
 * SNAP_E_INVALIDARG: out of range. SNAP_E_BAD_STATE: the set is started.
 * VSS: none.
 */
snap_status snap_set_budget(struct snap_session *session, uint64_t bytes);

/*
 * RAM for the indexes of the set's snapshots, which say what has been kept and where:
 * 8 to some 20 bytes for each 4 KiB that are overwritten at random, nearly nothing where much
 * is overwritten in sequence. They stay until the snapshots go. The one that comes past the
 * limit is lost, as are all older snapshots of its volume: writers and the machine go on.
 * @bytes	1 MiB at least, 0 for the default (an eighth of the machine's RAM)
 * SNAP_E_INVALIDARG: out of range. SNAP_E_BAD_STATE: the set is started.
 * VSS: none; there the index lies in the diff area.
 */
snap_status snap_set_index_limit(struct snap_session *session, uint64_t bytes);

/*
 * What the set is called by its maker, for people, and for who deletes what is his.
 * @label	UTF-8, 63 bytes at most, without control characters; NULL or "": nothing
 * SNAP_E_INVALIDARG: too long. SNAP_E_BAD_STATE: the set is started. VSS: none.
 */
snap_status snap_set_label(struct snap_session *session, const char *label);

/*
 * How long after the set was made it is deleted by itself, whatever its context; if an image
 * is open then, as soon as none is any more. Time that the machine sleeps does not count.
 * @seconds	1..31622400 (366 days); 0: never, the default
 * SNAP_E_INVALIDARG: out of range. SNAP_E_BAD_STATE: the set is started. VSS: none.
 */
snap_status snap_set_expiry(struct snap_session *session, uint32_t seconds);

#define SNAP_WAIT_FOREVER	UINT32_MAX

/*
 * How long snap_start_snapshot_set() waits for somebody else's set in the making.
 * @wait_ms	milliseconds; 0, the default: not at all; SNAP_WAIT_FOREVER
 * Meanwhile snap_abort() of another thread ends the wait, and nothing else of
 * the session. SNAP_E_BAD_STATE: the set is started. VSS: none; its callers try
 * again.
 */
snap_status snap_set_wait(struct snap_session *session, uint32_t wait_ms);

enum snap_store_kind {
	SNAP_STORE_MEMORY,	/* RAM */
	SNAP_STORE_DEVICE,	/* a block device or partition, of 2112 KiB at least; what is on it
				 * is lost, so one with a signature on it is SNAP_E_INVALIDARG
				 */
	SNAP_STORE_FILE,	/* a file in a directory, made for it, and removed when it goes */
	SNAP_STORE_SHARED,	/* that of an earlier set, which stays until no set uses it; only
				 * said to snap_set_store(): the properties tell what it is
				 */
};

struct snap_store {
	size_t			size;
	enum snap_store_kind	kind;
	uint64_t		limit;	/* MEMORY: most bytes, 0 for the default (a quarter of RAM) */
	const char		*device;/* DEVICE: path, UUID= or LABEL= */
	const char		*directory;/* FILE */
	uint64_t		bytes;	/* FILE: 64 KiB at least; 0: a tenth of the file system,
					 * or 320 MiB if that is more, but half of what is free
					 * at most
					 */
	uint64_t		store_id;/* SHARED: as in struct snap_set_props, and nothing else */
};

/*
 * Where old data goes; copied. Without this call: memory.
 * SNAP_E_INVALIDARG, SNAP_E_OBJECT_NOT_FOUND: no such device or directory.
 * SNAP_E_BAD_STATE: the set is started. VSS: AddDiffArea.
 *
 * A SHARED one is looked for by snap_start_snapshot_set().
 *
 * A FILE is allocated by snap_start_snapshot_set(), on ext4, xfs or btrfs. The directory may
 * lie on a volume of the set, whose image then has zeros there; it may not lie on one that has snapshots already. Nobody can write, cut,
 * rename or remove the file while the set is there. What is left of files after a power
 * cut goes when the next one is made in the directory.
 */
snap_status snap_set_store(struct snap_session *session,
			   const struct snap_store *store);

/* What is done when the store has no room for what a write would destroy. */
enum snap_full {
	SNAP_FULL_SET,		/* the snapshots of this set are given up */
	SNAP_FULL_OLDEST,	/* the device's oldest snapshot is deleted, also if its image is open,
				 * then the next; if none is left that uses the store, or writers
				 * have waited for too long: as SET
				 */
	SNAP_FULL_WAIT,		/* writers wait for snap_storage_extend() or for deletions; if that
				 * takes too long: as SET
				 */
};

/*
 * Chooses one of them for the set; whoever shares the store has his own. Without this
 * call: SNAP_FULL_SET.
 * @wait_ms	the longest that writers wait for room: 1..60000 ms, 0 for the default
 *		(5000); with SNAP_FULL_SET nobody waits, and it must be 0
 * SNAP_E_INVALIDARG: out of range. SNAP_E_BAD_STATE: the set is started. VSS: none; it
 * deletes the oldest shadow copies of the volume.
 */
snap_status snap_set_full_policy(struct snap_session *session,
				 enum snap_full policy, uint32_t wait_ms);

/*
 * Whether a volume may be added that something holds for itself which nothing can ask to
 * write what it has: an exported target, a database on a raw disk. Its image is as after a
 * crash (SNAP_CONSISTENCY_CRASH). Without this it is refused with
 * SNAP_E_VOLUME_NOT_SUPPORTED.
 * @allow	false is the default
 * SNAP_E_BAD_STATE: not before snap_do_snapshot_set(). VSS: none.
 */
snap_status snap_set_allow_held(struct snap_session *session, bool allow);

/*
 * In which mount namespace the names of volumes, and of the store's device or directory, are
 * looked up from now on, and file systems to freeze are looked for: that of the process @pid,
 * 1 for an agent in a container that shares the host's processes. Paths must be absolute then.
 * @pid		0, the default: that of the caller
 * SNAP_E_OBJECT_NOT_FOUND: no such process. SNAP_E_ACCESSDENIED: it needs CAP_SYS_PTRACE,
 * CAP_SYS_CHROOT and CAP_SYS_ADMIN. SNAP_E_BAD_STATE: the set is started.
 * Calls that look up names then start a thread each, which ends before they return. VSS: none.
 */
snap_status snap_set_mount_namespace(struct snap_session *session, int pid);

/*
 * Whether each volume must be one of which all that uses it can be frozen
 * (SNAP_CONSISTENCY_FS); else snap_do_snapshot_set() fails with SNAP_E_VOLUME_NOT_SUPPORTED.
 * @require	false is the default
 * SNAP_E_BAD_STATE: not before snap_do_snapshot_set(). VSS: none.
 */
snap_status snap_set_require_frozen(struct snap_session *session, bool require);

/*
 * Limits what the store keeps for each of the volumes that are added from now on. The
 * snapshot of a volume that needs more is lost, whatever room the store has.
 * @bytes	4096 at least; 0: as much as there is room for, which is the default
 * SNAP_E_INVALIDARG: out of range. SNAP_E_BAD_STATE: not before snap_do_snapshot_set().
 * VSS: the maximum size of AddDiffArea.
 */
snap_status snap_set_quota(struct snap_session *session, uint64_t bytes);

/*
 * Has the programs in @directory make the transactions of databases and the like
 * stand still around the instant. NULL, the default: none are run.
 * @transaction_ms	1..60000 (0: 10000): for all freezes together, and for
 *			all thaws
 * @window_ms		1..600000 (0: 60000): from the first freeze begun to the
 *			last thaw done
 *
 * snap_do_snapshot_set() then starts a thread, which blocks all signals and ends
 * with the job, and the helper snapset-transactions. That calls each program with
 * the argument "freeze", in the order of their names; then the kernel makes the
 * set; when writes and file systems are released, it calls each with "thaw", in the
 * reverse order. Each program whose freeze began gets exactly one "thaw", or else one
 * "abort": if a freeze failed, the set did, was cancelled, the window is over, or
 * this process died, however that was. The job is pending until all that is done.
 * See snapset(8) for how to write a program.
 *
 * The job may end with
 * SNAP_E_TRANSACTION_FREEZE_TIMEOUT	not all have frozen in time, or the
 *					window was over before the set was made
 * SNAP_E_TRANSACTION_THAW_TIMEOUT	not all have thawed in time, or the window
 *					was over after that; the set is deleted
 * SNAP_E_UNEXPECTED_WRITER_ERROR	a program failed; if it did so in its thaw,
 *					the set is deleted
 * SNAP_E_UNEXPECTED			the directory or a program is not root's or
 *					can be written by others, or the helper
 *					cannot be run
 * and all errors that snap_do_snapshot_set() would give, if they come up later.
 *
 * SNAP_E_INVALIDARG: not an absolute path, not a directory, out of range.
 * SNAP_E_OBJECT_NOT_FOUND: no such directory. SNAP_E_BAD_STATE: not before
 * snap_do_snapshot_set(). VSS: none; there transactions (KTM, DTC) are frozen for
 * every set unless its context says VSS_VOLSNAP_ATTR_NOT_TRANSACTED.
 */
snap_status snap_set_transactions(struct snap_session *session,
				  const char *directory, uint32_t transaction_ms,
				  uint32_t window_ms);

/* ------------------------------------------------------------------------
 * Making a set
 */

/*
 * Begins the one set of this session and gives its id. There is one set in
 * the making per machine: SNAP_E_SNAPSHOT_SET_IN_PROGRESS if somebody else
 * has it, still after the time of snap_set_wait(), or if snap_abort() ended
 * that; the session stays good, wait and call again.
 * SNAP_E_BAD_STATE: the session had its set.
 * With a store in a file: SNAP_E_INSUFFICIENT_STORAGE, SNAP_E_VOLUME_NOT_SUPPORTED: no
 * room for it, or not on such a file system; SNAP_E_NESTED_VOLUME_LIMIT: the directory
 * lies on a volume that has snapshots. No file is left then. With a shared store:
 * SNAP_E_OBJECT_NOT_FOUND: no set uses it any more. VSS: StartSnapshotSet.
 */
snap_status snap_start_snapshot_set(struct snap_session *session,
				    snap_id *set_id);

/*
 * Adds a volume: a mount point, a block device, "UUID=...", "LABEL=...",
 * "PARTUUID=..." or "PARTLABEL=...". Gives the id that its snapshot will have (may be
 * NULL).
 *
 * A mount point stands for all devices of its file system: btrfs and bcachefs on several,
 * the log and the realtime device of xfs, the journal of ext4. Each gets a snapshot of its
 * own by the same name, and snap_query() tells whose origin is which; the id is that of
 * the device with the data. A set can have 64 devices.
 *
 * SNAP_E_INVALIDARG	a path that is neither a mount point nor a device
 * SNAP_E_OBJECT_NOT_FOUND	nothing has this name
 * SNAP_E_VOLUME_NOT_SUPPORTED	no block device below it (tmpfs, NFS,
 *			overlay, ZFS), or a device of a kind that the module
 *			cannot watch
 * SNAP_E_OBJECT_ALREADY_EXISTS	the volume is in the set
 * SNAP_E_NESTED_VOLUME_LIMIT	it shares sectors with another volume of the
 *			set, stands on it or below it (device-mapper, md, loop
 *			file), is a loop in a loop, a leg of an active md
 *			array, a path of a multipath, a part of a bcache, or
 *			itself an image or store of snapset; or the file that
 *			is the store lies above or below it
 * SNAP_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED, _OF_SNAPSHOTS_REACHED
 * SNAP_E_PROVIDER_VETO	not now, the sentence says why
 * SNAP_E_REBOOT_REQUIRED	ftrace did not let the module's hook go when it was last used,
 *			so no volume can be taken before the machine is booted again
 * SNAP_E_BAD_STATE	no set is open
 * After an error the set is as it was; but if one device of a volume was added and another
 * was not, it is given up. VSS: AddToSnapshotSet.
 */
snap_status snap_add_to_snapshot_set(struct snap_session *session,
				     const char *volume, snap_id *snapshot_id);

/*
 * Whether the volume could be a member of a set by itself, as far as can be
 * said without adding it. *@supported is false with *@why (may be NULL)
 * VOLUME_NOT_SUPPORTED or NESTED_VOLUME_LIMIT, and the sentence in
 * snap_last_error(). SNAP_E_OBJECT_NOT_FOUND, SNAP_E_INVALIDARG: as above.
 * Any time. VSS: IsVolumeSupported.
 */
snap_status snap_is_volume_supported(struct snap_session *session,
				     const char *volume, bool *supported,
				     snap_status *why);

/*
 * Starts to make the set: file systems above the volumes are frozen, writes
 * are held on all volumes at once, and the snapshots begin. SNAP_S_OK says
 * only that it runs. File systems are found through the mount table of the
 * caller's mount namespace.
 *
 * SNAP_E_BAD_STATE		no set is open, or it is empty
 * SNAP_E_NESTED_VOLUME_LIMIT	mounts or stacks changed since the add
 * SNAP_E_VOLUME_NOT_SUPPORTED	a mounted file system cannot be reached to
 *				be frozen: another mount hides it; or it lies
 *				on a device as well that is not in the set
 * After an error here the set is still open. VSS: DoSnapshotSet.
 */
snap_status snap_do_snapshot_set(struct snap_session *session,
				 struct snap_async **async);

/*
 * Gives up the set in the making, whoever waits for it; returns when nothing
 * is frozen or held any more. A snap_start_snapshot_set() that waits for somebody
 * else's set returns. SNAP_S_OK also if there is nothing to abort.
 * SNAP_S_ASYNC_FINISHED: too late, the set exists. VSS: AbortBackup.
 */
snap_status snap_abort(struct snap_session *session);

/* ------------------------------------------------------------------------
 * The running job. VSS: IVssAsync.
 */

/*
 * How it stands; does not wait. *@status: SNAP_S_ASYNC_PENDING, _FINISHED,
 * _CANCELLED or the error it ended with: SNAP_E_INSUFFICIENT_STORAGE,
 * SNAP_E_FLUSH_WRITES_TIMEOUT, SNAP_E_HOLD_WRITES_TIMEOUT,
 * SNAP_E_PROVIDER_VETO, SNAP_E_OUTOFMEMORY, SNAP_E_NESTED_VOLUME_LIMIT,
 * SNAP_E_UNEXPECTED_PROVIDER_ERROR, and those of snap_set_transactions(). Once it has
 * ended the answer stays. Success is FINISHED, never SNAP_S_OK. VSS: QueryStatus.
 */
snap_status snap_async_status(struct snap_async *async, snap_status *status);

/*
 * Waits up to @timeout_ms milliseconds, -1 for ever, 0 not at all. Signals
 * do not end it. SNAP_S_OK: it has ended, well or not; ask for the status.
 * SNAP_S_ASYNC_PENDING: time is up. SNAP_E_INVALIDARG: @timeout_ms < -1.
 * Never returns the error of the job itself. VSS: Wait.
 */
snap_status snap_async_wait(struct snap_async *async, int timeout_ms);

/*
 * Cancels and waits for the outcome, which is one of
 * SNAP_S_OK		cancelled now; nothing is left, held or frozen
 * SNAP_S_ASYNC_CANCELLED	had been cancelled before
 * SNAP_S_ASYNC_FINISHED	too late: the set exists
 * an error		it had failed before
 * and transactions have been aborted when it returns. What is under way in the kernel is
 * waited for, but for no longer than 15 s: a device that hangs is left to it, with
 * SNAP_S_OK, or SNAP_S_ASYNC_PENDING if it had not decided. VSS: Cancel.
 */
snap_status snap_async_cancel(struct snap_async *async);

/*
 * A descriptor for poll(2) and friends, valid until snap_async_free(); -1 if
 * @async is NULL. It is readable for good once the job has ended. It may be
 * readable before: call snap_async_status(), which makes it quiet again. Do
 * not read from it. VSS: none; there one waits.
 */
int snap_async_fd(struct snap_async *async);

/*
 * Why the job failed; code SNAP_S_OK while it runs, or if it ended otherwise. No call of
 * any thread changes it. Any time until snap_async_free(). SNAP_E_INVALIDARG: a NULL, or a size
 * that is wrong. VSS: none; QueryStatus has a code only.
 */
snap_status snap_async_error(struct snap_async *async, struct snap_error_info *info);

struct snap_progress {
	size_t		size;
	enum snap_phase	phase;
	uint64_t	elapsed_ns;	/* since snap_do_snapshot_set() */
	uint64_t	deadline_ns;	/* left for this phase, 0: no limit */
	char		member[256];	/* volume or mount point it waits for now, "" if none */
};

/*
 * How far it is; does not wait. Any time until snap_async_free(); once it has
 * ended it says where that was, DONE if well. SNAP_E_INVALIDARG: a NULL, or a
 * size that is too small. VSS: QueryStatus, which was to give a percentage and
 * never did.
 */
snap_status snap_async_progress(struct snap_async *async,
				struct snap_progress *progress);

/*
 * Frees; NULL is allowed. A job that still runs goes on, and how it ended is
 * in the properties of the set. May be called before or after snap_close().
 * VSS: Release of the IVssAsync.
 */
void snap_async_free(struct snap_async *async);

/*
 * Does the set and waits for the end: SNAP_S_ASYNC_FINISHED, _CANCELLED or the
 * error of snap_do_snapshot_set() or of the job. VSS: DoSnapshotSet and Wait.
 */
static inline snap_status
snap_do_snapshot_set_wait(struct snap_session *session)
{
	struct snap_async *async;
	snap_status st = snap_do_snapshot_set(session, &async);

	if (SNAP_FAILED(st))
		return st;
	st = snap_async_wait(async, -1);
	if (SNAP_SUCCEEDED(st)) {
		snap_status end;

		st = snap_async_status(async, &end);
		if (SNAP_SUCCEEDED(st))
			st = end;
	}
	snap_async_free(async);
	return st;
}

/* Why a store is where it is, if nobody has said where. */
enum snap_place {
	SNAP_PLACE_COPIES,	/* where other snapshots of a volume have theirs */
	SNAP_PLACE_STORAGE,	/* as snap_storage_add() was told */
	SNAP_PLACE_VOLUME,	/* on a volume of the set */
	SNAP_PLACE_ROOM,	/* on the file system with the most room */
	SNAP_PLACE_MEMORY,	/* nowhere else */
};

/*
 * What snap_create_simple() goes by; zeros are the defaults.
 */
struct snap_simple_options {
	size_t			size;
	uint32_t		hold_ms;	/* as snap_set_timeouts() */
	uint32_t		freeze_ms;
	uint32_t		stall_ms;
	uint32_t		wait_ms;	/* as snap_set_wait() */
	uint64_t		budget;		/* as snap_set_budget() */
	const struct snap_store	*store;		/* as snap_set_store(); NULL: see below */
	const char		*transactions;	/* as snap_set_transactions() */
	uint32_t		transaction_ms;
	uint32_t		window_ms;
	bool			no_retry;	/* one try only */
	unsigned int		max_delay_s;	/* most seconds between two tries, 0: as advised */
	int			stop_fd;	/* readable: stop; not read from; 0: none */
	/*
	 * Told before each wait: the error, the seconds until the next try, and
	 * how many tries may come after that. False: no more tries. In the
	 * caller's thread; may call snap_ functions.
	 */
	bool			(*before_retry)(void *arg,
						const struct snap_error_info *why,
						unsigned int delay_s,
						unsigned int more);
	void			*arg;
	enum snap_full		full;		/* as snap_set_full_policy() */
	uint32_t		full_wait_ms;
	uint64_t		quota;		/* as snap_set_quota(), of each volume */
	/*
	 * Told once the set is there, if store is NULL: what was chosen, and in a
	 * few words why. In the caller's thread.
	 */
	void			(*store_chosen)(void *arg, enum snap_place place,
						const struct snap_store *store,
						const char *text);
	uint64_t		index_limit;	/* as snap_set_index_limit() */
	bool			allow_held;	/* as snap_set_allow_held() */
	bool			require_frozen;	/* as snap_set_require_frozen() */
	const char		*label;		/* as snap_set_label() */
	/*
	 * Told about five times a second where the job is and what it waits for, if it does
	 * not get on; what is done sooner is not told. In the caller's thread.
	 */
	void			(*progress)(void *arg, const struct snap_progress *progress);
	uint32_t		expire_s;	/* as snap_set_expiry() */
	uint8_t			reserved[4];
};

/*
 * Opens a session, makes one set of the @n @volumes, waits for its end, and
 * tries again as snap_retry_advice() says, each time with a new session; with
 * its delays of ten minutes that may take half an hour.
 * @context	as snap_set_context()
 * @options	may be NULL
 * @session	the session that has the set, to be closed by the caller
 * @set_id	may be NULL
 * SNAP_S_ASYNC_FINISHED	the set is there; only then out parameters are set
 * SNAP_S_ASYNC_CANCELLED	stop_fd got readable; nothing is left
 * SNAP_E_INVALIDARG		no volumes, or a NULL
 * or the last error of the calls above, with its sentence in
 * snap_last_error(NULL, ...) of this thread; nothing is left.
 * No signal ends it: use stop_fd. VSS: none.
 *
 * Without a store it takes the first of these that is to be had:
 * - a file in the directory where other snapshots of the volumes have theirs, or if that lies
 *   on what has snapshots, their store: the set shares it
 * - a file in the directory that snap_storage_add() was told for the first of the volumes
 *   that has one, or for all others. If that is full it is an error.
 * - a file on a volume of the set, or else on the file system that has the most room, in the
 *   directory .snapset, which it makes. Of ext4, xfs, and btrfs on one device; the file
 *   takes half of what is free at most, and that must do for a tenth of the volumes or 320
 *   MiB
 * - memory
 * New files are never made on what has snapshots. The file has the minimum of
 * snap_storage_add(), or a tenth of the volumes, 320 MiB if that is more, and no more than
 * all there is to keep.
 */
snap_status snap_create_simple(const char *const *volumes, unsigned int n,
			       uint32_t context,
			       const struct snap_simple_options *options,
			       struct snap_session **session, snap_id *set_id);

/* ------------------------------------------------------------------------
 * Sets and snapshots of this machine, whoever made them
 */
enum snap_set_state {
	SNAP_SET_OPEN,		/* volumes may be added */
	SNAP_SET_PREPARING,
	SNAP_SET_FREEZING,
	SNAP_SET_HOLDING,
	SNAP_SET_COMMITTED,	/* the instant is past */
	SNAP_SET_CREATED,
	SNAP_SET_ABORTING,
	SNAP_SET_FAILED,
	SNAP_SET_CANCELLED,
	SNAP_SET_DELETED,
};

enum snap_snapshot_state {
	SNAP_SNAPSHOT_PREPARING,
	SNAP_SNAPSHOT_LIVE,
	SNAP_SNAPSHOT_DEAD,	/* lost: every read of the image fails with EIO */
};

/* What was done above a volume for the instant. The greater, the surer. */
enum snap_consistency {
	SNAP_CONSISTENCY_UNKNOWN,	/* made by a program that did not say */
	SNAP_CONSISTENCY_CRASH,		/* something used it that could not be frozen */
	SNAP_CONSISTENCY_RAW,		/* no file system was mounted from it */
	SNAP_CONSISTENCY_FS,		/* each file system that was in use on it was frozen */
};

struct snap_set_props {
	size_t			size;
	snap_id			id;
	uint32_t		attrs;		/* SNAP_ATTR_* */
	uint32_t		members;	/* number of volumes */
	enum snap_set_state	state;
	enum snap_phase		phase;
	snap_status		code;		/* as snap_async_status(); S_OK before the DO */
	uint64_t		created_ns;	/* the instant: ns since 1970, UTC; 0: not yet */
	uint64_t		elapsed_ns;	/* since the DO, while it runs */
	uint64_t		deadline_ns;	/* left for the present phase, 0: none */
	/* how long making it took, in ns */
	uint64_t		prepare_ns;	/* DO .. first freeze */
	uint64_t		freeze_ns;	/* first freeze begun .. last frozen */
	uint64_t		hold_ns;	/* first write held .. last released */
	uint64_t		drain_ns;	/* last gate closed .. last write in flight done */
	uint64_t		frozen_ns;	/* first freeze begun .. last thawed */
	uint64_t		total_ns;	/* DO .. images there */
	uint64_t		parked;		/* writes that were held */
	uint64_t		budget;		/* bytes of RAM */
	enum snap_store_kind	store_kind;
	uint32_t		store_major;	/* DEVICE */
	uint32_t		store_minor;
	uint64_t		store_size;	/* bytes it can hold */
	uint64_t		store_used;	/* bytes it holds */
	char			text[512];	/* the sentence, if it failed */
	char			waits_for[256];	/* volume or mount point the phase waits for, or
						 * that it failed at; ""
						 */
	uint32_t		store_files;	/* how many; of a store of another kind what it
						 * was made larger by
						 */
	char			store_path[256];/* the first of them; "" if that is too long */
	uint64_t		store_id;	/* its number, never 0; sets that share it have the same */
	uint64_t		store_rate;	/* bytes per second that it was given lately */
	enum snap_full		full;		/* as snap_set_full_policy() */
	uint32_t		full_wait_ms;	/* means nothing with SNAP_FULL_SET */
	uint32_t		full_waits;	/* how often writers had to wait for room */
	uint32_t		full_dropped;	/* older snapshots that were deleted to have room */
	uint64_t		index_limit;	/* bytes of RAM, as snap_set_index_limit() */
	enum snap_consistency	consistency;	/* the least of its snapshots' */
	int			sys_errno;	/* that it failed with; 0: none */
	char			label[64];	/* as snap_set_label() */
	uint64_t		expires_ns;	/* ns since 1970, as snap_set_expiry(); 0: never, or not
						 * created yet
						 */
	uint32_t		owner_pid;	/* the process that opened its session, which may have
						 * ended; 0: a module that does not tell
						 */
	char			owner_comm[16];	/* its name then */
};

struct snap_snapshot_props {
	size_t			size;
	snap_id			id;
	snap_id			set_id;
	uint32_t		set_members;	/* volumes in the set when made */
	uint32_t		attrs;		/* SNAP_ATTR_* */
	enum snap_snapshot_state state;
	char			volume[256];	/* as it was named when added */
	char			origin[256];	/* device: "/dev/vdb1" */
	uint32_t		origin_major;
	uint32_t		origin_minor;
	char			device[256];	/* image: "/dev/snapset0", "" while there is none */
	uint32_t		device_major;
	uint32_t		device_minor;
	uint32_t		block_size;	/* logical, bytes */
	uint32_t		openers;	/* how often the image is open */
	uint64_t		bytes;		/* size of the image */
	uint64_t		created_ns;	/* the instant: ns since 1970, UTC */
	uint64_t		drain_ns;	/* what this volume's writes in flight took */
	uint64_t		copied;		/* bytes kept for this snapshot */
	uint64_t		stored;		/* bytes of it in the store */
	uint64_t		in_ram;		/* bytes of it on their way there */
	snap_status		code;		/* why it is dead, else SNAP_S_OK */
	char			text[512];	/* the sentence to it */
	uint64_t		quota;		/* bytes, as snap_set_quota(); 0: none */
	uint64_t		allocated;	/* bytes of stores that hold what is kept for it */
	uint64_t		exclusive;	/* bytes of allocated that its deletion would give back */
	bool			exclusive_known;/* only if struct snap_filter asked for it */
	uint64_t		index;		/* bytes of RAM that say what is kept, and where */
	enum snap_consistency	consistency;
	char			frozen[512];	/* the mount points that were frozen for it, one a
						 * line, as many as there is room for; in a name
						 * "\012" is a line end and "\134" a backslash
						 */
};

/*
 * Fills @props with what is known of the snapshot @snapshot_id, of whichever
 * session. Any time. SNAP_E_OBJECT_NOT_FOUND: there is none, or its set is not
 * created yet. SNAP_E_INVALIDARG: a NULL, or a size that is too small.
 * VSS: GetSnapshotProperties.
 */
snap_status snap_get_snapshot_properties(struct snap_session *session,
					 const snap_id *snapshot_id,
					 struct snap_snapshot_props *props);

/*
 * How many bytes of its store the deletion of the snapshot @snapshot_id would give back:
 * what no older snapshot of the device needs. That is counted, which takes time. Any time.
 * SNAP_E_OBJECT_NOT_FOUND, SNAP_E_INVALIDARG: as above. VSS: none.
 */
snap_status snap_get_snapshot_exclusive(struct snap_session *session,
					const snap_id *snapshot_id,
					uint64_t *bytes);

/*
 * Likewise of the set @set_id, also of one in the making, and of one that failed
 * until its session starts another or ends. SNAP_E_OBJECT_NOT_FOUND,
 * SNAP_E_INVALIDARG: as above. VSS: none; there a set is an id in its snapshots.
 */
snap_status snap_get_set_properties(struct snap_session *session,
				    const snap_id *set_id,
				    struct snap_set_props *props);

enum snap_object {
	SNAP_OBJECT_NONE,
	SNAP_OBJECT_SNAPSHOT_SET,	/* an id names a set, or sets are asked for */
	SNAP_OBJECT_SNAPSHOT,
	SNAP_OBJECT_STORAGE,		/* of iterators only */
};

struct snap_filter {
	size_t			size;
	enum snap_object	object;		/* what to list */
	snap_id			set_id;		/* only of this set; zeros: any */
	const char		*volume;	/* only of this volume, named as for add, or as it was
						 * then if it is none any more; NULL: any
						 */
	bool			unfinished;	/* also what is not created or has failed */
	bool			count_exclusive;/* SNAPSHOT: fill exclusive, which takes time */
	uint8_t			reserved[6];
};

/*
 * Lists objects as they are now. SNAP_S_FALSE, and an empty iterator to free, if
 * there is none. SNAP_E_OBJECT_NOT_FOUND: there is no such volume. VSS: Query.
 */
snap_status snap_query(struct snap_session *session,
		       const struct snap_filter *filter,
		       struct snap_iter **iter);
/*
 * The next one, in the order in which they were made; each fills @props.
 * SNAP_S_FALSE at the end. SNAP_E_INVALIDARG: a NULL, a size that is too small,
 * or the iterator has the other kind. They ask nobody and need no session.
 * VSS: IVssEnumObject::Next.
 */
snap_status snap_iter_next_set(struct snap_iter *iter,
			       struct snap_set_props *props);
snap_status snap_iter_next_snapshot(struct snap_iter *iter,
				    struct snap_snapshot_props *props);
/* NULL is allowed. May be called after snap_close(). VSS: Release of the IVssEnumObject. */
void snap_iter_free(struct snap_iter *iter);

/*
 * The set @set_id, which is created, becomes this session's, whosesoever it was: its snapshots
 * stay when the session ends (SNAP_ATTR_NO_AUTO_RELEASE), or with snap_adopt() go then, as those
 * of the session's own set. Any time.
 * SNAP_E_OBJECT_NOT_FOUND	no such set
 * SNAP_E_BAD_STATE		it is not created
 * VSS: none.
 */
snap_status snap_keep(struct snap_session *session, const snap_id *set_id);
snap_status snap_adopt(struct snap_session *session, const snap_id *set_id);

/*
 * Deletes the snapshot or set @id. All or nothing: SNAP_E_VOLUME_IN_USE if an
 * image is open (mounted), and stays so for a second, as udev opens every new
 * image for a moment; with @force it goes anyway, and who has it open
 * reads EIO. SNAP_E_BAD_STATE: the set is in the making, abort it.
 * SNAP_E_OBJECT_NOT_FOUND. Nothing of it is left when this returns; but it waits no
 * longer than 5 s for what a hung device or store holds. *@deleted (may be NULL) is the number of snapshots
 * deleted, and *@not_deleted (may be NULL) the one that was in the way, zeros
 * if none; both are always set. VSS: DeleteSnapshots.
 */
snap_status snap_delete_snapshots(struct snap_session *session,
				  const snap_id *id, enum snap_object type,
				  bool force, unsigned int *deleted,
				  snap_id *not_deleted);

struct snap_exposed {
	size_t		size;
	char		directory[4096];/* where the tree is */
	unsigned int	mounted;	/* mount points in it */
	unsigned int	left;		/* volumes of the set that have no place in it */
	char		why[512];	/* of the first of these */
};

/*
 * Mounts what the images of a set have, read-only, as one tree: each file system at the same
 * place below @directory where that of its volume is mounted now, or else was when it was
 * frozen; parts of a file system that are mounted elsewhere are not, nor is a btrfs on several
 * devices. Of a snapshot: its file
 * system alone, at @directory. Nothing is written to an image, so journals are not replayed;
 * devices and set-user-id bits mean nothing there. Only the mount namespace of the caller
 * gets to see it, and those made from it later.
 * @directory	covered while the tree is there; NULL: one in /run/snapset, for root alone,
 *		which is made
 * @exposed	may be NULL
 * SNAP_S_FALSE			done, but some volumes have no place in the tree
 * SNAP_E_OBJECT_NOT_FOUND	no such set, snapshot or directory
 * SNAP_E_VOLUME_NOT_SUPPORTED	one could not be mounted, or there is nothing to be mounted
 * SNAP_E_PROVIDER_VETO		nothing can be mounted at @directory
 * or why a snapshot is dead; nothing is mounted then. VSS: ExposeSnapshot.
 */
snap_status snap_expose(struct snap_session *session, const snap_id *id,
			enum snap_object type, const char *directory,
			struct snap_exposed *exposed);
/*
 * Unmounts it, innermost first; a directory that snap_expose() made is removed. The deletion of
 * the set or snapshot by snap_delete_snapshots() does so, too.
 * @id		of which set or snapshot; NULL: of any, and @directory says which
 * @directory	where the tree is; NULL: wherever
 * @force	also if something is in use there
 * SNAP_E_OBJECT_NOT_FOUND	nothing of it is mounted in this mount namespace
 * SNAP_E_VOLUME_IN_USE		a file or directory is open; what lay further inside is unmounted
 * VSS: UnexposeSnapshot.
 */
snap_status snap_unexpose(struct snap_session *session, const snap_id *id,
			  enum snap_object type, const char *directory, bool force);

/*
 * Makes the store of the set @set_id larger, of whichever session, by one more file in
 * @directory; any time while the set is there. What does not fit into a store in memory or
 * on a device goes to the file. Those who share the store share it, too.
 * @bytes	as in struct snap_store, 0 for the default
 * SNAP_E_OBJECT_NOT_FOUND		no such set or directory
 * SNAP_E_INVALIDARG			no directory, or too small
 * SNAP_E_VOLUME_NOT_SUPPORTED		none can be there, or its blocks are larger than those
 *					of a volume
 * SNAP_E_INSUFFICIENT_STORAGE		no room in the directory
 * SNAP_E_NESTED_VOLUME_LIMIT		the directory lies on a volume that has snapshots,
 *					above one of a set that uses the store, or below
 * VSS: ChangeDiffAreaMaximumSize.
 */
snap_status snap_storage_extend(struct snap_session *session,
				const snap_id *set_id, const char *directory,
				uint64_t bytes);

/* ------------------------------------------------------------------------
 * Storage: which volume keeps its old data where, for snap_create_simple() and for who
 * makes stores larger in time ("snapset monitor"). It is kept in the file
 * /etc/snapset/storage.conf, see snapset(8), which may be edited by hand: a line that is not
 * understood fails each of these calls with SNAP_E_INVALIDARG, and the sentence has its
 * number. @session may be NULL in all but snap_storage_growth(): then the module is not
 * asked and need not be loaded, and the sentence is that of snap_last_error(NULL, ...).
 */
#define SNAP_UNBOUNDED		UINT64_MAX

struct snap_storage {
	size_t		size;
	const char	*volume;	/* as for add, by an absolute path; "*": all that have none */
	const char	*directory;	/* absolute */
	uint64_t	minimum;	/* bytes that a store begins with */
	uint64_t	maximum;	/* of all stores of these volumes there, or SNAP_UNBOUNDED */
	uint32_t	minimum_percent;/* instead: 1..100, of the directory's file system */
	uint32_t	maximum_percent;
};

/*
 * Says where the volume keeps its old data from now on. Zeros: the minimum is as for
 * snap_create_simple(), the maximum unbounded, but a twentieth of the file system stays free.
 * The directory is made, for root alone, if only the last part of its name is missing.
 * If it lies on a volume of the set a store cannot grow there, and begins with
 * the maximum, if there is one.
 * A small store is made there to see whether one can be, and goes at once; with a session the
 * module looks at it. What may pass, as a lack of room, is no error.
 * SNAP_E_INVALIDARG, SNAP_E_OBJECT_NOT_FOUND: no such volume or directory
 * SNAP_E_VOLUME_NOT_SUPPORTED, SNAP_E_INVALIDARG, SNAP_E_ACCESSDENIED: no store can be there,
 * as snap_start_snapshot_set() would say; a directory that was made has gone
 * SNAP_E_OBJECT_ALREADY_EXISTS: it is said already
 * SNAP_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED: the volume has another directory
 * VSS: AddDiffArea.
 */
snap_status snap_storage_add(struct snap_session *session,
			     const struct snap_storage *storage);
/*
 * Changes minimum and maximum, if not 0. The directory may be NULL, and cannot be changed.
 * SNAP_S_FALSE: more is allocated than the new maximum; that stays, but does not grow.
 * SNAP_E_OBJECT_NOT_FOUND: the volume has none. VSS: ChangeDiffAreaMaximumSize, where 0
 * deletes.
 */
snap_status snap_storage_resize(struct snap_session *session,
				const struct snap_storage *storage);
/*
 * Forgets it. SNAP_E_VOLUME_IN_USE: a store lies there, unless @force; it stays in any case.
 * SNAP_E_OBJECT_NOT_FOUND: the volume has none. VSS: ChangeDiffAreaMaximumSize with 0.
 */
snap_status snap_storage_remove(struct snap_session *session, const char *volume,
				bool force);

struct snap_storage_props {
	size_t		size;
	char		volume[256];
	char		directory[4096];
	uint64_t	minimum;	/* bytes, 0: default */
	uint64_t	maximum;	/* bytes, or SNAP_UNBOUNDED */
	uint32_t	minimum_percent;/* 0: not said so */
	uint32_t	maximum_percent;
	uint32_t	stores;		/* of sets that are there */
	uint64_t	allocated;	/* bytes that they can hold */
	uint64_t	used;		/* bytes that they do */
	bool		present;	/* there is such a volume now */
};

/*
 * Lists them in their order in the file; SNAP_S_FALSE, and an empty iterator to free, if
 * there is none. VSS: QueryDiffAreasForVolume and its like.
 */
snap_status snap_storage_query(struct snap_session *session, struct snap_iter **iter);
snap_status snap_iter_next_storage(struct snap_iter *iter,
				   struct snap_storage_props *props);

struct snap_storage_growth {
	size_t		size;
	char		directory[4096];/* for snap_storage_extend() */
	uint64_t	minimum;	/* bytes that it should be larger by */
	uint64_t	room;		/* bytes that it can be larger by */
	uint64_t	most;		/* bytes that it can need in all */
};

/*
 * Where and how far the store of a set can grow: in the directory of its storage, up to the
 * maximum; or, if it was put into a .snapset by snap_create_simple(), there, or if it cannot
 * grow there on another file system. A store whose directory its maker chose belongs to
 * nobody else: SNAP_S_FALSE, as for one that is not of files. Makes the directory, if it is a
 * .snapset.
 * SNAP_E_INSUFFICIENT_STORAGE: it has its maximum, or there is no room
 * SNAP_E_NESTED_VOLUME_LIMIT: the directory lies on what has snapshots
 * SNAP_E_OBJECT_NOT_FOUND: no such set. VSS: none.
 */
snap_status snap_storage_growth(struct snap_session *session, const snap_id *set_id,
				struct snap_storage_growth *growth);

struct snap_module_info {
	size_t		size;
	char		version[64];	/* of the kernel module */
	char		hook[64];	/* kernel function it has hooked, "" if none */
	uint32_t	granule_size;	/* bytes: smallest unit that is copied */
	char		counters[2048];	/* "name value\n"...: for tests */
};

/*
 * About the kernel module. Any time. SNAP_E_INVALIDARG: a NULL, or a size that is
 * too small. VSS: QueryProviders.
 */
snap_status snap_get_module_info(struct snap_session *session,
				 struct snap_module_info *info);

/* ------------------------------------------------------------------------
 * Events of this machine. VSS has none; it writes the event log.
 */
enum snap_event_type {
	SNAP_EVENT_SET_STATE,		/* set_id state code text */
	SNAP_EVENT_SNAPSHOT_DEAD,	/* set_id snapshot_id code text */
	SNAP_EVENT_SNAPSHOT_DELETED,	/* set_id snapshot_id */
	SNAP_EVENT_STORE_LOW,		/* set_id store_ text: 50, 75, 90 % used; of those that share
					 * the store, the newest set
					 */
	SNAP_EVENT_STORE_FULL,		/* set_id store_ text [snapshot_id]: whose writers wait, and
					 * which older snapshot was deleted for them
					 */
	SNAP_EVENT_INDEX_LOW,		/* set_id text: 50, 75, 90 % of snap_set_index_limit() used */
	SNAP_EVENT_LOST = 1000,		/* events were lost: ask with snap_query() */
};

struct snap_event {
	size_t			size;
	uint32_t		type;	/* enum snap_event_type; skip what you do not know */
	uint64_t		seq;	/* +1 with each event of the module */
	snap_id			set_id;
	snap_id			snapshot_id;
	enum snap_set_state	state;
	snap_status		code;
	char			text[512];
	uint64_t		store_id;	/* as in struct snap_set_props; 0: no store is meant */
	enum snap_store_kind	store_kind;
	uint64_t		store_size;	/* bytes it can hold */
	uint64_t		store_used;	/* bytes it holds */
	uint64_t		store_rate;	/* bytes per second that it was given lately */
	enum snap_consistency	consistency;	/* of a set that is created: its snapshots' least */
	enum snap_phase		phase;		/* the next three: of a set that has failed */
	int			sys_errno;	/* 0: none */
	char			member[256];	/* volume or mount point that it failed at, "" */
};

/*
 * Begins to listen: what happens from now on is told. Independent of the session
 * once opened; one thread at a time. SNAP_E_INVALIDARG: a NULL. VSS: none.
 */
snap_status snap_event_open(struct snap_session *session,
			    struct snap_events **events);
/*
 * For poll(2), valid until snap_event_close(): readable when there may be something
 * to get; -1 for NULL. Do not read from it. VSS: none.
 */
int snap_event_fd(struct snap_events *events);
/*
 * Fills @event with the next one. Waits up to @timeout_ms milliseconds, -1 for
 * ever, 0 not at all; signals do not end it. SNAP_S_FALSE: none came in time.
 * SNAP_E_INVALIDARG: a NULL, @timeout_ms < -1, or a size that is too small.
 * Events that came faster than they were read are one SNAP_EVENT_LOST. VSS: none.
 */
snap_status snap_event_next(struct snap_events *events, int timeout_ms,
			    struct snap_event *event);
/* Ends listening and frees; NULL is allowed. VSS: none. */
void snap_event_close(struct snap_events *events);

#ifdef __cplusplus
}
#endif

#endif /* LIBSNAP_H */
