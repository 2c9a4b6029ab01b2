/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * region.h - which of 512 granules are kept, and where: a part of a map (map.h).
 *
 * A sorted array of extents; or, where these would take as much, a place for each
 * granule. A single extent is no region, but a value that stands where a region would.
 * Pure, like the map: lookups take no lock and run in any context, changes are serialised
 * by the caller.
 */
#ifndef SNAPSET_REGION_H
#define SNAPSET_REGION_H

#include "map.h"

#define SNAPSET_REGION_LEN	(1U << SNAPSET_MAP_REGION_SHIFT)
#define SNAPSET_PLACE_MASK	((1ULL << SNAPSET_MAP_PLACE_BITS) - 1)

struct snapset_region;

/* A part of an addition that lies in one region. */
struct snapset_piece {
	unsigned long index;		/* of the region */
	unsigned int start, len;	/* granules of it */
	u64 place;
};

/*
 * A region that has not been published, with room for so many extents, 1 at least; NULL:
 * no memory. It can be linked by its @next and carry an index until it is published.
 */
struct snapset_region *snapset_region_new(unsigned int extents, unsigned long index, gfp_t gfp);
struct snapset_region **snapset_region_next(struct snapset_region *r);
unsigned long snapset_region_index(const struct snapset_region *r);
/* Nobody has seen it, or looks any more; or some may do still. */
void snapset_region_free(struct snapset_region *r);
void snapset_region_free_rcu(struct snapset_region *r);
/* The memory it takes. */
size_t snapset_region_bytes(const struct snapset_region *r);

/* Fills run->kept, len (to the end of the region at most) and place. */
void snapset_region_lookup(const struct snapset_region *r, unsigned int at,
			   struct snapset_map_run *run);
bool snapset_region_covers(const struct snapset_region *r, unsigned int start,
			   unsigned int end);
bool snapset_region_overlaps(const struct snapset_region *r, const struct snapset_piece *p);
/* How many extents a successor must have room for; 0: @p can be added in place. */
unsigned int snapset_region_needs(const struct snapset_region *r,
				  const struct snapset_piece *p);
/* Adds what does not overlap, for which there is room. By how many extents it has grown. */
int snapset_region_add(struct snapset_region *r, const struct snapset_piece *p);
/* @new, which is empty, gets what @r has, or the only extent @ext if that is NULL. */
void snapset_region_inherit(struct snapset_region *new, const struct snapset_region *r,
			    u64 ext);

/* A single extent: the same questions. */
u64 snapset_extent(const struct snapset_piece *p);
void snapset_extent_lookup(u64 ext, unsigned int at, struct snapset_map_run *run);
bool snapset_extent_covers(u64 ext, unsigned int start, unsigned int end);
bool snapset_extent_overlaps(u64 ext, const struct snapset_piece *p);
/* False: they do not continue each other in the store. */
bool snapset_extent_join(u64 *ext, const struct snapset_piece *p);

#endif
