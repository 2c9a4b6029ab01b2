/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * full.h - what is done when a store has no room for what a write would destroy
 * (enum snapset_full): the origin's writes may wait a while, but never fail.
 */
#ifndef SNAPSET_FULL_H
#define SNAPSET_FULL_H

#include <linux/spinlock.h>
#include <linux/workqueue.h>

struct snapset_cow;
struct snapset_set;

struct snapset_fullness {
	spinlock_t lock;		/* irq; guards all but work; inside it only set->wq */
	bool waiting;			/* writers wait, and no room has come since */
	unsigned long began, spent;	/* jiffies: when that began; all of it before */
	unsigned int sent;		/* runs of the work that are still to begin */
	bool looking, going;		/* it runs, it may not any more */
	unsigned long hope;		/* jiffies: so long a deletion may give room */
	unsigned long until;		/* jiffies */
	unsigned long told;		/* likewise: when that was last said; the work's */
	u32 waits, dropped;		/* how often; older snapshots deleted */
	struct delayed_work work;
};

void snapset_full_init(struct snapset_set *set);
/* No engine of the set is left. Process context. */
void snapset_full_exit(struct snapset_set *set);

/*
 * There is no room for what @cow, the newest of its origin, must keep. True: there may
 * be soon, the origin's worker is sent then; false: @cow is dead. Any context, no locks.
 */
bool snapset_full_ask(struct snapset_set *set, struct snapset_cow *cow);
/* cow.h: how long there was no room while writers waited for some, all in all. Any context. */
unsigned long snapset_full_clock(struct snapset_set *set, unsigned long waited);
void snapset_full_lacks(struct snapset_set *set, unsigned long since);
/* There is room: who waits tries again. Any context. */
void snapset_full_over(struct snapset_set *set);

#endif
