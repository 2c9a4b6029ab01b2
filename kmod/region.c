// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extents are u64 that sort by their first granule:
 *
 *	62     54 53      45 44                           0
 *	[ start  ][ len - 1 ][            place            ]
 *
 * A change in place is a memmove of at most 2 KiB under the region's sequence
 * count, with interrupts off: a lookup on the same CPU, even in an interrupt,
 * can then never spin on a change that it has interrupted. A region that is
 * full is replaced by a copy of twice the size, header included, so that the
 * slab caches waste nothing. Regions go away by RCU.
 *
 * What would need more than half a page gets a whole one, with the place of each granule:
 * no more is ever needed, and nothing is moved any more. Each place is written at once, so
 * who looks needs no sequence count. More than a page is never asked for: additions are
 * made while a writer waits, without reclaim to speak of.
 */
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "fault.h"
#include "region.h"

#define LEN_SHIFT	SNAPSET_MAP_PLACE_BITS
#define START_SHIFT	(LEN_SHIFT + SNAPSET_MAP_REGION_SHIFT)
#define LEN		SNAPSET_REGION_LEN
#define PLACES_SIZE	(LEN * sizeof(u64))
#define MOST		(PLACES_SIZE / 2)	/* bytes of a region with extents */

struct snapset_region {
	union {
		struct rcu_head rcu;
		struct {		/* before it is published */
			struct snapset_region *next;
			unsigned long index;
		} spare;
	};
	seqcount_t seq;
	u16 nr;				/* never above room: a racing reader stays inside */
	u16 room;			/* 0: it has places */
	u64 ext[];			/* or the address of the places: place + 1, 0 for none */
};

/* What a piece does to the extents: goes in before @pos or joins neighbours. */
struct plan {
	unsigned int pos;
	bool left, right;
};

static u64 ext_make(unsigned int start, unsigned int len, u64 place)
{
	return (u64)start << START_SHIFT | (u64)(len - 1) << LEN_SHIFT | place;
}

static unsigned int ext_start(u64 ext)
{
	return ext >> START_SHIFT;
}

static unsigned int ext_len(u64 ext)
{
	return ((ext >> LEN_SHIFT) & (LEN - 1)) + 1;
}

static unsigned int ext_end(u64 ext)
{
	return ext_start(ext) + ext_len(ext);
}

static u64 ext_place(u64 ext)
{
	return ext & SNAPSET_PLACE_MASK;
}

u64 snapset_extent(const struct snapset_piece *p)
{
	return ext_make(p->start, p->len, p->place);
}

bool snapset_extent_join(u64 *ext, const struct snapset_piece *p)
{
	if (ext_end(*ext) == p->start && ext_place(*ext) + ext_len(*ext) == p->place)
		*ext = ext_make(ext_start(*ext), ext_len(*ext) + p->len, ext_place(*ext));
	else if (ext_start(*ext) == p->start + p->len && ext_place(*ext) == p->place + p->len)
		*ext = ext_make(p->start, p->len + ext_len(*ext), p->place);
	else
		return false;
	return true;
}

/* @ext: the last that begins at or before @at, if @pos; @next: where another begins. */
static void tell_run(u64 ext, unsigned int pos, unsigned int next, unsigned int at,
		     struct snapset_map_run *run)
{
	run->kept = pos && at < ext_end(ext);
	if (run->kept) {
		run->len = ext_end(ext) - at;
		run->place = ext_place(ext) + at - ext_start(ext);
	} else {
		run->len = next - at;
		run->place = 0;
	}
}

void snapset_extent_lookup(u64 ext, unsigned int at, struct snapset_map_run *run)
{
	bool before = ext_start(ext) <= at;

	tell_run(ext, before, before ? LEN : ext_start(ext), at, run);
}

bool snapset_extent_covers(u64 ext, unsigned int start, unsigned int end)
{
	return ext_start(ext) <= start && ext_end(ext) >= end;
}

bool snapset_extent_overlaps(u64 ext, const struct snapset_piece *p)
{
	return ext_end(ext) > p->start && ext_start(ext) < p->start + p->len;
}

/* The sizes of the slab caches: powers of two, 96 and 192. */
static size_t slab_size(size_t size)
{
	size_t power = roundup_pow_of_two(size);

	return (power == 128 || power == 256) && size <= power / 4 * 3 ? power / 4 * 3 : power;
}

static u64 *places(const struct snapset_region *r)
{
	return r->room ? NULL : (u64 *)(uintptr_t)r->ext[0];
}

size_t snapset_region_bytes(const struct snapset_region *r)
{
	size_t size = slab_size(struct_size(r, ext, max_t(unsigned int, r->room, 1)));

	return places(r) ? size + PLACES_SIZE : size;
}

struct snapset_region *snapset_region_new(unsigned int extents, unsigned long index, gfp_t gfp)
{
	struct snapset_region *r;
	size_t size = slab_size(struct_size(r, ext, extents));
	u64 *all = NULL;

	if (size > MOST) {
		size = slab_size(struct_size(r, ext, 1));
		all = snapset_may_fail(kzalloc(PLACES_SIZE, gfp));
		if (!all)
			return NULL;
	}
	r = snapset_may_fail(kmalloc(size, gfp));
	if (!r) {
		kfree(all);
		return NULL;
	}
	r->spare.next = NULL;
	r->spare.index = index;
	seqcount_init(&r->seq);
	r->nr = 0;
	r->room = all ? 0 : (size - sizeof(*r)) / sizeof(u64);
	if (all)
		r->ext[0] = (uintptr_t)all;
	return r;
}

struct snapset_region **snapset_region_next(struct snapset_region *r)
{
	return &r->spare.next;
}

unsigned long snapset_region_index(const struct snapset_region *r)
{
	return r->spare.index;
}

void snapset_region_free(struct snapset_region *r)
{
	kfree(places(r));
	kfree(r);
}

void snapset_region_free_rcu(struct snapset_region *r)
{
	WARN_ON_ONCE(places(r));	/* has no successor */
	kfree_rcu(r, rcu);
}

/*
 * Number of extents that begin at or before granule @at. Under a change the
 * answer may be nonsense, but never beyond @nr; the sequence count tells.
 */
static unsigned int search(const struct snapset_region *r, unsigned int nr, unsigned int at)
{
	unsigned int low = 0, high = nr;

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (ext_start(READ_ONCE(r->ext[mid])) <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void places_lookup(const u64 *all, unsigned int at, struct snapset_map_run *run)
{
	u64 first = READ_ONCE(all[at]);
	unsigned int n = 1;

	while (at + n < LEN && READ_ONCE(all[at + n]) == (first ? first + n : 0))
		n++;
	run->kept = first;
	run->len = n;
	run->place = first ? first - 1 : 0;
}

void snapset_region_lookup(const struct snapset_region *r, unsigned int at,
			   struct snapset_map_run *run)
{
	unsigned int seq, nr, pos, next;
	u64 ext;

	if (places(r)) {
		places_lookup(places(r), at, run);
		return;
	}
	do {
		seq = raw_read_seqcount_begin(&r->seq);
		nr = READ_ONCE(r->nr);
		pos = search(r, nr, at);
		ext = pos ? READ_ONCE(r->ext[pos - 1]) : 0;
		next = pos < nr ? ext_start(READ_ONCE(r->ext[pos])) : LEN;
	} while (read_seqcount_retry(&r->seq, seq));
	tell_run(ext, pos, next, at, run);
}

static bool places_cover(const u64 *all, unsigned int start, unsigned int end)
{
	while (start < end && READ_ONCE(all[start]))
		start++;
	return start >= end;
}

bool snapset_region_covers(const struct snapset_region *r, unsigned int start,
			   unsigned int end)
{
	unsigned int seq, nr, pos, reach;
	u64 ext;

	if (places(r))
		return places_cover(places(r), start, end);
	do {
		seq = raw_read_seqcount_begin(&r->seq);
		nr = READ_ONCE(r->nr);
		pos = search(r, nr, start);
		reach = pos ? ext_end(READ_ONCE(r->ext[pos - 1])) : 0;
		if (reach <= start)
			reach = 0;
		while (reach && reach < end && pos < nr) {
			ext = READ_ONCE(r->ext[pos++]);
			if (ext_start(ext) != reach)
				break;
			reach = ext_end(ext);
		}
	} while (read_seqcount_retry(&r->seq, seq));
	return reach >= end;
}

bool snapset_region_overlaps(const struct snapset_region *r, const struct snapset_piece *p)
{
	unsigned int pos, i;

	if (places(r)) {
		for (i = p->start; i < p->start + p->len; i++)
			if (places(r)[i])
				return true;
		return false;
	}
	pos = search(r, r->nr, p->start);
	return (pos && ext_end(r->ext[pos - 1]) > p->start) ||
	       (pos < r->nr && ext_start(r->ext[pos]) < p->start + p->len);
}

static void make_plan(const struct snapset_region *r, const struct snapset_piece *p,
		      struct plan *plan)
{
	unsigned int pos = search(r, r->nr, p->start);
	u64 ext;

	plan->pos = pos;
	plan->left = false;
	plan->right = false;
	if (pos) {
		ext = r->ext[pos - 1];
		plan->left = ext_end(ext) == p->start &&
			     ext_place(ext) + ext_len(ext) == p->place;
	}
	if (pos < r->nr) {
		ext = r->ext[pos];
		plan->right = ext_start(ext) == p->start + p->len &&
			      ext_place(ext) == p->place + p->len;
	}
}

static int carry_out(struct snapset_region *r, const struct snapset_piece *p,
		     const struct plan *plan)
{
	u64 *at = &r->ext[plan->pos];
	unsigned int after = r->nr - plan->pos;
	int grown = 1 - plan->left - plan->right;

	if (plan->left && plan->right) {
		at[-1] = ext_make(ext_start(at[-1]),
				  ext_len(at[-1]) + p->len + ext_len(at[0]),
				  ext_place(at[-1]));
		memmove(at, at + 1, (after - 1) * sizeof(*at));
	} else if (plan->left) {
		at[-1] = ext_make(ext_start(at[-1]), ext_len(at[-1]) + p->len,
				  ext_place(at[-1]));
	} else if (plan->right) {
		at[0] = ext_make(p->start, p->len + ext_len(at[0]), p->place);
	} else {
		memmove(at + 1, at, after * sizeof(*at));
		at[0] = ext_make(p->start, p->len, p->place);
	}
	WRITE_ONCE(r->nr, r->nr + grown);
	return grown;
}

unsigned int snapset_region_needs(const struct snapset_region *r,
				  const struct snapset_piece *p)
{
	struct plan plan;

	if (places(r) || r->nr < r->room)
		return 0;
	make_plan(r, p, &plan);
	return plan.left || plan.right ? 0 : r->room + 1;
}

static int places_add(u64 *all, const struct snapset_piece *p)
{
	unsigned int end = p->start + p->len, i;
	bool left = p->start && all[p->start - 1] && all[p->start - 1] == p->place;
	bool right = end < LEN && all[end] == p->place + p->len + 1;

	for (i = 0; i < p->len; i++)
		WRITE_ONCE(all[p->start + i], p->place + i + 1);
	return 1 - left - right;
}

int snapset_region_add(struct snapset_region *r, const struct snapset_piece *p)
{
	unsigned long flags;
	struct plan plan;
	int grown;

	if (places(r))
		return places_add(places(r), p);
	make_plan(r, p, &plan);
	local_irq_save(flags);
	raw_write_seqcount_begin(&r->seq);
	grown = carry_out(r, p, &plan);
	raw_write_seqcount_end(&r->seq);
	local_irq_restore(flags);
	return grown;
}

void snapset_region_inherit(struct snapset_region *new, const struct snapset_region *r,
			    u64 ext)
{
	const u64 *from = r ? r->ext : &ext;
	unsigned int nr = r ? r->nr : 1, i, j;
	u64 *all = places(new);

	if (!all) {
		memcpy(new->ext, from, nr * sizeof(u64));
		new->nr = nr;
		return;
	}
	for (i = 0; i < nr; i++)
		for (j = 0; j < ext_len(from[i]); j++)
			all[ext_start(from[i]) + j] = ext_place(from[i]) + j + 1;
}
