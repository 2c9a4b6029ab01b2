/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * space.h - which granules of a store are taken.
 *
 * One bit per granule, all of it allocated by init() and more(): 32 MiB for a store of
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
	u64 total;			/* granules; only grows */
	u64 fenced;			/* of them: never handed out */
	u64 used;
	u64 cursor;			/* where the next search begins */
	unsigned long **bits;		/* by chunk; set: taken or fenced */
	u16 *left;			/* free granules of each chunk */
};

/* What a space needs besides to be larger. */
struct snapset_space_more {
	u64 total;
	u64 chunks, from;		/* bits[from .. chunks) are new */
	unsigned long **bits;
	u16 *left;
};

/* Process context. -EINVAL if @total is 0, -ENOMEM. */
int snapset_space_init(struct snapset_space *space, u64 total);
void snapset_space_destroy(struct snapset_space *space);	/* zeroed is fine */

/*
 * To let it grow to @total granules, which are more than it has: more(), in process
 * context, and nobody else lets it grow; then grow(), in any context under the lock of
 * the others; then forget(), in process context, which also undoes a more() alone.
 * -EINVAL, -ENOMEM.
 */
int snapset_space_more(const struct snapset_space *space, u64 total,
		       struct snapset_space_more *more);
void snapset_space_grow(struct snapset_space *space, struct snapset_space_more *more);
void snapset_space_forget(struct snapset_space_more *more);

/* A free granule that is never handed out, and across which no run goes. Any context. */
void snapset_space_fence(struct snapset_space *space, u64 at);

/*
 * Takes up to @want (>= 1) neighbouring granules and returns how many, the
 * first of them in *@start; 0 if it is full. Fewer than @want means
 * only that no long enough run was near: ask again for the rest. Any context.
 */
u64 snapset_space_take(struct snapset_space *space, u64 want, u64 *start);

/* All of them must be taken; WARNs and leaves alone those which are not. */
void snapset_space_give(struct snapset_space *space, u64 start, u64 len);

#endif
