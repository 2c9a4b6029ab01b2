/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cow.h - keeps one snapshot's old data before it is overwritten.
 *
 * A write that would destroy what is not kept becomes a job. The job takes its
 * granules in the origin's range lock, each run of them that is not kept yet
 * becomes a copy (one read, one store write), and when the last copy is in RAM
 * the write goes on to be judged again; the store follows later.
 *
 * Locks: origin->lock (taken lists, stalled, rl), cow->ram_lock (copies in RAM,
 * inside nothing). The map is changed by the origin's worker alone.
 */
#ifndef SNAPSET_COW_H
#define SNAPSET_COW_H

#include <linux/bio.h>
#include <linux/llist.h>
#include <linux/mempool.h>
#include <linux/rbtree.h>
#include "map.h"
#include "range.h"
#include "rangelock.h"
#include "store.h"

struct snapset_origin;
struct snapset_copy;

/* RAM for data on its way from origins to the store, shared by a set. */
struct snapset_budget {
	u64 limit;			/* bytes; fixed */
	atomic64_t used;
	atomic_t starving;		/* engines that wait for some */
	spinlock_t lock;		/* irq; innermost; guards engines */
	struct list_head engines;
};

void snapset_budget_init(struct snapset_budget *budget, u64 limit);

enum snapset_cow_verdict {
	SNAPSET_COW_PASS,
	SNAPSET_COW_ABSORB,	/* a discard of what must be kept: complete it */
	SNAPSET_COW_COPY,
};

struct snapset_cow {
	/* fixed */
	struct snapset_origin *origin;
	struct snapset_store *store;
	struct snapset_budget *budget;
	char name[64];			/* of the origin, for messages */
	void (*died)(struct snapset_cow *cow);	/* told once, process context */
	void *owner;			/* whoever made it; for died() */
	u64 granules;			/* of the origin */
	u64 sectors;
	bool absorb;			/* discards of what must be kept are not passed down */
	mempool_t jobs_pool, copies_pool, pages_pool;

	struct snapset_map map;
	s32 dead;			/* code of the first reason; never cleared */
	char why[160];			/* written by who set dead, valid when told is set */
	bool told;
	struct work_struct died_work;

	struct list_head in_budget;	/* budget->lock */
	bool starving;			/* origin worker; read by the budget */

	/* origin->lock */
	struct bio_list taken;		/* writes without a job yet */
	struct list_head jobs;		/* every job */
	struct list_head ready;		/* granted, with granules still to copy */

	struct llist_head done;		/* copies whose read has ended */

	spinlock_t ram_lock;		/* irq; guards ram */
	struct rb_root ram;		/* copies by start: kept, not yet in the store */

	atomic_t busy;			/* jobs, copies, readers: 0 when it may be freed */
	wait_queue_head_t idle;

	atomic64_t copied, stored, in_ram;	/* bytes */
	atomic64_t absorbed;			/* discards not passed down */
};

/* Process context; everything the engine will need is reserved here. */
struct snapset_cow *snapset_cow_new(struct snapset_origin *origin,
				    struct snapset_store *store,
				    struct snapset_budget *budget,
				    const char *name,
				    void (*died)(struct snapset_cow *cow), void *owner);
/* Every read of the image fails from now on; before the origin's writes go uncopied. */
void snapset_cow_retire(struct snapset_cow *cow);
/* Retired, no longer the origin's newest, a grace period ago. Waits for what is under way. */
void snapset_cow_free(struct snapset_cow *cow);

/*
 * The first reason wins and stays; writers go on at once, every read of the
 * image gives EIO from now on. Any context.
 */
__printf(3, 4)
void snapset_cow_kill(struct snapset_cow *cow, s32 code, const char *fmt, ...);
/*
 * A reader that has seen 0 after its data came has the right data. What orders the
 * look after the data is the reader's count of parts (atomic_dec_and_test()).
 */
static inline bool snapset_cow_dead(const struct snapset_cow *cow)
{
	/* pairs with the cmpxchg() in first_reason() */
	return smp_load_acquire(&cow->dead);
}

/* May @bio, sectors @r of the origin, go? Under RCU, any process context. */
enum snapset_cow_verdict snapset_cow_judge(struct snapset_cow *cow,
					   const struct bio *bio,
					   struct snapset_range r);
/* Ours now; judged again when its old data is kept. Under RCU. */
void snapset_cow_take(struct snapset_cow *cow, struct bio *bio);

/* The origin's worker: reads that have ended; then what can be begun. */
void snapset_cow_finish(struct snapset_origin *origin);
void snapset_cow_start(struct snapset_origin *origin);

/*
 * For image reads. The granules of @node (shared) are asked for in the range lock; true:
 * granted now, false: node_granted() of image.h is called by the worker later.
 */
bool snapset_cow_pin(struct snapset_cow *cow, struct snapset_rl_node *node);
void snapset_cow_unpin(struct snapset_cow *cow, struct snapset_rl_node *node);

void snapset_cow_get(struct snapset_cow *cow);
void snapset_cow_put(struct snapset_cow *cow);

/* Short jobs on the side: told deaths, store watches, the hook's probe. For reclaim. */
extern struct workqueue_struct *snapset_tell_wq;

int snapset_cow_init(void);
void snapset_cow_exit(void);

#endif
