/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store-disk.h - what the back ends whose granules lie on disks have in common.
 */
#ifndef SNAPSET_STORE_DISK_H
#define SNAPSET_STORE_DISK_H

#include "store.h"

/* Granules that lie one after another. */
struct snapset_extent {
	u64 place, len;			/* granules */
	struct block_device *bdev;
	sector_t sector;		/* of @bdev */
};

struct snapset_extents {
	unsigned int nr;
	struct snapset_extent extent[];	/* by place */
};

/* For their ops. */
void snapset_store_disk_write(struct snapset_store *store, struct snapset_store_io *io);
void snapset_store_disk_push(struct snapset_store *store);

/* Before the first grow(); process context, as all that follows. @name: for a worker. */
int snapset_store_disk_open(struct snapset_store *store, const char *name);
/* No write is under way. */
void snapset_store_disk_close(struct snapset_store *store);

/*
 * @extent's granules are the store's, too, from now on; their place is filled in. @parted:
 * they are not each other's neighbours, so the first granule of each is not used, nor
 * the last of all. One at a time. -ENOMEM; -EFBIG: too large to be numbered.
 */
int snapset_store_grow(struct snapset_store *store, const struct snapset_extent *extent,
		       unsigned int nr, bool parted);

/* store-list.c: those who walk extents see the new ones; what they had, to be freed. */
struct snapset_extents *snapset_store_put_extents(struct snapset_store *store,
						  struct snapset_extents *new);

struct snapset_range snapset_extent_range(const struct snapset_extent *e);

#endif
