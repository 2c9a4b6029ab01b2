/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reserve.h - what a copy needs besides memory: budget, and a place in the store
 * within the quota of its engine.
 */
#ifndef SNAPSET_RESERVE_H
#define SNAPSET_RESERVE_H

#include <linux/types.h>

struct snapset_budget;
struct snapset_cow;

/*
 * Budget and a place for up to @want granules; how many. 0: there is nothing to be had
 * now, but the origin's worker will be sent; -ENOSPC: the engine is dead. Any context.
 */
s64 snapset_reserve(struct snapset_cow *cow, u64 want, u64 *place);

/*
 * Gives budget back and sends whoever starves, but not @self, who asks now: it is sent
 * by its own death or by the end of a copy of its own. Any context.
 */
void snapset_budget_give(struct snapset_budget *b, u64 granules,
			 const struct snapset_cow *self);
/* A place that was reserved and has not been used. Any context. */
void snapset_place_give(struct snapset_cow *cow, u64 place, u64 len);

#endif
