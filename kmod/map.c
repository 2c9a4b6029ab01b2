// SPDX-License-Identifier: GPL-2.0-only
/*
 * The extents of a region are u64 that sort by their first granule:
 *
 *	62     54 53      45 44                           0
 *	[ start  ][ len - 1 ][            place            ]
 *
 * The only extent of a region is the value of its entry in the index; more are in an
 * array to which it points.
 *
 * A change in place is a memmove of at most 4 KiB under the region's sequence
 * count, with interrupts off: a lookup on the same CPU, even in an interrupt,
 * can then never spin on a change that it has interrupted. A region that is
 * full is replaced by a copy of twice the size, header included, so that the
 * slab caches waste nothing. Regions go away by RCU.
 *
 * A region is as large as its extents fit into one page, all but the last
 * three: additions must not depend on there being contiguous memory, since
 * they are made while a writer waits, without reclaim to speak of.
 *
 * An addition across several regions first gets all the memory it may need
 * and then changes them one after another without a chance to fail.
 */
#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "fault.h"
#include "map.h"

#define REGION_SHIFT	SNAPSET_MAP_REGION_SHIFT
#define REGION_LEN	(1U << REGION_SHIFT)
#define PLACE_MASK	((1ULL << SNAPSET_MAP_PLACE_BITS) - 1)
#define LEN_SHIFT	SNAPSET_MAP_PLACE_BITS
#define START_SHIFT	(LEN_SHIFT + REGION_SHIFT)

struct region {
	union {
		struct rcu_head rcu;
		struct {		/* before it is published */
			struct region *next;
			unsigned long index;
		} spare;
	};
	seqcount_t seq;
	u16 nr;				/* never above room: a racing reader stays inside */
	u16 room;
	u64 ext[];
};

/* A part of an addition that lies in one region. */
struct piece {
	unsigned long index;
	unsigned int start, len;	/* granules of the region */
	u64 place;
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
	return ((ext >> LEN_SHIFT) & (REGION_LEN - 1)) + 1;
}

static unsigned int ext_end(u64 ext)
{
	return ext_start(ext) + ext_len(ext);
}

static u64 ext_place(u64 ext)
{
	return ext & PLACE_MASK;
}

/* Makes one extent of two neighbours that continue each other in the store. */
static bool ext_join(u64 *ext, const struct piece *p)
{
	if (ext_end(*ext) == p->start && ext_place(*ext) + ext_len(*ext) == p->place)
		*ext = ext_make(ext_start(*ext), ext_len(*ext) + p->len, ext_place(*ext));
	else if (ext_start(*ext) == p->start + p->len && ext_place(*ext) == p->place + p->len)
		*ext = ext_make(p->start, p->len + ext_len(*ext), p->place);
	else
		return false;
	return true;
}

/* The sizes of the slab caches: powers of two, 96 and 192. */
static size_t slab_size(size_t size)
{
	size_t power = roundup_pow_of_two(size);

	return (power == 128 || power == 256) && size <= power / 4 * 3 ? power / 4 * 3 : power;
}

static size_t region_bytes(const struct region *r)
{
	return slab_size(struct_size(r, ext, r->room));
}

static struct region *region_new(unsigned int extents, gfp_t gfp)
{
	struct region *r;
	size_t size = slab_size(struct_size(r, ext, extents));

	r = snapset_may_fail(kmalloc(size, gfp));
	if (!r)
		return NULL;
	seqcount_init(&r->seq);
	r->nr = 0;
	r->room = min_t(size_t, (size - sizeof(*r)) / sizeof(u64), REGION_LEN);
	return r;
}

/* A region, a value that is its only extent, or NULL. */
static void *entry_get(const struct snapset_map *map, unsigned long index)
{
	return xa_load((struct xarray *)&map->regions, index);
}

/*
 * Number of extents that begin at or before granule @at. Under a change the
 * answer may be nonsense, but never beyond @nr; the sequence count tells.
 */
static unsigned int search(const struct region *r, unsigned int nr, unsigned int at)
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

static void region_lookup(const struct region *r, unsigned int at,
			  struct snapset_map_run *run)
{
	unsigned int seq, nr, pos, next;
	u64 ext;

	do {
		seq = raw_read_seqcount_begin(&r->seq);
		nr = READ_ONCE(r->nr);
		pos = search(r, nr, at);
		ext = pos ? READ_ONCE(r->ext[pos - 1]) : 0;
		next = pos < nr ? ext_start(READ_ONCE(r->ext[pos])) : REGION_LEN;
	} while (read_seqcount_retry(&r->seq, seq));
	tell_run(ext, pos, next, at, run);
}

static void entry_lookup(const void *entry, unsigned int at, struct snapset_map_run *run)
{
	bool before;
	u64 ext;

	if (!xa_is_value(entry)) {
		region_lookup(entry, at, run);
		return;
	}
	ext = xa_to_value(entry);
	before = ext_start(ext) <= at;
	tell_run(ext, before, before ? REGION_LEN : ext_start(ext), at, run);
}

static bool region_covers(const struct region *r, unsigned int start, unsigned int end)
{
	unsigned int seq, nr, pos, reach;
	u64 ext;

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

static bool entry_covers(const void *entry, unsigned int start, unsigned int end)
{
	u64 ext;

	if (!xa_is_value(entry))
		return region_covers(entry, start, end);
	ext = xa_to_value(entry);
	return ext_start(ext) <= start && ext_end(ext) >= end;
}

void snapset_map_init(struct snapset_map *map)
{
	xa_init(&map->regions);
	map->granules = 0;
	map->extents = 0;
	map->bytes = 0;
}

void snapset_map_destroy(struct snapset_map *map)
{
	unsigned long index;
	void *entry;

	xa_for_each(&map->regions, index, entry)
		if (!xa_is_value(entry))
			kfree(entry);
	xa_destroy(&map->regions);
	snapset_map_init(map);
}

void snapset_map_lookup(const struct snapset_map *map, u64 start, u64 max,
			struct snapset_map_run *run)
{
	unsigned int at = start & (REGION_LEN - 1);
	const void *entry;

	run->start = start;
	run->len = REGION_LEN - at;
	run->place = 0;
	run->kept = false;
	rcu_read_lock();
	entry = entry_get(map, start >> REGION_SHIFT);
	if (entry)
		entry_lookup(entry, at, run);
	rcu_read_unlock();
	run->len = min(run->len, max);
}

bool snapset_map_covers(const struct snapset_map *map, u64 start, u64 len)
{
	const void *entry;
	bool covered = true;

	rcu_read_lock();
	while (len && covered) {
		unsigned int at = start & (REGION_LEN - 1);
		unsigned int n = min_t(u64, len, REGION_LEN - at);

		entry = entry_get(map, start >> REGION_SHIFT);
		covered = entry && entry_covers(entry, at, at + n);
		start += n;
		len -= n;
	}
	rcu_read_unlock();
	return covered;
}

bool snapset_map_next(const struct snapset_map *map, u64 start,
		      struct snapset_map_run *run)
{
	unsigned long index = start >> REGION_SHIFT;
	bool found = false;
	void *entry;

	rcu_read_lock();
	while (!found) {
		entry = xa_find((struct xarray *)&map->regions, &index, ULONG_MAX,
				XA_PRESENT);
		if (!entry)
			break;
		run->start = max(start, (u64)index << REGION_SHIFT);
		entry_lookup(entry, run->start & (REGION_LEN - 1), run);
		found = run->kept;
		if (!found) {
			/* The gap ends at the next extent or with the region. */
			start = run->start + run->len;
			index = start >> REGION_SHIFT;
		}
	}
	rcu_read_unlock();
	return found;
}

static void make_plan(const struct region *r, const struct piece *p, struct plan *plan)
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

/* Returns by how many extents the region grew: -1, 0 or 1. */
static int carry_out(struct region *r, const struct piece *p, const struct plan *plan)
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

static bool overlaps(const void *entry, const struct piece *p)
{
	const struct region *r = entry;
	unsigned int pos;
	u64 ext;

	if (xa_is_value(entry)) {
		ext = xa_to_value(entry);
		return ext_end(ext) > p->start && ext_start(ext) < p->start + p->len;
	}
	pos = search(r, r->nr, p->start);
	return (pos && ext_end(r->ext[pos - 1]) > p->start) ||
	       (pos < r->nr && ext_start(r->ext[pos]) < p->start + p->len);
}

/* How many extents the region needs room for that @p makes necessary; 0: none. */
static unsigned int room_needed(const void *entry, const struct piece *p)
{
	const struct region *r = entry;
	struct plan plan;
	u64 ext;

	if (xa_is_value(entry)) {
		ext = xa_to_value(entry);
		return ext_join(&ext, p) ? 0 : 2;
	}
	make_plan(r, p, &plan);
	return r->nr < r->room || plan.left || plan.right ? 0 : r->room + 1;
}

/* Gets what carrying out @p will need; the region's successor, if any, into @spares. */
static int prepare(struct snapset_map *map, const struct piece *p, gfp_t gfp,
		   struct region ***spares)
{
	void *entry = entry_get(map, p->index);
	unsigned int room;
	struct region *new;

	if (!entry)
		return snapset_may_err(xa_reserve(&map->regions, p->index, gfp));
	if (overlaps(entry, p))
		return -EEXIST;
	room = room_needed(entry, p);
	if (!room)
		return 0;
	new = region_new(room, gfp);
	if (!new)
		return -ENOMEM;
	new->spare.next = NULL;
	new->spare.index = p->index;
	**spares = new;
	*spares = &new->spare.next;
	return 0;
}

/* Allocates nothing: the slot is reserved or in use. */
static void entry_set(struct snapset_map *map, unsigned long index, void *entry)
{
	WARN_ON_ONCE(xa_err(xa_store(&map->regions, index, entry, 0)));
}

/* The region or only extent @entry becomes @new, with @p. */
static int replace(struct snapset_map *map, const struct piece *p, void *entry,
		   struct region *new)
{
	struct region *r = xa_is_value(entry) ? NULL : entry;
	struct plan plan;
	int grown;

	if (r) {
		memcpy(new->ext, r->ext, r->nr * sizeof(u64));
		new->nr = r->nr;
	} else {
		new->ext[0] = xa_to_value(entry);
		new->nr = 1;
	}
	make_plan(new, p, &plan);
	grown = carry_out(new, p, &plan);
	entry_set(map, p->index, new);
	WRITE_ONCE(map->bytes, map->bytes + region_bytes(new) - (r ? region_bytes(r) : 0));
	if (r)
		kfree_rcu(r, rcu);
	return grown;
}

static int change_in_place(struct region *r, const struct piece *p)
{
	unsigned long flags;
	struct plan plan;
	int grown;

	make_plan(r, p, &plan);
	local_irq_save(flags);
	raw_write_seqcount_begin(&r->seq);
	grown = carry_out(r, p, &plan);
	raw_write_seqcount_end(&r->seq);
	local_irq_restore(flags);
	return grown;
}

static void change(struct snapset_map *map, const struct piece *p,
		   struct region **spares)
{
	void *entry = entry_get(map, p->index);
	struct region *new = *spares;
	int grown = 0;
	u64 ext;

	if (new && new->spare.index == p->index) {
		*spares = new->spare.next;
		grown = replace(map, p, entry, new);
	} else if (!entry) {
		ext = ext_make(p->start, p->len, p->place);
		entry_set(map, p->index, xa_mk_value(ext));
		grown = 1;
	} else if (xa_is_value(entry)) {
		ext = xa_to_value(entry);
		ext_join(&ext, p);
		entry_set(map, p->index, xa_mk_value(ext));
	} else {
		grown = change_in_place(entry, p);
	}
	WRITE_ONCE(map->extents, map->extents + grown);
	WRITE_ONCE(map->granules, map->granules + p->len);
}

/* The next part of what is left; false at the end. */
static bool cut(struct piece *p, u64 *start, u64 *len, u64 *place)
{
	if (!*len)
		return false;
	p->index = *start >> REGION_SHIFT;
	p->start = *start & (REGION_LEN - 1);
	p->len = min_t(u64, *len, REGION_LEN - p->start);
	p->place = *place;
	*start += p->len;
	*len -= p->len;
	*place += p->len;
	return true;
}

int snapset_map_add(struct snapset_map *map, u64 start, u64 len, u64 place,
		    gfp_t gfp)
{
	struct region *spares = NULL, **end = &spares, *spare;
	u64 s = start, l = len, pl = place;
	struct piece p;
	int err = 0;

	if (place > PLACE_MASK || len > PLACE_MASK + 1 - place ||
	    start + len < start)
		return -ERANGE;
	while (!err && cut(&p, &s, &l, &pl))
		err = prepare(map, &p, gfp, &end);
	if (err)
		goto undo;
	while (cut(&p, &start, &len, &place))
		change(map, &p, &spares);
	return 0;

undo:
	/* Takes back reservations and leaves other entries alone. */
	while (cut(&p, &start, &len, &place))
		xa_release(&map->regions, p.index);
	while ((spare = spares)) {
		spares = spare->spare.next;
		kfree(spare);
	}
	return err;
}
