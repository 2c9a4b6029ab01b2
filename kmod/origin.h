/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * origin.h - one tracked device: a range of a disk, its gate, its count of
 * writes in flight, and the newest snapshot that wants old data kept.
 *
 * Every submission to the range, by whomever, passes one judgement under RCU:
 * gate -> count -> coverage. "In flight" means handed to the driver and nothing
 * else; a write that waits for a copy is not counted and is judged again.
 */
#ifndef SNAPSET_ORIGIN_H
#define SNAPSET_ORIGIN_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "range.h"
#include "rangelock.h"

struct netlink_ext_ack;
struct snapset_cow;

struct snapset_origin {
	struct hlist_node link;		/* in the table by disk: origins_mutex, readers RCU */
	/* fixed from attach to detach */
	struct snapset_bdev bdev;	/* open for reading */
	struct gendisk *disk;
	dev_t dev;
	struct snapset_range range;	/* sectors of the disk */
	/* take worker: no write older than the hook is left; when that was first seen */
	bool older_drained;
	unsigned long older_zero;	/* jiffies, 0: not seen */
	struct workqueue_struct *wq;	/* own, with rescuer: a driver may make it sleep */
	struct work_struct work;
	struct work_struct free_work;

	struct snapset_cow __rcu *newest;	/* written with the gate closed */
	struct snapset_cow *engine;	/* whom the worker serves: from cow_new() to cow_free() */
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
 * Opens and tracks @dev. Process context. -EEXIST: exactly this range is
 * tracked; -ELOOP: an overlapping one; -EOPNOTSUPP: not this kind of device.
 */
struct snapset_origin *snapset_origin_attach(dev_t dev, const char *name,
					     struct netlink_ext_ack *extack);
/*
 * Ends tracking: gate open, newest NULL. Sleeps for a grace period; what is in
 * flight or parked goes on and the object frees itself after it.
 */
void snapset_origin_detach(struct snapset_origin *origin);

/* Size in sectors as it is now, which differs from range after a resize. */
sector_t snapset_origin_sectors_now(const struct snapset_origin *origin);

/* Closes the gate. Effective for everybody after the caller's next grace period. */
void snapset_origin_close(struct snapset_origin *origin);
/* Opens it; parked writes follow by the worker. Any context; idempotent. */
void snapset_origin_open(struct snapset_origin *origin);
/* Writes in flight; exact once the gate is closed and a grace period has passed. */
unsigned long snapset_origin_inflight(const struct snapset_origin *origin);

/* Sends the worker. Any context. */
void snapset_origin_kick(struct snapset_origin *origin);
/* Judges @bio again and submits it if it may go. Worker only, may sleep. */
void snapset_origin_submit(struct snapset_origin *origin, struct bio *bio);

/*
 * The hook's question. Returns @bio, a clone to go in its place, NULL: taken, or
 * ERR_PTR(): to be completed, for it need not be done.
 */
struct bio *snapset_filter(struct bio *bio);

/* Module exit waits for each get: I/O whose completion runs our text. Any context. */
void snapset_text_get(void);
void snapset_text_put(void);

/* A bio for our own I/O (copies, images, probes): bvecs, one bioset, no clone. */
struct bio *snapset_io_alloc(struct block_device *bdev, unsigned short nr,
			     blk_opf_t opf, gfp_t gfp);

int snapset_origin_init(void);
/* Waits for every clone and origin that is left. The hook is gone already. */
void snapset_origin_exit(void);

#endif
