/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * chain.h - the snapshots of one origin, oldest first.
 *
 * A write saves what it destroys in the newest snapshot only. What a snapshot shows
 * of a granule is what it has kept itself, else what the next newer one has kept,
 * and so on, else what the origin holds. A snapshot that goes hands down to the
 * next older one what that one needs: the place in the store changes its owner,
 * nothing is copied.
 */
#ifndef SNAPSET_CHAIN_H
#define SNAPSET_CHAIN_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/seqlock.h>
#include "map.h"

#define SNAPSET_MAX_SNAPS	512	/* of one origin, as with VSS */

struct snapset_copy;
struct snapset_cow;
struct snapset_origin;

struct snapset_chain {
	struct list_head cows;		/* oldest first; origin->lock, readers RCU */
	seqcount_t seq;			/* counts who left; origin->lock */
	struct mutex map_mutex;		/* changes of the maps and of who is whose heir */
	struct mutex leave_mutex;	/* one hands down at a time; outside of map_mutex */
	/*
	 * The age of the newest that has kept something of a region, or of one that has
	 * gone; no entry: nobody has but, perhaps, the oldest. Changed before the map.
	 * Writers map_mutex.
	 */
	struct xarray latest;
	bool latest_lacks;		/* there was no memory for an entry */
	u64 joined;			/* how many ever: the age of the newest; origin->lock */
};

void snapset_chain_init(struct snapset_chain *chain);
/* Nobody is in it. */
void snapset_chain_destroy(struct snapset_chain *chain);

/*
 * The newest from now on. False: it is dead, and stays outside, for the older ones would
 * look through it. The gate is closed; any context.
 */
bool snapset_chain_join(struct snapset_cow *cow);

/*
 * Nobody reads @cow's image any more. Hands down what the next older one needs,
 * takes @cow out, and then waits, holding up no other snapshot, until it is not used any
 * more and gives its other places back. What it was to keep is left to its heir: jobs
 * that wait for it end. Process context.
 */
void snapset_chain_leave(struct snapset_cow *cow);

/*
 * Granules of stores that @cow's leaving would give back now; the caller holds it.
 * Process context; takes as long as it has kept much.
 */
u64 snapset_chain_exclusive(struct snapset_cow *cow);

/*
 * @copy's granules are kept at its place from now on. -ESTALE: its engine has left the
 * chain, and nothing was done. Other errors: it must be killed; and when @copy cannot be
 * found by its place any more, snapset_chain_drop() follows. The origin's worker.
 */
int snapset_chain_add(struct snapset_copy *copy);
/* Gives back @copy's place, as far as no heir has taken it. The origin's worker. */
void snapset_chain_drop(struct snapset_copy *copy);

/*
 * What @cow shows of the granules from @start on: @run->kept, and then *@holder is
 * whose map says so, with a reference; or not kept by anybody up to the newest.
 * At most @max granules. False: @cow is being deleted. Process context.
 */
bool snapset_chain_lookup(struct snapset_cow *cow, u64 start, u64 max,
			  struct snapset_map_run *run, struct snapset_cow **holder);

#endif
