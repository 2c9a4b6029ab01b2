// SPDX-License-Identifier: GPL-2.0-only
/*
 * An index of regions. The only extent of a region is the value of its entry in the index;
 * more are in a region (region.h), to which it points.
 *
 * An addition across several regions first gets all the memory it may need
 * and then changes them one after another without a chance to fail.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include "fault.h"
#include "map.h"
#include "region.h"

#define REGION_SHIFT	SNAPSET_MAP_REGION_SHIFT
#define REGION_LEN	SNAPSET_REGION_LEN

/* What the index takes for so many neighbouring entries: a node, and what is above it. */
#define NODE_ENTRIES	XA_CHUNK_SIZE
#define NODE_BYTES	(sizeof(struct xa_node) + sizeof(struct xa_node) / NODE_ENTRIES)

/* A region, a value that is its only extent, or NULL. */
static void *entry_get(const struct snapset_map *map, unsigned long index)
{
	return xa_load((struct xarray *)&map->regions, index);
}

static void entry_lookup(const void *entry, unsigned int at, struct snapset_map_run *run)
{
	if (xa_is_value(entry))
		snapset_extent_lookup(xa_to_value(entry), at, run);
	else
		snapset_region_lookup(entry, at, run);
}

static bool entry_covers(const void *entry, unsigned int start, unsigned int end)
{
	if (xa_is_value(entry))
		return snapset_extent_covers(xa_to_value(entry), start, end);
	return snapset_region_covers(entry, start, end);
}

static bool entry_overlaps(const void *entry, const struct snapset_piece *p)
{
	if (xa_is_value(entry))
		return snapset_extent_overlaps(xa_to_value(entry), p);
	return snapset_region_overlaps(entry, p);
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
			snapset_region_free(entry);
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

/* How many extents the region needs room for that @p makes necessary; 0: none. */
static unsigned int room_needed(const void *entry, const struct snapset_piece *p)
{
	u64 ext;

	if (!xa_is_value(entry))
		return snapset_region_needs(entry, p);
	ext = xa_to_value(entry);
	return snapset_extent_join(&ext, p) ? 0 : 2;
}

/* Gets what carrying out @p will need; the region's successor, if any, into @spares. */
static int prepare(struct snapset_map *map, const struct snapset_piece *p, gfp_t gfp,
		   struct snapset_region ***spares)
{
	void *entry = entry_get(map, p->index);
	struct snapset_region *new;
	unsigned int room;

	if (!entry)
		return snapset_may_err(xa_reserve(&map->regions, p->index, gfp));
	if (entry_overlaps(entry, p))
		return -EEXIST;
	room = room_needed(entry, p);
	if (!room)
		return 0;
	new = snapset_region_new(room, p->index, gfp);
	if (!new)
		return -ENOMEM;
	**spares = new;
	*spares = snapset_region_next(new);
	return 0;
}

/* Allocates nothing: the slot is reserved or in use. */
static void entry_set(struct snapset_map *map, unsigned long index, void *entry)
{
	WARN_ON_ONCE(xa_err(xa_store(&map->regions, index, entry, 0)));
}

static void count_bytes(struct snapset_map *map, long more)
{
	WRITE_ONCE(map->bytes, map->bytes + more);
}

/* The first entry of @index; a node for it if none of its neighbours has one. */
static void entry_first(struct snapset_map *map, const struct snapset_piece *p)
{
	unsigned long at = p->index & ~(NODE_ENTRIES - 1UL);

	if (!xa_find(&map->regions, &at, p->index | (NODE_ENTRIES - 1), XA_PRESENT))
		count_bytes(map, NODE_BYTES);
	entry_set(map, p->index, xa_mk_value(snapset_extent(p)));
}

/* The region or only extent @entry becomes @new, with @p. */
static int replace(struct snapset_map *map, const struct snapset_piece *p, void *entry,
		   struct snapset_region *new)
{
	struct snapset_region *r = xa_is_value(entry) ? NULL : entry;
	int grown;

	snapset_region_inherit(new, r, r ? 0 : xa_to_value(entry));
	grown = snapset_region_add(new, p);
	entry_set(map, p->index, new);
	count_bytes(map, snapset_region_bytes(new));
	if (r) {
		count_bytes(map, -snapset_region_bytes(r));
		snapset_region_free_rcu(r);
	}
	return grown;
}

static void change(struct snapset_map *map, const struct snapset_piece *p,
		   struct snapset_region **spares)
{
	void *entry = entry_get(map, p->index);
	struct snapset_region *new = *spares;
	int grown = 0;
	u64 ext;

	if (new && snapset_region_index(new) == p->index) {
		*spares = *snapset_region_next(new);
		grown = replace(map, p, entry, new);
	} else if (!entry) {
		entry_first(map, p);
		grown = 1;
	} else if (xa_is_value(entry)) {
		ext = xa_to_value(entry);
		snapset_extent_join(&ext, p);
		entry_set(map, p->index, xa_mk_value(ext));
	} else {
		grown = snapset_region_add(entry, p);
	}
	WRITE_ONCE(map->extents, map->extents + grown);
	WRITE_ONCE(map->granules, map->granules + p->len);
}

/* The next part of what is left; false at the end. */
static bool cut(struct snapset_piece *p, u64 *start, u64 *len, u64 *place)
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
	struct snapset_region *spares = NULL, **end = &spares, *spare;
	u64 s = start, l = len, pl = place;
	struct snapset_piece p;
	int err = 0;

	if (place > SNAPSET_PLACE_MASK || len > SNAPSET_PLACE_MASK + 1 - place ||
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
		spares = *snapset_region_next(spare);
		snapset_region_free(spare);
	}
	return err;
}
