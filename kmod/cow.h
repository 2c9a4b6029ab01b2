/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cow.h - what one snapshot has kept of its origin: its map, and whether it can
 * still be trusted. How old data gets there is in job.h and copy.h, how snapshots of
 * one origin stand on one another in chain.h.
 */
#ifndef SNAPSET_COW_H
#define SNAPSET_COW_H

#include <linux/bio.h>
#include <linux/list.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "map.h"
#include "range.h"
#include "store.h"
#include "urgency.h"

struct snapset_above;
struct snapset_origin;

/* RAM that a set may take: for data on its way from origins to the store; and for maps. */
struct snapset_budget {
	u64 limit;			/* bytes; fixed */
	u64 shared;			/* of it: for whoever comes first; fixed before use */
	u32 share;			/* granules each engine has for itself */
	atomic64_t used;
	atomic_t starving;		/* engines that wait for some */
	spinlock_t lock;		/* irq; guards engines; outside of origin->lock */
	struct list_head engines;
	u64 index_limit;		/* bytes; fixed */
	atomic64_t index;		/* that the maps of its engines take */
	unsigned int index_step;	/* percent of the limit, as it was last seen */
};

void snapset_budget_init(struct snapset_budget *budget, u64 limit, u64 index_limit);
/* Before its engines are used: something for each, so that none stops the others. */
void snapset_budget_divide(struct snapset_budget *budget, unsigned int engines);

/* What a copy could not be begun for. */
enum snapset_lack {
	SNAPSET_LACKS_BUDGET,
	SNAPSET_LACKS_ROOM,
	SNAPSET_LACKS_MEMORY,	/* its origin's reserve is in use: the end of a copy helps */
};

enum snapset_cow_verdict {
	SNAPSET_COW_PASS,
	SNAPSET_COW_ABSORB,	/* a discard of what must be kept: complete it */
	SNAPSET_COW_COPY,
};

/* What an engine asks of whoever made it. */
struct snapset_cow_ops {
	void (*died)(struct snapset_cow *cow);	/* told once, process context */
	/* So many percent of the set's index limit are used: told soon. May be in a write's way. */
	void (*index_low)(struct snapset_cow *cow);
	/* The store has no room: full.h. Any context. So do the next two. */
	bool (*full)(struct snapset_cow *cow);
	/* What its clock of times without room shows to one who has waited @waited, jiffies. */
	unsigned long (*room_clock)(struct snapset_cow *cow, unsigned long waited);
	/* Some write of it, to which it shows @since, has no room yet. */
	void (*room_lacks)(struct snapset_cow *cow, unsigned long since);
};

struct snapset_cow {
	/* fixed */
	struct snapset_origin *origin;
	struct snapset_store *store;
	struct snapset_budget *budget;
	char name[64];			/* of the origin, for messages */
	const struct snapset_cow_ops *ops;
	void *owner;			/* whoever made it */
	u64 quota;			/* granules it may take of stores */
	u64 granules;			/* of the origin */
	u64 sectors;
	void *absorb_for;		/* the file system whose discards may be swallowed */
	struct snapset_above *above;	/* what else may stand there for that; the owner's */

	struct list_head link;		/* chain.h; origin->lock, readers RCU */
	bool linked;			/* origin->lock */
	bool left;			/* the chain, for ever: origin->lock and map_mutex */
	u64 age;			/* its number in the chain, from 1 on; fixed there */
	struct snapset_map map;		/* changed under chain.map_mutex */
	u64 index;			/* bytes of it that budget->index knows; likewise */
	/* takes over the map, with a reference; changed under map_mutex and origin->lock */
	struct snapset_cow *heir;
	struct mutex leave_mutex;	/* its own leaving; outside of the chain's */

	s32 dead;			/* code of the first reason; origin->lock; never cleared */
	bool retired;			/* own reads fail, those of others do not */
	bool leaving;			/* dead or deleted, and its store knows; origin->lock */
	bool dropped;			/* dead, and has given up its map */
	char why[160];			/* written by who set dead, valid when told is set */
	bool told;
	struct work_struct died_work, drop_work;

	struct list_head in_budget;	/* budget->lock */
	/* jobs that lack something, the first that was tried knows what: worker */
	struct list_head waiting[SNAPSET_URGENCIES];
	unsigned int turn;		/* of them: likewise */
	struct list_head hungry;	/* jobs.hungry, when there are some: the worker's */
	bool starving;			/* likewise; read by the budget */
	enum snapset_lack lack;		/* of what; written by the worker, before it tries again */
	bool roomless;			/* it found no room: full.c */

	atomic_t busy;			/* jobs, copies, readers: 0 when it may be freed */
	wait_queue_head_t idle;

	atomic64_t copied, stored, in_ram;	/* bytes */
	atomic64_t absorbed;			/* discards not passed down */
	atomic64_t allocated;			/* granules of stores that it has taken */
	atomic64_t handed;			/* that it was handed down */
};

/* Process context; not yet in the chain. */
struct snapset_cow *snapset_cow_new(struct snapset_origin *origin,
				    struct snapset_store *store,
				    struct snapset_budget *budget,
				    const char *name,
				    const struct snapset_cow_ops *ops, void *owner);
/* It is deleted: who lacks room in its store may count on what it gives back. Any context. */
void snapset_cow_leaves(struct snapset_cow *cow);
/* Every read of its image fails from now on; before a write may pass uncopied. */
void snapset_cow_retire(struct snapset_cow *cow);
/* Retired, and a grace period ago. Leaves the chain; waits for what is under way. */
void snapset_cow_free(struct snapset_cow *cow);
void snapset_cow_wait_idle(struct snapset_cow *cow);

/*
 * The first reason wins and stays; writers go on at once, every read of the image
 * gives EIO from now on. So do all older snapshots of the origin, which look
 * through this one, as long as it is in the chain. Any context.
 */
__printf(3, 4)
void snapset_cow_kill(struct snapset_cow *cow, s32 code, const char *fmt, ...);
/*
 * Likewise the engine that is the newest in that moment, and so all of the origin's; there
 * may be none. One that becomes the newest later is not seen. Any context.
 */
__printf(3, 4)
void snapset_cow_kill_newest(struct snapset_origin *o, s32 code, const char *fmt, ...);
/*
 * Likewise, when something that is in its map will never be stored: one that has left the
 * chain has given that to its heir, which is then lost with all that are older.
 */
__printf(3, 4)
void snapset_cow_lose(struct snapset_cow *cow, s32 code, const char *fmt, ...);

/*
 * A reader that has seen false after its data came has the right data. What orders
 * the look after the data is the reader's count of parts (atomic_dec_and_test()).
 */
static inline bool snapset_cow_dead(const struct snapset_cow *cow)
{
	/* pairs with the cmpxchg() in kill_one() */
	return smp_load_acquire(&cow->dead);
}

/* Nothing more is to be kept by @cow: it is dead, or has left the chain. Any context. */
static inline bool snapset_cow_done(const struct snapset_cow *cow)
{
	return READ_ONCE(cow->left) || snapset_cow_dead(cow);
}

/* The same for reads of @cow's own image. */
static inline bool snapset_cow_over(const struct snapset_cow *cow)
{
	/* pairs with the barrier in snapset_cow_retire() */
	return snapset_cow_dead(cow) || smp_load_acquire(&cow->retired);
}

/* May @bio, sectors @r of the origin, go? @cow is the newest. Under RCU. */
enum snapset_cow_verdict snapset_cow_judge(struct snapset_cow *cow,
					   const struct bio *bio,
					   struct snapset_range r);

/* The origin's worker: jobs of @cow lack something, or do no more. */
void snapset_cow_starve(struct snapset_cow *cow, bool on);

void snapset_cow_get(struct snapset_cow *cow);
/* Under rcu_read_lock() or in the worker: who frees it waits for both. */
void snapset_cow_put(struct snapset_cow *cow);

/* Short jobs on the side: told deaths, store watches, the hook's probe. For reclaim. */
extern struct workqueue_struct *snapset_tell_wq;

int snapset_cow_init(void);
void snapset_cow_exit(void);

#endif
