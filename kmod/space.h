/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * space.h - which granules of a store are taken.
 *
 * One bit per granule, all of it allocated by init(): 32 MiB for a store of
 * 1 TiB. So neither taking nor giving back can ever fail for want of memory,
 * and neither needs more than a spinlock. Next fit: what is written one after
 * another lies one after another, and what was given back is not reused before
 * the rest of the store has been.
 *
 * Pure: no lock of its own, the caller serialises. Also compiles in user space.
 */
#ifndef SNAPSET_SPACE_H
#define SNAPSET_SPACE_H

#include <linux/types.h>

struct snapset_space {
	u64 total;			/* granules; fixed */
	u64 used;
	u64 cursor;			/* where the next search begins */
	unsigned long *bits;		/* set: taken */
	u16 *left;			/* free granules of each chunk */
};

/* Process context. -EINVAL if @total is 0, -ENOMEM. */
int snapset_space_init(struct snapset_space *space, u64 total);
void snapset_space_destroy(struct snapset_space *space);	/* zeroed is fine */

/*
 * Takes up to @want (>= 1) neighbouring granules and returns how many, the
 * first of them in *@start; 0 if the store is full. Fewer than @want means
 * only that no long enough run was near: ask again for the rest. Any context.
 */
u64 snapset_space_take(struct snapset_space *space, u64 want, u64 *start);

/* All of them must be taken; WARNs and leaves alone those which are not. */
void snapset_space_give(struct snapset_space *space, u64 start, u64 len);

#endif
