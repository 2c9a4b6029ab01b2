/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reserve.h - what a copy needs besides memory: budget, and a place in the store
 * within the quota of its engine.
 */
#ifndef SNAPSET_RESERVE_H
#define SNAPSET_RESERVE_H

#include <linux/types.h>
#include "cow.h"

struct snapset_budget;
struct snapset_cow;

/*
 * Budget and a place for up to @want granules; how many. 0: there is no *lack of it to be
 * had now; if cow->lack has said so before, and cow->starving, the origin's worker is sent
 * when there is. -ENOSPC: the engine is dead. Any context.
 */
s64 snapset_reserve(struct snapset_cow *cow, u64 want, u64 *place, enum snapset_lack *lack);

/*
 * Gives budget back and sends those that starve for it, but not @self, which asks now. One
 * that lacks something else is not sent: it would take the budget in vain, give it back,
 * and send the next one, in a circle. Any context.
 */
void snapset_budget_give(struct snapset_budget *b, u64 granules,
			 const struct snapset_cow *self);
/* A place that was reserved and has not been used. Any context. */
void snapset_place_give(struct snapset_cow *cow, u64 place, u64 len);

#endif
