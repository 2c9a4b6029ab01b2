/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * discard.h - what an origin has been told that it need not keep, and was not passed on,
 * because a snapshot would have had to copy it: remembered, as far as nothing is
 * written there again, and passed on when the last snapshot goes. It is a hint, and what
 * cannot be remembered is forgotten; but a discard of what has been written since would
 * destroy it. So each write to the origin asks here before it goes, while there is
 * anything.
 */
#ifndef SNAPSET_DISCARD_H
#define SNAPSET_DISCARD_H

#include <linux/bio.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>
#include "range.h"

struct snapset_origin;

struct snapset_discards {
	bool any;		/* there is something below; also read without the lock */
	spinlock_t lock;	/* irq; innermost; guards the rest */
	struct xarray parts;	/* 4096 granules each: a bitmap, or all of them */
	unsigned long nr_parts, nr_bitmaps;
	void *holder;		/* of the device, when they came */
	u64 from, to;		/* granules that are being passed on; equal: none */
	struct bio_list waiting;	/* writes to these */
};

void snapset_discards_init(struct snapset_discards *d);
void snapset_discards_destroy(struct snapset_discards *d);

/*
 * A discard of sectors @r of the origin is not passed on: before it is completed. Any
 * context.
 */
void snapset_discards_note(struct snapset_origin *o, struct snapset_range r);

/* The slow half of written(). */
bool snapset_discards_meet(struct snapset_discards *d, struct bio *bio,
			   struct snapset_range r);

/*
 * @bio, which moves data to sectors @r of the origin, is about to go. True: it is taken,
 * and comes by the hook again. Any context.
 */
static inline bool snapset_discards_written(struct snapset_discards *d, struct bio *bio,
					    struct snapset_range r)
{
	return unlikely(READ_ONCE(d->any)) && bio_op(bio) != REQ_OP_DISCARD &&
	       snapset_discards_meet(d, bio, r);
}

/*
 * Passes on what is remembered, by the hook like anybody's discards; ends early when
 * there is a snapshot again, and forgets all if the device may hold something else by
 * now. Nothing is left, or a snapshot is there. Process context; waits for the device. One
 * at a time.
 */
void snapset_discards_pass_on(struct snapset_origin *o);

#endif
