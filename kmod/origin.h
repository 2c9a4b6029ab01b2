/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * origin.h - one tracked device: a range of a disk, its gate, its count of
 * writes in flight, and its snapshots.
 *
 * Every submission to the range, by whomever, passes one judgement under RCU:
 * gate -> count -> coverage. "In flight" means handed to the driver and nothing
 * else; a write that waits for a copy is not counted and is judged again.
 *
 * It is counted only while a set is in the making of which the origin is a member.
 * Otherwise what may pass does so untouched, and the next take sees it out as it
 * does with writes that are older than the hook (older.c).
 */
#ifndef SNAPSET_ORIGIN_H
#define SNAPSET_ORIGIN_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "chain.h"
#include "clone.h"
#include "job.h"
#include "lane.h"
#include "range.h"
#include "rangelock.h"

struct netlink_ext_ack;
struct snapset_cow;

struct snapset_origin {
	struct hlist_node link;		/* in the table by disk: origins_mutex, readers RCU */
	unsigned int users;		/* snapshots, made or in the making: origins_mutex */
	/* fixed from attach to detach */
	struct snapset_bdev bdev;	/* open for reading */
	struct gendisk *disk;
	dev_t dev;
	struct snapset_range range;	/* sectors of the disk */
	u64 medium;			/* a number that changes with the disk's medium */
	struct snapset_clones clones;	/* of counted writes; marks them as such */
	/* take worker: no uncounted write is left; when that was first seen */
	bool older_drained;
	unsigned long older_zero;	/* jiffies, 0: not seen */
	bool accounts;			/* its driver counts what it has in flight: attach */
	bool bypassed;			/* written to by no bio since the last count: bypass.c */
	struct workqueue_struct *wq;	/* own, with rescuer: a driver may make it sleep */
	struct work_struct work;
	struct work_struct free_work;

	struct snapset_cow __rcu *newest;	/* who wants old data kept: lock */
	struct snapset_chain chain;
	struct snapset_jobs jobs;
	struct snapset_lanes lanes;
	atomic_t starving;		/* engines that lack budget or memory */
	bool counting;			/* a set is in the making */
	unsigned long __percpu *inflight;
	wait_queue_head_t *drained;	/* woken when a write ends at a closed gate; take's */
	wait_queue_head_t idle;		/* woken likewise; for the last free */
	bool watch;			/* completions wake idle */

	spinlock_t lock;		/* irq; innermost; guards the rest */
	bool closed;			/* also read without the lock, under RCU */
	struct bio_list parked;		/* at the gate */
	struct bio_list again;		/* to be judged by the worker */
	struct snapset_rl rl;		/* who copies or reads which granules */
	u64 nr_parked;			/* ever */
};

/*
 * track.c. Opens and tracks @dev, or finds it tracked already. Process context; may wait
 * for the device, so no lock is held. -EBUSY: it has been resized since;
 * -EDQUOT: it has as many snapshots as it may; -ELOOP: an overlapping range is
 * tracked; -EOPNOTSUPP: not this kind of device.
 */
struct snapset_origin *snapset_origin_attach(dev_t dev, const char *name,
					     struct netlink_ext_ack *extack);
/*
 * One user less; without any, tracking ends: the gate is open, newest NULL. Sleeps
 * for a grace period; what is in flight or parked goes on and the object frees
 * itself after it. set_mutex may be held or not.
 */
void snapset_origin_detach(struct snapset_origin *origin);
/*
 * From the next grace period on every write is counted; those before were not. For the set
 * in the making, of which there is one, and by whoever works on it.
 */
void snapset_origin_count(struct snapset_origin *origin);
/* It has been made, or not: writes need not be counted. Likewise. */
void snapset_origin_settle(struct snapset_origin *origin);

/*
 * Why what the device holds says nothing of what it held: another medium is in the drive,
 * it has been taken away, or it has become smaller. NULL: nothing of that. Any context.
 */
const char *snapset_origin_lost(const struct snapset_origin *origin);

/* Size in sectors as it is now, which differs from range after a resize. */
sector_t snapset_origin_sectors_now(const struct snapset_origin *origin);

/* Closes the gate. Effective for everybody after the caller's next grace period. */
void snapset_origin_close(struct snapset_origin *origin);
/* Opens it; parked writes follow by the worker. Any context; idempotent. */
void snapset_origin_open(struct snapset_origin *origin);
/* Writes in flight; exact once the gate is closed and a grace period has passed. */
unsigned long snapset_origin_inflight(const struct snapset_origin *origin);

/* One in flight less. Under RCU, any context. */
static inline void snapset_origin_uncount(struct snapset_origin *origin)
{
	struct wait_queue_head *wq;

	/* what the write has moved, before the count: pairs with snapset_origin_inflight() */
	smp_mb__before_atomic();
	this_cpu_dec(*origin->inflight);
	/*
	 * The count before "closed" and "watch": pairs with the grace period
	 * between closing and counting (origin.c), and with the barrier in
	 * the wait of free_origin().
	 */
	smp_mb();
	if (READ_ONCE(origin->closed)) {
		wq = READ_ONCE(origin->drained);
		if (wq)
			wake_up(wq);
	}
	if (READ_ONCE(origin->watch))
		wake_up(&origin->idle);
}

/* Sends the worker. Any context. */
void snapset_origin_kick(struct snapset_origin *origin);
/* Judges @bio again and submits it if it may go. The worker, or a lane; may sleep. */
void snapset_origin_submit(struct snapset_origin *origin, struct bio *bio);
/* Submits @bio, which touches several origins, in pieces. The lane for such. */
void snapset_origin_straddle(struct bio *bio);
/* By the hook, where it is judged. Likewise. */
void snapset_origin_resubmit(struct bio *bio);

/* A write, and not an empty flush, which needs neither gate nor count. */
static inline bool snapset_moves_data(const struct bio *bio)
{
	return op_is_write(bio_op(bio)) && bio_sectors(bio);
}

/*
 * The hook's question about what moves data. Returns @bio; what is to go in its place: a
 * clone, or the read of what it would destroy; NULL: taken, or ERR_PTR(): to be
 * completed, for it need not be done.
 */
struct bio *snapset_filter(struct bio *bio);

/* Module exit waits for each get: I/O whose completion runs our text. Any context. */
void snapset_text_get(void);
void snapset_text_put(void);

/* A bio for a question of ours (a probe, a label): its asker may wait. */
struct bio *snapset_io_alloc(struct block_device *bdev, unsigned short nr,
			     blk_opf_t opf, gfp_t gfp);

int snapset_origin_init(void);
/* Waits for every clone and origin that is left. The hook is gone already. */
void snapset_origin_exit(void);

#endif
