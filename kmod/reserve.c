// SPDX-License-Identifier: GPL-2.0-only
#include <linux/blkdev.h>
#include "cow.h"
#include "origin.h"
#include "reserve.h"

/*
 * Granules of budget for one copy. An engine that has nothing under way gets its own
 * share, whatever the others have: one whose device hangs must not stop them.
 */
static u64 budget_take(struct snapset_cow *cow, u64 want)
{
	struct snapset_budget *b = cow->budget;
	u64 used = atomic64_read(&b->used), left, got, old;

	for (;;) {
		left = used < b->shared ? (b->shared - used) >> SNAPSET_GRANULE_SHIFT : 0;
		if (left < b->share && !atomic64_read(&cow->in_ram))
			left = b->share;
		got = min(want, left);
		if (!got)
			return 0;
		old = atomic64_cmpxchg(&b->used, used,
				       used + (got << SNAPSET_GRANULE_SHIFT));
		if (old == used)
			return got;
		used = old;
	}
}

void snapset_budget_give(struct snapset_budget *b, u64 granules,
			 const struct snapset_cow *self)
{
	struct snapset_cow *cow;
	unsigned long flags;

	atomic64_sub(granules << SNAPSET_GRANULE_SHIFT, &b->used);
	smp_mb__after_atomic();	/* before the look for who waits; pairs with cow_starve() */
	if (!atomic_read(&b->starving))
		return;
	spin_lock_irqsave(&b->lock, flags);
	list_for_each_entry(cow, &b->engines, in_budget)
		if (cow != self && READ_ONCE(cow->starving) &&
		    READ_ONCE(cow->lack) == SNAPSET_LACKS_BUDGET)
			snapset_origin_kick(cow->origin);
	spin_unlock_irqrestore(&b->lock, flags);
}

/* Of up to @want granules, those that the quota still allows. */
static u64 quota_take(struct snapset_cow *cow, u64 want)
{
	u64 had = atomic64_read(&cow->allocated), got, old;

	for (;;) {
		got = min(want, cow->quota - min(had, cow->quota));
		if (!got)
			return 0;
		old = atomic64_cmpxchg(&cow->allocated, had, had + got);
		if (old == had)
			return got;
		had = old;
	}
}

static void quota_give(struct snapset_cow *cow, u64 granules)
{
	atomic64_sub(granules, &cow->allocated);
}

/* Room for up to @want granules. 0: there may be some soon; or -ENOSPC: it is dead. */
static s64 place_take(struct snapset_cow *cow, u64 want, u64 *place)
{
	u64 may = quota_take(cow, want), len;

	if (!may) {
		snapset_cow_kill(cow, SNAPSET_E_INSUFFICIENT_STORAGE,
				 "it needs more of the store than its quota of %llu MiB",
				 cow->quota << SNAPSET_GRANULE_SHIFT >> 20);
		return -ENOSPC;
	}
	len = snapset_store_alloc(cow->store, may, place);
	if (!len) {
		if (!cow->ops->full(cow)) {
			quota_give(cow, may);
			return -ENOSPC;
		}
		/* there may have been some before that was said */
		len = snapset_store_alloc(cow->store, may, place);
	}
	quota_give(cow, may - len);
	return len;
}

void snapset_place_give(struct snapset_cow *cow, u64 place, u64 len)
{
	snapset_place_free(place, len);
	quota_give(cow, len);
}

s64 snapset_reserve(struct snapset_cow *cow, u64 want, u64 *place, enum snapset_lack *lack)
{
	u64 budget = budget_take(cow, want);
	s64 len;

	*lack = SNAPSET_LACKS_BUDGET;
	if (!budget)
		return 0;
	*lack = SNAPSET_LACKS_ROOM;
	len = place_take(cow, budget, place);
	if (len < (s64)budget)
		snapset_budget_give(cow->budget, budget - max(len, 0LL), cow);
	return len;
}
