/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * set.h - a snapshot set and its members, from START to the last delete.
 *
 * Owners: the registry holds one reference of a set, the take worker, an ADD under way and
 * each member's teardown one. A member belongs to its set.
 */
#ifndef SNAPSET_SET_H
#define SNAPSET_SET_H

#include <linux/completion.h>
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "control.h"
#include "cow.h"
#include "full.h"
#include "idle.h"
#include "state.h"

struct snapset_above;
struct snapset_freezer;
struct snapset_grave;
struct snapset_image;
struct snapset_origin;
struct snapset_set;

/* A member; after the commit: a snapshot. */
struct snapset_snap {
	struct snapset_set *set;
	struct list_head link;		/* set->snaps; set_mutex */
	refcount_t refs;		/* the set's list, the teardown, who waits for it */
	u64 serial;
	snapset_id id;
	char name[SNAPSET_NAME_MAX + 1];
	dev_t dev;
	u64 quota;			/* bytes; 0: none */
	bool noflush;			/* how it is drained, if it is device-mapper: dm.h */
	u32 consistency;		/* set_mutex, until SET_DO: as that said */
	char frozen[SNAPSET_FROZEN_MAX + 1];
	struct snapset_above *above;	/* NULL: it was not said what stands there */
	struct snapset_origin *origin;
	struct snapset_cow *cow;	/* from prepare on */
	struct snapset_image *image;	/* likewise */
	bool published;
	/* take worker */
	bool tried, emptying, emptied;	/* its queue: closed once, now; empty (older.c) */
	ktime_t drained;
	u64 t_drain;
	struct work_struct reap;
	struct completion reaped;
	struct snapset_grave *grave;	/* registry.h; outlives it */
};

struct snapset_set {
	struct list_head link;		/* sets; set_mutex */
	refcount_t refs;
	u64 serial;
	snapset_id id;
	struct snapset_params params;	/* with the defaults filled in */
	struct snapset_store *store;
	struct list_head uses;		/* store->users */
	/* stores that a member's image leaves out; the take worker's */
	DECLARE_BITMAP(held, SNAPSET_STORES);
	struct snapset_fullness full;
	struct snapset_budget budget;
	struct list_head snaps;		/* set_mutex; fixed while a take runs */
	unsigned int members;
	u32 consistency;		/* like its members': their least */

	struct snapset_statew state;
	u64 session;			/* set_mutex; 0: none */
	struct snapset_owner owner;	/* set_mutex; of the session that it has, or had */
	struct snapset_idle idle;
	struct delayed_work expire;	/* has a reference */
	struct work_struct index_news;	/* how full its index is; has a reference */
	struct work_struct undo;	/* of a set that is cancelled while OPEN; has a reference */
	spinlock_t lock;		/* irq; guards code .. text, and who may write them */
	s32 code;
	u32 failed_phase;		/* the next three: of a set that fails, or has failed */
	int err;			/* -errno or 0 */
	char blamed[SNAPSET_NAME_MAX + 1];	/* or "" */
	char text[256];

	/* the take worker's; read by others as they are */
	struct work_struct take;
	struct snapset_freezer *freezer;
	wait_queue_head_t wq;		/* every change the worker or a waiter may wait for */
	struct hrtimer timer;		/* of the hold */
	ktime_t opened;			/* by the timer; valid once it is cancelled */
	struct snapset_snap *stillborn;	/* a member that died just before, or with, the commit */
	u32 phase;
	unsigned int prepare_s;		/* seconds that the preparation may take */
	ktime_t began, ended, deadline;
	u64 t_prepare, t_freeze, t_hold, t_drain, t_frozen, t_total;
	u64 parked, created;
};

/* guards the registry, every set's members and session; outermost */
extern struct mutex snapset_set_mutex;
extern struct workqueue_struct *snapset_set_wq;	/* teardowns; unbound */
extern struct workqueue_struct *snapset_take_wq;	/* takes; unbound, before others */
extern struct workqueue_struct *snapset_full_wq;	/* looks of full stores: writers wait */

static inline bool snapset_set_is(struct snapset_set *set, enum snapset_state state)
{
	return snapset_state_get(&set->state) == state;
}

void snapset_set_put(struct snapset_set *set);

/*
 * Ends what is not yet committed, with this code and sentence; @who: the member or file
 * system that it is about, or NULL; @err: 0 or the -errno of what failed. True for the
 * call that did it. Any context; wakes the take worker.
 */
__printf(5, 6)
bool snapset_set_abort(struct snapset_set *set, s32 code, const char *who, int err,
		       const char *fmt, ...);

/* Every engine of @set is killed, if it is not dead. Any context. */
__printf(3, 4)
void snapset_set_give_up(struct snapset_set *set, s32 code, const char *fmt, ...);

/* ABORTING -> FAILED or CANCELLED, and says so. set_mutex is not held. */
void snapset_set_ended(struct snapset_set *set);
void snapset_set_tell(struct snapset_set *set);

/* take.c: the worker of SET_DO. */
void snapset_take_work(struct work_struct *work);
/* take.c: opens the gates of all members. Any context. */
void snapset_take_open_gates(struct snapset_set *set);

/* snap.c. Opens the device, which may take long: without set_mutex. */
struct snapset_snap *snapset_snap_new(struct snapset_set *set, dev_t dev,
				      const char *name, struct netlink_ext_ack *extack);
/* A member of its set, which is OPEN, from now on; its origin's writes are counted. set_mutex. */
void snapset_snap_link(struct snapset_snap *snap);
/* The set's news of its members. */
void snapset_snap_init_news(struct snapset_set *set);
/* Reserves engine and image. */
int snapset_snap_prepare(struct snapset_snap *snap);
/* Begins the teardown; snap->reaped is completed when nothing of it is left. */
void snapset_snap_reap(struct snapset_snap *snap);
void snapset_snap_put(struct snapset_snap *snap);
void snapset_snap_fill(struct snapset_snap *snap, struct snapset_snap_info *info);

int snapset_set_init(void);
void snapset_set_exit(void);

#endif
