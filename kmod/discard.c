// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why no write is lost to a discard that comes late: a write that begins when the
 * discard's own end has been told finds "any" set, takes the lock, and either its
 * granules are still remembered, and are forgotten before it goes; or they are being passed
 * on, and it waits for that. One that began earlier was under way together with the
 * discard, and whoever sends both at once gets either.
 */
#include <linux/bitmap.h>
#include <linux/blkdev.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include "discard.h"
#include "fault.h"
#include "origin.h"

#define PART_SHIFT	12
#define PART		(1UL << PART_SHIFT)
#define ALL		xa_mk_value(1)
#define MAX_BITMAPS	32768		/* 16 MiB */
#define MAX_AT_ONCE	(16 * PART)	/* 256 MiB: what a write may have to wait for */

void snapset_discards_init(struct snapset_discards *d)
{
	spin_lock_init(&d->lock);
	xa_init(&d->parts);
	bio_list_init(&d->waiting);
}

static void forget_part(struct snapset_discards *d, unsigned long index)
{
	void *part = xa_erase(&d->parts, index);

	if (!part)
		return;
	d->nr_parts--;
	if (xa_is_value(part))
		return;
	d->nr_bitmaps--;
	kfree(part);
}

static void forget_all(struct snapset_discards *d)
{
	unsigned long index;
	void *part;

	xa_for_each(&d->parts, index, part)
		forget_part(d, index);
}

void snapset_discards_destroy(struct snapset_discards *d)
{
	WARN_ON(!bio_list_empty(&d->waiting));
	forget_all(d);
	xa_destroy(&d->parts);
}

/* The part's bitmap, to be changed; NULL: nothing is remembered of it, or no longer. */
static unsigned long *bitmap_of(struct snapset_discards *d, unsigned long index, bool make)
{
	void *part = xa_load(&d->parts, index);
	unsigned long *bitmap = NULL;

	if (part && !xa_is_value(part))
		return part;
	if (!part && !make)
		return NULL;
	if (d->nr_bitmaps < MAX_BITMAPS)
		bitmap = snapset_may_fail(kzalloc(BITS_TO_LONGS(PART) * sizeof(long),
						  GFP_NOWAIT | __GFP_NOWARN));
	if (!bitmap) {
		forget_part(d, index);
		return NULL;
	}
	if (part)
		bitmap_set(bitmap, 0, PART);
	if (snapset_may_err(xa_err(xa_store(&d->parts, index, bitmap,
					    GFP_NOWAIT | __GFP_NOWARN)))) {
		kfree(bitmap);
		forget_part(d, index);
		return NULL;
	}
	d->nr_bitmaps++;
	if (!part)
		d->nr_parts++;
	return bitmap;
}

static void set_all(struct snapset_discards *d, unsigned long index)
{
	forget_part(d, index);
	if (!snapset_may_err(xa_err(xa_store(&d->parts, index, ALL,
					     GFP_NOWAIT | __GFP_NOWARN))))
		d->nr_parts++;
}

/* Granules [@from, @to) are remembered, or are not. */
static void mark(struct snapset_discards *d, u64 from, u64 to, bool on)
{
	unsigned long index, at, len;
	unsigned long *bitmap;

	while (from < to) {
		index = from >> PART_SHIFT;
		at = from & (PART - 1);
		len = min_t(u64, PART - at, to - from);
		from += len;
		if (len == PART && on) {
			set_all(d, index);
		} else if (len == PART) {
			forget_part(d, index);
		} else {
			bitmap = bitmap_of(d, index, on);
			if (!bitmap)
				continue;
			if (on)
				bitmap_set(bitmap, at, len);
			else
				bitmap_clear(bitmap, at, len);
		}
	}
}

static void update_any(struct snapset_discards *d)
{
	WRITE_ONCE(d->any, d->nr_parts || d->from < d->to);
}

void snapset_discards_note(struct snapset_origin *o, struct snapset_range r)
{
	void *holder = READ_ONCE(o->bdev.bdev->bd_holder);
	struct snapset_discards *d = &o->discards;
	unsigned long flags;
	u64 from, to;

	/* what lies wholly in it, to the last granule, which may be a part of one */
	from = DIV_ROUND_UP_ULL(r.start, SNAPSET_GRANULE_SECTORS);
	to = r.end >> (SNAPSET_GRANULE_SHIFT - SECTOR_SHIFT);
	/* who knows what a medium holds that has been elsewhere */
	if (from >= to || (o->disk->flags & GENHD_FL_REMOVABLE))
		return;
	spin_lock_irqsave(&d->lock, flags);
	/* another file system by now, perhaps: what it has there was not written by us */
	if (d->holder != holder)
		forget_all(d);
	d->holder = holder;
	mark(d, from, to, true);
	update_any(d);
	spin_unlock_irqrestore(&d->lock, flags);
}

bool snapset_discards_meet(struct snapset_discards *d, struct bio *bio,
			   struct snapset_range r)
{
	u64 from = snapset_range_first_granule(r), to = snapset_range_last_granule(r) + 1;
	unsigned long flags;
	bool taken;

	spin_lock_irqsave(&d->lock, flags);
	taken = from < d->to && to > d->from && d->from < d->to;
	if (taken) {
		bio_list_add(&d->waiting, bio);
	} else {
		mark(d, from, to, false);
		update_any(d);
	}
	spin_unlock_irqrestore(&d->lock, flags);
	return taken;
}

/* Granules of the part from @at on that are remembered without a gap. */
static unsigned long run_at(void *part, unsigned long at)
{
	if (!part)
		return 0;
	return xa_is_value(part) ? PART - at : find_next_zero_bit(part, PART, at) - at;
}

/* Some that are remembered are on their way. False: there are none. */
static bool next_run(struct snapset_discards *d)
{
	unsigned long index = 0, at = 0, len;
	void *part;

	lockdep_assert_held(&d->lock);
	/* a bitmap may have become empty */
	for (;;) {
		part = xa_find(&d->parts, &index, ULONG_MAX, XA_PRESENT);
		if (!part)
			return false;
		at = xa_is_value(part) ? 0 : find_first_bit(part, PART);
		if (at < PART)
			break;
		forget_part(d, index);
	}
	len = run_at(part, at);
	d->from = ((u64)index << PART_SHIFT) + at;
	d->to = d->from + len;
	while (at + len == PART && d->to - d->from < MAX_AT_ONCE) {
		at = 0;
		len = run_at(xa_load(&d->parts, ++index), 0);
		d->to += len;
	}
	mark(d, d->from, d->to, false);
	return true;
}

static bool may_pass_on(struct snapset_origin *o)
{
	/* its device: another medium, another size, another user or none */
	return !snapset_origin_lost(o) &&
	       snapset_origin_sectors_now(o) == o->range.end - o->range.start &&
	       READ_ONCE(o->bdev.bdev->bd_holder) == o->discards.holder;
}

void snapset_discards_pass_on(struct snapset_origin *o)
{
	struct snapset_discards *d = &o->discards;
	unsigned int noio = memalloc_noio_save();	/* writes wait for this */
	struct bio_list go;
	struct bio *bio;
	bool more = true;
	int err = 0;

	while (more) {
		spin_lock_irq(&d->lock);
		if (err || !may_pass_on(o))
			forget_all(d);
		more = !rcu_access_pointer(o->newest) && next_run(d);
		update_any(d);
		spin_unlock_irq(&d->lock);
		if (!more)
			break;
		snapset_fault("pass-on");
		err = snapset_issue_discard(o->bdev.bdev,
					    d->from << (SNAPSET_GRANULE_SHIFT - SECTOR_SHIFT),
					    (d->to - d->from) <<
					    (SNAPSET_GRANULE_SHIFT - SECTOR_SHIFT));
		spin_lock_irq(&d->lock);
		d->to = d->from;
		update_any(d);
		go = d->waiting;
		bio_list_init(&d->waiting);
		spin_unlock_irq(&d->lock);
		while ((bio = bio_list_pop(&go)))
			snapset_origin_resubmit(bio);
	}
	memalloc_noio_restore(noio);
}
