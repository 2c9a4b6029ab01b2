/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * map.h - which granules of a snapshot are kept, and where in its store.
 *
 * An index of regions of 512 granules; a region is an extent in the index itself, a sorted
 * array of them, or a place for each granule (region.h), so that a granule kept at random
 * costs 8 to some 20 bytes, however many lie in 2 MiB (Documentation/performance.rst), and
 * a long run nearly nothing, and nothing is allocated before something is kept. Neighbours
 * that continue each other in the store are merged.
 *
 * Pure data structure: no I/O. Lookups take no lock (RCU and a sequence count
 * per region) and run in any context; changes are serialised by the caller and
 * may sleep. Also compiles in user space (tests/unit).
 */
#ifndef SNAPSET_MAP_H
#define SNAPSET_MAP_H

#include <linux/types.h>
#include <linux/xarray.h>

#define SNAPSET_MAP_PLACE_BITS	45	/* of a place: which store, which granule of it */

#define SNAPSET_MAP_REGION_SHIFT 9	/* granules of a region */

struct snapset_map {
	struct xarray regions;		/* index: granule >> 9 */
	u64 granules;			/* kept, in all */
	u64 extents;
	u64 bytes;			/* memory that it takes */
};

struct snapset_map_run {
	u64 start;			/* first granule of the run */
	u64 len;			/* granules, >= 1, never beyond what was asked */
	u64 place;			/* of the first one, if kept */
	bool kept;
};

void snapset_map_init(struct snapset_map *map);
/* Nobody looks any more. */
void snapset_map_destroy(struct snapset_map *map);

/*
 * Describes the run that begins at @start: all kept and contiguous in the
 * store, or all not kept; at most @max granules. May be shorter than possible
 * (it never crosses a region). Any context; concurrent with one changer: each
 * granule is answered as before or as after the change.
 */
void snapset_map_lookup(const struct snapset_map *map, u64 start, u64 max,
			struct snapset_map_run *run);

/* True if every one of @len granules is kept. Any context. */
bool snapset_map_covers(const struct snapset_map *map, u64 start, u64 len);

/*
 * The first kept run at or after @start; false if there is none. To walk all
 * that is kept: go on at run->start + run->len. Any context.
 */
bool snapset_map_next(const struct snapset_map *map, u64 start,
		      struct snapset_map_run *run);

/*
 * Keeps @len granules from @start at @place and on. -EEXIST (nothing changed)
 * if one of them is kept already; -ENOMEM (nothing changed); -ERANGE if place
 * does not fit. Process context, allocates with @gfp; the caller serialises.
 */
int snapset_map_add(struct snapset_map *map, u64 start, u64 len, u64 place,
		    gfp_t gfp);

#endif
