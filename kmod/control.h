/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * control.h - what the door (netlink.c) may ask of the sets behind it.
 *
 * Everything here runs in process context, may sleep, takes the locks it needs
 * itself and hands out flat copies, never references. A refusal is a negative
 * errno (uapi/linux/snapset.h says which code each one stands for) and one
 * sentence, put into @extack by the place that knows. @extack may be NULL.
 */
#ifndef SNAPSET_CONTROL_H
#define SNAPSET_CONTROL_H

#include <linux/path.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <uapi/linux/snapset.h>

struct netlink_ext_ack;
struct snapset_pins;

typedef struct {
	u8 b[SNAPSET_ID_LEN];
} snapset_id;

/* The process that opened a session. */
struct snapset_owner {
	u32 pid;		/* in the initial namespace */
	char comm[TASK_COMM_LEN];
};

/* What SET_START was told; zero means "the default" for every field. */
struct snapset_params {
	u32 attrs;		/* SNAPSET_ATTR_* the user may set */
	u32 hold_ms;
	u32 freeze_ms;
	u32 stall_ms;
	u64 budget;		/* bytes */
	u64 index_limit;	/* bytes */
	u32 store_kind;		/* enum snapset_store_kind */
	dev_t store_dev;	/* SNAPSET_STORE_BDEV */
	u64 store_limit;	/* bytes; memory store */
	u64 store_id;		/* an earlier set's, and nothing of the others */
	u32 full;		/* enum snapset_full */
	u32 full_wait_ms;
	struct snapset_pins *pins;	/* SNAPSET_STORE_FILE */
	u32 expire_s;		/* 0: it does not */
	char label[SNAPSET_LABEL_MAX + 1];
};

/* What SET_ADD was told besides. */
struct snapset_add_arg {
	u64 quota;		/* bytes, 0: none */
	bool noflush;
	unsigned int nr_above;	/* 0: it was not said */
	dev_t above[SNAPSET_MAX_ABOVE];
};

/* One mounted file system to freeze; set_do() takes over the path's reference
 * when it returns 0 and leaves it with the caller when it refuses.
 */
struct snapset_freeze_arg {
	struct path path;
	char name[SNAPSET_NAME_MAX + 1];	/* "" if the user gave none */
};

/* What SET_DO says of a member. */
struct snapset_member_arg {
	snapset_id id;
	u32 consistency;	/* enum snapset_consistency */
	char frozen[SNAPSET_FROZEN_MAX + 1];
};

struct snapset_set_info {
	u64 serial;		/* cursor of set_next(); grows with every set */
	snapset_id id;
	u64 session;		/* 0 when the owner has gone */
	u32 state, phase, attrs, members;
	s32 code;
	char text[256];		/* "" if there is nothing to say */
	char waits_for[SNAPSET_NAME_MAX + 1];	/* what the phase waits for, or failed at; "" */
	int err;		/* -errno that it failed with, or 0 */
	u64 elapsed_ns, deadline_ns;
	u64 t_prepare, t_freeze, t_hold, t_drain, t_frozen, t_total;
	u64 parked, created, budget, index_limit;
	u32 store_kind;
	dev_t store_dev;
	u64 store_id, store_size, store_used, store_rate;
	u32 store_files;
	char store_path[SNAPSET_NAME_MAX + 1];	/* of the first; "": it is too long */
	u32 full, full_wait_ms, full_waits, full_dropped;
	u32 consistency;	/* the least of its members' */
	u32 expire_s;
	char label[SNAPSET_LABEL_MAX + 1];
	struct snapset_owner owner;
};

struct snapset_snap_info {
	u64 serial;
	snapset_id id, set_id;
	char name[SNAPSET_NAME_MAX + 1];
	dev_t origin;
	u32 state;		/* enum snapset_snap_state */
	s32 code;		/* why it is dead */
	char text[256];
	u64 size;		/* bytes */
	u32 block_size;
	u32 consistency;
	char frozen[SNAPSET_FROZEN_MAX + 1];
	bool published;		/* the fields below are valid */
	dev_t image;
	char image_name[32];
	u32 openers;
	u64 created, t_drain;
	u64 copied, stored, in_ram, allocated, index;
	u64 quota;		/* 0: none */
	bool counted;		/* exclusive is valid */
	u64 exclusive;
};

/* Takes over p->pins in any case. */
int snapset_set_start(u64 session, const struct snapset_params *p,
		      snapset_id *set_id, struct netlink_ext_ack *extack);
int snapset_set_add(u64 session, const snapset_id *set_id, dev_t dev,
		    const char *name, const struct snapset_add_arg *arg, snapset_id *snap_id,
		    struct netlink_ext_ack *extack);
/* More files for the store of a set, in any of its states; takes over @pins likewise. */
int snapset_store_extend(const snapset_id *set_id, struct snapset_pins *pins,
			 struct netlink_ext_ack *extack);
/* The set is created: it is the session's from now on, and ends with it, unless @keep. */
int snapset_set_adopt(u64 session, const snapset_id *set_id, bool keep,
		      struct netlink_ext_ack *extack);
int snapset_set_do(u64 session, const snapset_id *set_id,
		   const struct snapset_freeze_arg *freeze, unsigned int nr,
		   const struct snapset_member_arg *members, unsigned int nr_members,
		   struct netlink_ext_ack *extack);
/*
 * Does not wait for what is undone. *code: S_OK for the one that cancelled it; afterwards
 * S_ASYNC_PENDING until the set is over, then how it ended.
 */
int snapset_set_cancel(u64 session, const snapset_id *set_id, s32 *code,
		       struct netlink_ext_ack *extack);
/*
 * It is gone for all who ask from now on; what it has goes in the background. Until
 * nothing of it is left another delete says -EINPROGRESS, then -ENOENT. @session: only if
 * it is this one's; 0: whosesoever.
 */
int snapset_delete_set(const snapset_id *set_id, u64 session, bool force, u32 *deleted,
		       struct netlink_ext_ack *extack);
int snapset_delete_snap(const snapset_id *snap_id, bool force, u32 *deleted,
			struct netlink_ext_ack *extack);
/* Aborts what the session has in the making, waits for that, and deletes what it leaves. */
void snapset_owner_died(u64 session);

/*
 * -ENOENT if there is none. @count: also what is exclusively its own, which takes as long as
 * it has kept much.
 */
int snapset_set_info(const snapset_id *id, struct snapset_set_info *info);
int snapset_snap_info(const snapset_id *id, bool count, struct snapset_snap_info *info);
/*
 * The one with the smallest serial above @after, of all or of one set; -ENOENT at the
 * end.
 */
int snapset_set_next(u64 after, struct snapset_set_info *info);
int snapset_snap_next(u64 after, const snapset_id *of_set,
		      struct snapset_snap_info *info);

#endif
