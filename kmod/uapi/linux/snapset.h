/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The wire between snapset.ko and its users: generic netlink family "snapset".
 * Documentation/netlink/specs/snapset.yaml says the same in YAML and
 * snapset-protocol(7) in prose; tests/lib checks that they agree.
 *
 * Who may: every command and every dump needs CAP_SYS_ADMIN in the initial
 * user namespace (-EPERM otherwise). The multicast group may be joined by the
 * same.
 *
 * Refusals: a negative errno in the acknowledgement with a sentence in
 * NLMSGERR_ATTR_MSG. Each errno stands for one result code:
 *
 *	EPERM		SNAPSET_E_ACCESSDENIED
 *	EINVAL		SNAPSET_E_INVALIDARG (also: unknown attribute, bad length)
 *	ENOMEM		SNAPSET_E_OUTOFMEMORY
 *	EPROTO		SNAPSET_E_BAD_STATE
 *	ENOENT		SNAPSET_E_OBJECT_NOT_FOUND
 *	EEXIST		SNAPSET_E_OBJECT_ALREADY_EXISTS
 *	EOPNOTSUPP	SNAPSET_E_VOLUME_NOT_SUPPORTED
 *	E2BIG		SNAPSET_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED
 *	EDQUOT		SNAPSET_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED
 *	EINPROGRESS	SNAPSET_E_SNAPSHOT_SET_IN_PROGRESS
 *	ELOOP		SNAPSET_E_NESTED_VOLUME_LIMIT
 *	ENOSPC		SNAPSET_E_INSUFFICIENT_STORAGE
 *	EBUSY		SNAPSET_E_PROVIDER_VETO; SNAPSET_E_VOLUME_IN_USE for DELETE
 *	ENOTRECOVERABLE	SNAPSET_E_REBOOT_REQUIRED
 *	any other	SNAPSET_E_UNEXPECTED_PROVIDER_ERROR
 *
 * What happens after SET_DO was accepted is told by SNAPSET_A_CODE of SET_GET
 * and of the events, with its sentence in SNAPSET_A_TEXT.
 *
 * Numbers are only ever added, never changed.
 */
#ifndef _UAPI_LINUX_SNAPSET_H
#define _UAPI_LINUX_SNAPSET_H

#include <linux/types.h>

#define SNAPSET_GENL_NAME	"snapset"
#define SNAPSET_GENL_VERSION	1
#define SNAPSET_MCGRP_EVENTS	"events"

#define SNAPSET_MAX_MEMBERS	64	/* volumes in one set */
#define SNAPSET_NAME_MAX	255	/* bytes of SNAPSET_A_NAME without the 0 */
#define SNAPSET_FROZEN_MAX	511	/* likewise of SNAPSET_A_FROZEN */
#define SNAPSET_MAX_ABOVE	64	/* devices in SNAPSET_A_ABOVE */
#define SNAPSET_LABEL_MAX	63	/* bytes of SNAPSET_A_LABEL without the 0 */
#define SNAPSET_EXPIRE_MAX_S	31622400	/* 366 days */
#define SNAPSET_ID_LEN		16	/* bytes of a set or snapshot id (a UUID) */

/*
 * Which attributes a command takes: [x] optional. Every request may carry
 * nothing else; unknown attributes are refused with -EINVAL.
 */
enum snapset_cmd {
	SNAPSET_CMD_UNSPEC,
	/* -> SESSION. Binds a new session to the sending socket. The socket's
	 * close aborts the session's unfinished set and deletes its snapshots
	 * that are not SNAPSET_ATTR_NO_AUTO_RELEASE. One session per socket:
	 * a second open gives -EEXIST.
	 */
	SNAPSET_CMD_SESSION_OPEN,
	/* -> VERSION, HOOK, GRANULE_SIZE, COUNTERS */
	SNAPSET_CMD_INFO_GET,
	/* SESSION [ATTRS] [HOLD_TIMEOUT_MS] [FREEZE_TIMEOUT_MS] [STALL_TIMEOUT_MS]
	 * [BUDGET] [INDEX_LIMIT] [STORE] [FULL] [FULL_WAIT_MS] [LABEL] [EXPIRE_S] -> SET_ID.
	 * One set in the making per machine (-EINPROGRESS). A failed set of this session is
	 * forgotten here.
	 */
	SNAPSET_CMD_SET_START,
	/* SESSION SET_ID DEV_MAJOR DEV_MINOR [NAME] [QUOTA] [NOFLUSH] [ABOVE] ->
	 * SNAP_ID. Like SET_START, STORE_EXTEND and a SNAP_GET with COUNT_EXCLUSIVE it may
	 * wait for a device: its answer and acknowledgement come later, and behind those of
	 * other commands.
	 */
	SNAPSET_CMD_SET_ADD,
	/* SESSION SET_ID [FREEZE ...] [MEMBER ...]. Returns at once; the result
	 * comes by SET_GET and by SNAPSET_EVENT_SET_STATE. FREEZE may be repeated,
	 * once for each mounted file system above the members; the kernel drops
	 * doubles. MEMBER says of a member what is frozen for it; without one it
	 * is SNAPSET_CONSISTENCY_UNKNOWN.
	 */
	SNAPSET_CMD_SET_DO,
	/* SESSION SET_ID -> CODE. Any state. Returns at once: S_OK (it was open or
	 * pending, and this call has cancelled it); S_ASYNC_PENDING (it is being
	 * undone, or it is too late to cancel and its images are being shown: ask
	 * again, or wait for SNAPSET_EVENT_SET_STATE); and when it is over
	 * S_ASYNC_CANCELLED, S_ASYNC_FINISHED (the set exists), or the error the set
	 * had failed with.
	 */
	SNAPSET_CMD_SET_CANCEL,
	/* do: SET_ID; dump: every set -> SET_ID STATE CODE TEXT ATTRS MEMBERS
	 * SESSION PHASE [NAME] [ERRNO] ELAPSED_NS DEADLINE_NS, the T_* times, PARKED,
	 * CREATED, STORE, BUDGET, INDEX_LIMIT, FULL, FULL_WAIT_MS, FULL_WAITS, FULL_DROPPED,
	 * CONSISTENCY (the least of the members') [EXPIRE_S] [LABEL] OWNER_PID OWNER_COMM.
	 * NAME: what the phase waits for. Of a set that has failed PHASE, NAME and ERRNO
	 * say in what it failed, and at what. CODE is
	 * S_ASYNC_PENDING, S_ASYNC_FINISHED, S_ASYNC_CANCELLED or an error; S_OK
	 * before SET_DO.
	 */
	SNAPSET_CMD_SET_GET,
	/* do: SNAP_ID [COUNT_EXCLUSIVE]; dump: every snapshot, or [SET_ID]'s ->
	 * SNAP_ID SET_ID NAME DEV_MAJOR DEV_MINOR STATE SIZE BLOCK_SIZE CONSISTENCY
	 * [FROZEN] [QUOTA] and,
	 * once the set is created, IMAGE_MAJOR IMAGE_MINOR IMAGE_NAME CREATED OPENERS
	 * T_DRAIN COPIED STORED IN_RAM INDEX ALLOCATED [EXCLUSIVE]; if dead CODE TEXT.
	 */
	SNAPSET_CMD_SNAP_GET,
	/* SET_ID [SESSION] [FORCE], or SNAP_ID [FORCE] -> DELETED and, when one could not be
	 * deleted, the error acknowledgement instead. Without FORCE nothing at
	 * all is deleted if an image is open (-EBUSY). With FORCE open images
	 * answer EIO from now on. A set in the making cannot be deleted
	 * (-EPROTO): cancel it. Returns at once: what was deleted is in no list any
	 * more, and what it had goes in the background. Until nothing of it is left
	 * another DELETE of it gives -EINPROGRESS, then -ENOENT.
	 */
	SNAPSET_CMD_DELETE,
	/* multicast only: EVENT SEQ [SET_ID] [SNAP_ID] [STATE] [CODE] [TEXT] [STORE]
	 * [CONSISTENCY] [PHASE] [NAME] [ERRNO]
	 */
	SNAPSET_CMD_EVENT,
	/* SET_ID STORE. Makes the store of a set larger, in any of the set's states:
	 * STORE has STORE_KIND and one FD of a further file. What does not fit into a
	 * store in memory or on a device goes to a store of files from then on.
	 */
	SNAPSET_CMD_STORE_EXTEND,
	/* SESSION SET_ID [ATTRS]. The created set, of whichever session or of none, is that
	 * of SESSION from now on, and so are its snapshots: with NO_AUTO_RELEASE in ATTRS they
	 * stay when it ends, without they go.
	 */
	SNAPSET_CMD_SET_ADOPT,

	__SNAPSET_CMD_MAX,
};

#define SNAPSET_CMD_MAX (__SNAPSET_CMD_MAX - 1)

enum snapset_attr {
	SNAPSET_A_UNSPEC,
	SNAPSET_A_PAD,
	SNAPSET_A_SESSION,		/* u64 cookie, never 0 */
	SNAPSET_A_SET_ID,		/* binary, 16 */
	SNAPSET_A_SNAP_ID,		/* binary, 16 */
	SNAPSET_A_ATTRS,		/* u32, SNAPSET_ATTR_* */
	SNAPSET_A_NAME,			/* string <= 255: what the user called the volume */
	SNAPSET_A_DEV_MAJOR,		/* u32: the origin */
	SNAPSET_A_DEV_MINOR,		/* u32 */
	SNAPSET_A_STATE,		/* u32, enum snapset_state / snapset_snap_state */
	SNAPSET_A_PHASE,		/* u32, enum snapset_phase */
	SNAPSET_A_CODE,			/* s32 as u32 bits: SNAPSET_S_* or SNAPSET_E_* */
	SNAPSET_A_TEXT,			/* string: a sentence, names the member */
	SNAPSET_A_MEMBERS,		/* u32: number of members */
	SNAPSET_A_HOLD_TIMEOUT_MS,	/* u32, 1..10000, default 10000 */
	SNAPSET_A_FREEZE_TIMEOUT_MS,	/* u32, 1..60000, default 10000 */
	SNAPSET_A_STALL_TIMEOUT_MS,	/* u32, 100..60000, default 5000 */
	SNAPSET_A_BUDGET,		/* u64 bytes of RAM for data on its way to the store,
					 * default 32 MiB, 1 MiB..1 GiB
					 */
	SNAPSET_A_STORE,		/* nest of STORE_*; default: memory, 25 % of RAM */
	SNAPSET_A_STORE_KIND,		/* u32, enum snapset_store_kind */
	SNAPSET_A_STORE_MAJOR,		/* u32: block device store */
	SNAPSET_A_STORE_MINOR,		/* u32 */
	SNAPSET_A_STORE_LIMIT,		/* u64 bytes; memory store: its most */
	SNAPSET_A_STORE_SIZE,		/* u64 bytes: what the store can hold (out) */
	SNAPSET_A_STORE_USED,		/* u64 bytes: what it holds (out) */
	SNAPSET_A_FREEZE,		/* nest: FD [NAME]; repeated */
	SNAPSET_A_FD,			/* u32, in FREEZE: any open file or directory of the
					 * file system, O_PATH is enough; in STORE, repeated: a
					 * file, open for reading and writing, that is a store
					 * from now on
					 */
	SNAPSET_A_FORCE,		/* flag */
	SNAPSET_A_DELETED,		/* u32: snapshots deleted */
	SNAPSET_A_SIZE,			/* u64 bytes of the image */
	SNAPSET_A_BLOCK_SIZE,		/* u32: logical block size of the image */
	SNAPSET_A_IMAGE_MAJOR,		/* u32 */
	SNAPSET_A_IMAGE_MINOR,		/* u32 */
	SNAPSET_A_IMAGE_NAME,		/* string: "snapset0" */
	SNAPSET_A_OPENERS,		/* u32: how often the image is open */
	SNAPSET_A_CREATED,		/* u64 ns since 1970, CLOCK_REALTIME at the commit */
	SNAPSET_A_ELAPSED_NS,		/* u64: since SET_DO */
	SNAPSET_A_DEADLINE_NS,		/* u64: what is left for the present phase; 0: none */
	SNAPSET_A_T_PREPARE,		/* u64 ns: SET_DO .. first freeze */
	SNAPSET_A_T_FREEZE,		/* u64 ns: first freeze begun .. last frozen */
	SNAPSET_A_T_HOLD,		/* u64 ns: first gate closed .. last gate opened */
	SNAPSET_A_T_DRAIN,		/* u64 ns: last gate closed .. last write completed;
					 * of one member in SNAP_GET
					 */
	SNAPSET_A_T_FROZEN,		/* u64 ns: first freeze begun .. last thawed */
	SNAPSET_A_T_TOTAL,		/* u64 ns: SET_DO .. images published */
	SNAPSET_A_PARKED,		/* u64: writes that waited at a gate */
	SNAPSET_A_COPIED,		/* u64 bytes kept for this snapshot */
	SNAPSET_A_STORED,		/* u64 bytes of it in the store */
	SNAPSET_A_IN_RAM,		/* u64 bytes of it still in RAM on their way */
	SNAPSET_A_EVENT,		/* u32, enum snapset_event */
	SNAPSET_A_SEQ,			/* u64, +1 with each event since the module was loaded */
	SNAPSET_A_VERSION,		/* string: version of the module */
	SNAPSET_A_HOOK,			/* string: function that is hooked, "" if none */
	SNAPSET_A_GRANULE_SIZE,		/* u32 bytes */
	SNAPSET_A_COUNTERS,		/* string: "name value\n"...: objects alive and made,
					 * for leak tests
					 */
	SNAPSET_A_STORE_KEEP,		/* flag: its files are not removed when it goes */
	SNAPSET_A_STORE_FILES,		/* u32: how many files it has (out) */
	SNAPSET_A_STORE_PATH,		/* string: the first of them; not if it is longer than
					 * 255 bytes (out)
					 */
	SNAPSET_A_STORE_ID,		/* u64, never 0: a store. In SET_START and alone in its
					 * nest: the store of an earlier set is this one's, too.
					 * -ENOENT when no set uses it any more.
					 */
	SNAPSET_A_STORE_RATE,		/* u64 bytes per second that were kept lately (out) */
	SNAPSET_A_FULL,			/* u32, enum snapset_full; default SNAPSET_FULL_SET */
	SNAPSET_A_FULL_WAIT_MS,		/* u32, 1..60000, default 5000: the longest that writers
					 * wait for room; not with SNAPSET_FULL_SET
					 */
	SNAPSET_A_FULL_WAITS,		/* u32: how often writers had to wait for room (out) */
	SNAPSET_A_FULL_DROPPED,		/* u32: older snapshots deleted to have room (out) */
	SNAPSET_A_QUOTA,		/* u64 bytes, 4096 at least: the most that the store keeps
					 * for this member, which is lost when it needs more
					 */
	SNAPSET_A_ALLOCATED,		/* u64 bytes of stores that hold what this snapshot keeps */
	SNAPSET_A_COUNT_EXCLUSIVE,	/* flag: tell EXCLUSIVE, which takes time */
	SNAPSET_A_EXCLUSIVE,		/* u64 bytes of ALLOCATED that no older snapshot needs: what
					 * its deletion would give back
					 */
	SNAPSET_A_INDEX_LIMIT,		/* u64 bytes of RAM, 1 MiB at least, default an eighth of
					 * what the machine has: the most that the indexes of the
					 * set's snapshots may take, of what has been kept and
					 * where; the one that needs more is lost
					 */
	SNAPSET_A_INDEX,		/* u64 bytes of RAM that the index of a snapshot takes */
	SNAPSET_A_NOFLUSH,		/* flag: a device-mapper target of the member keeps writes
					 * for as long as it likes without counting them, and gives
					 * them back when suspended without a flush (thin)
					 */
	SNAPSET_A_ABOVE,		/* binary, pairs of u32 major and minor, SNAPSET_MAX_ABOVE
					 * at most: all devices that a discard of the member may
					 * come through, the member first; that none of them, and
					 * nothing that stands on them, reads what it has discarded
					 * (a parity raid does) is the caller's word. Discards of
					 * what a snapshot needs are not passed on then. When one
					 * of these devices gets another above or below, the word
					 * does not count any more
					 */
	SNAPSET_A_MEMBER,		/* nest: SNAP_ID CONSISTENCY [FROZEN]; repeated */
	SNAPSET_A_CONSISTENCY,		/* u32, enum snapset_consistency: the caller's word */
	SNAPSET_A_FROZEN,		/* string <= 511: what is frozen for the member, one name
					 * a line
					 */
	SNAPSET_A_ERRNO,		/* u32: what the set failed with, as in errno.h */
	SNAPSET_A_LABEL,		/* string <= 63: what its maker calls the set */
	SNAPSET_A_EXPIRE_S,		/* u32, 1..31622400: so long after it was made the set is
					 * deleted, or as soon as none of its images is open
					 */
	SNAPSET_A_OWNER_PID,		/* u32: the process that opened the session of the set */
	SNAPSET_A_OWNER_COMM,		/* string: its name then */

	__SNAPSET_A_MAX,
};

#define SNAPSET_A_MAX (__SNAPSET_A_MAX - 1)

/* SNAPSET_A_ATTRS: the numbers of VSS_VOLUME_SNAPSHOT_ATTRIBUTES */
enum snapset_attrs {
	SNAPSET_ATTR_NO_AUTO_RELEASE	= 0x00000008, /* outlives its session */
	SNAPSET_ATTR_NO_WRITERS		= 0x00000010, /* no application hooks ran; kept as told */
	SNAPSET_ATTR_DIFFERENTIAL	= 0x00020000, /* always set in answers */
};

/* Which state a set is in: one word decides commit, cancel, time and death. */
enum snapset_state {
	SNAPSET_STATE_OPEN,		/* members may be added */
	SNAPSET_STATE_PREPARING,
	SNAPSET_STATE_FREEZING,
	SNAPSET_STATE_HOLDING,
	SNAPSET_STATE_COMMITTED,	/* the instant is past; being published */
	SNAPSET_STATE_CREATED,
	SNAPSET_STATE_ABORTING,		/* lost; being undone */
	SNAPSET_STATE_FAILED,		/* undone; CODE says why */
	SNAPSET_STATE_CANCELLED,	/* undone on request */
	SNAPSET_STATE_DELETED,		/* only in events */
};

enum snapset_snap_state {
	SNAPSET_SNAP_PREPARING,
	SNAPSET_SNAP_LIVE,
	SNAPSET_SNAP_DEAD,		/* every read of the image gives EIO */
};

/* What was done above a member for its instant; the greater, the surer. */
enum snapset_consistency {
	SNAPSET_CONSISTENCY_UNKNOWN,	/* the caller did not say */
	SNAPSET_CONSISTENCY_CRASH,	/* something uses it that could not be frozen */
	SNAPSET_CONSISTENCY_RAW,	/* no file system is mounted from it */
	SNAPSET_CONSISTENCY_FS,		/* each that is mounted from it was frozen */
};

enum snapset_phase {
	SNAPSET_PHASE_NONE,
	SNAPSET_PHASE_PREPARE,
	SNAPSET_PHASE_FREEZE,
	SNAPSET_PHASE_HOLD,
	SNAPSET_PHASE_RELEASE,
	SNAPSET_PHASE_PUBLISH,
	SNAPSET_PHASE_DONE,
};

enum snapset_store_kind {
	SNAPSET_STORE_MEMORY,
	SNAPSET_STORE_BDEV,		/* opened exclusively; everything on it is lost */
	SNAPSET_STORE_FILE,		/* allocated files, pinned until the store goes, and
					 * then removed; on a member, too, if it has no snapshots
					 */
};

/* What is done when the store has no room for what a write would destroy. */
enum snapset_full {
	SNAPSET_FULL_SET,		/* the snapshots of this set are given up, unless others
					 * of the store are just lost: their room is waited for
					 */
	SNAPSET_FULL_OLDEST,		/* the device's oldest snapshot is deleted, also if its
					 * image is open, then the next; if none is left that
					 * uses the store, or writers have waited for
					 * FULL_WAIT_MS: as FULL_SET
					 */
	SNAPSET_FULL_WAIT,		/* writers wait for STORE_EXTEND or deletions; after
					 * FULL_WAIT_MS: as FULL_SET
					 */
};

/*
 * A file that is to be a store is of whole pages, four at least, and of whole blocks of
 * its file system, has neither holes nor
 * shared or compressed blocks, and each sector of its first two and its last two pages is
 * written with this and zeros. So the kernel sees whether the disk has them where the
 * file system says.
 */
#define SNAPSET_STORE_MAGIC	"snapset store\n\0"	/* 16 bytes with the last 0 */

struct snapset_store_label {
	char	magic[16];
	__u8	id[16];			/* random, and the same in all of them */
	__le64	sector;			/* of the file, or device, from 0 on */
};

/*
 * A block device that is a store has zeros in its first and in its last MiB, and labels in
 * each sector of the first and of the last page. The first sector of these two pages has
 * this; it stays when the store has gone. Nothing else is kept there, nor where programs
 * look for what is on a disk: old data would look like the disk that it is of.
 */
#define SNAPSET_STORE_VERSION	1
#define SNAPSET_STORE_TEXT	"old data of other disks, kept for their snapshots\n"

struct snapset_store_header {
	struct snapset_store_label label;
	__le32	version;
	__u8	set[16];		/* that it was made a store for */
	__u8	pad[4];
	__le64	sectors;		/* of the device */
	char	text[64];		/* for who looks at the disk */
};

enum snapset_event {
	/* SET_ID STATE CODE [TEXT]; CREATED: CONSISTENCY; FAILED: PHASE [NAME] [ERRNO] */
	SNAPSET_EVENT_SET_STATE,
	SNAPSET_EVENT_SNAP_DEAD,	/* SET_ID SNAP_ID CODE TEXT */
	SNAPSET_EVENT_SNAP_DELETED,	/* SET_ID SNAP_ID */
	/* STORE of the two: STORE_ID STORE_KIND STORE_SIZE STORE_USED STORE_RATE.
	 * SET_ID of STORE_LOW: of those that share the store, the newest.
	 */
	SNAPSET_EVENT_STORE_LOW,	/* SET_ID STORE TEXT: 50, 75, 90 % used */
	/* SET_ID: whose writers wait; SNAP_ID: what was deleted */
	SNAPSET_EVENT_STORE_FULL,	/* SET_ID [SNAP_ID] STORE TEXT */
	SNAPSET_EVENT_INDEX_LOW,	/* SET_ID TEXT: 50, 75, 90 % of INDEX_LIMIT used */
};

/* Result codes: the HRESULT values of VSS, so that who knows them finds them. */
#define SNAPSET_S_OK						0x00000000
#define SNAPSET_S_ASYNC_PENDING					0x00042309
#define SNAPSET_S_ASYNC_FINISHED				0x0004230A
#define SNAPSET_S_ASYNC_CANCELLED				0x0004230B
#define SNAPSET_E_ACCESSDENIED					0x80070005
#define SNAPSET_E_INVALIDARG					0x80070057
#define SNAPSET_E_OUTOFMEMORY					0x8007000E
#define SNAPSET_E_BAD_STATE					0x80042301
#define SNAPSET_E_UNEXPECTED					0x80042302
#define SNAPSET_E_PROVIDER_VETO					0x80042306
#define SNAPSET_E_OBJECT_NOT_FOUND				0x80042308
#define SNAPSET_E_VOLUME_NOT_SUPPORTED				0x8004230C
#define SNAPSET_E_OBJECT_ALREADY_EXISTS				0x8004230D
#define SNAPSET_E_UNEXPECTED_PROVIDER_ERROR			0x8004230F
#define SNAPSET_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED		0x80042312
#define SNAPSET_E_FLUSH_WRITES_TIMEOUT				0x80042313
#define SNAPSET_E_HOLD_WRITES_TIMEOUT				0x80042314
#define SNAPSET_E_SNAPSHOT_SET_IN_PROGRESS			0x80042316
#define SNAPSET_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED		0x80042317
#define SNAPSET_E_VOLUME_IN_USE					0x8004231D
#define SNAPSET_E_INSUFFICIENT_STORAGE				0x8004231F
#define SNAPSET_E_REBOOT_REQUIRED				0x80042327
#define SNAPSET_E_NESTED_VOLUME_LIMIT				0x8004232C

#endif /* _UAPI_LINUX_SNAPSET_H */
