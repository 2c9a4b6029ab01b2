/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * range.h - range arithmetic, where off-by-one errors would be wrong bytes.
 * Pure, inline, no state. Sectors are 512 bytes; a granule is 4 KiB.
 * Also compiles in user space (tests/unit).
 */
#ifndef SNAPSET_RANGE_H
#define SNAPSET_RANGE_H

#include <linux/limits.h>
#include <linux/types.h>

#define SNAPSET_GRANULE_SHIFT	12
#define SNAPSET_GRANULE_SIZE	(1U << SNAPSET_GRANULE_SHIFT)
#define SNAPSET_GRANULE_SECTORS	(SNAPSET_GRANULE_SIZE >> 9)

/* Sectors [start, end) of some device; empty if start >= end. */
struct snapset_range {
	u64 start, end;
};

/* A request of @sectors at @sector, which may lie past the end or overflow. */
static inline struct snapset_range snapset_range_of(u64 sector, u64 sectors)
{
	u64 end = sector + sectors;

	return (struct snapset_range){ sector, end < sector ? U64_MAX : end };
}

static inline bool snapset_range_empty(struct snapset_range r)
{
	return r.start >= r.end;
}

static inline bool snapset_range_overlap(struct snapset_range a,
					 struct snapset_range b)
{
	return a.start < b.end && b.start < a.end &&
	       !snapset_range_empty(a) && !snapset_range_empty(b);
}

/* The part of @a inside @b; empty (start >= end) if there is none. */
static inline struct snapset_range snapset_range_clamp(struct snapset_range a,
						       struct snapset_range b)
{
	if (a.start < b.start)
		a.start = b.start;
	if (a.end > b.end)
		a.end = b.end;
	return a;
}

/* Granules that @r (relative to its origin) touches, wholly or in part. */
static inline u64 snapset_range_first_granule(struct snapset_range r)
{
	return r.start / SNAPSET_GRANULE_SECTORS;
}

/* Inclusive; @r must not be empty. */
static inline u64 snapset_range_last_granule(struct snapset_range r)
{
	return (r.end - 1) / SNAPSET_GRANULE_SECTORS;
}

/* Sectors of @len granules from @start, cut at the device's end. */
static inline struct snapset_range snapset_range_of_granules(u64 start, u64 len,
							     u64 device_sectors)
{
	struct snapset_range r = {
		.start = start * SNAPSET_GRANULE_SECTORS,
		.end = (start + len) * SNAPSET_GRANULE_SECTORS,
	};

	if (r.end > device_sectors)
		r.end = device_sectors;
	return r;
}

#endif
