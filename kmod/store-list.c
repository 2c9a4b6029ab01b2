// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which stores there are: by number, for places; and by where they lie, for members.
 *
 * The blocks of a file store may be a member's own. They change with each write to the
 * store, past the hook, and mean nothing to whoever reads the image: so each snapshot has
 * them as zeros from its instant on, and for ever, also when the file has gone and its
 * blocks are used for something else. That would be wrong for a snapshot from before the
 * file had them, so no file becomes a store on a device that has snapshots (control.c).
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include "cow.h"
#include "fault.h"
#include "origin.h"
#include "say.h"
#include "store-disk.h"

/* What is left out lies here: one page, however often it is read. */
static struct page *zero_page(struct snapset_store *store, u64 place)
{
	return ZERO_PAGE(0);
}

static const struct snapset_store_ops zero_ops = {
	.page = zero_page,
	.adopts = true,
};

static struct snapset_store zeros = {
	.ops = &zero_ops,
};

/* By number; written under the mutex, read by who has a place in use. */
static struct snapset_store *stores[SNAPSET_STORES] = {
	[SNAPSET_STORES - 1] = &zeros,
};

static DEFINE_MUTEX(stores_mutex);	/* inside set_mutex */
static u64 last_id;			/* stores_mutex */

int snapset_store_enlist(struct snapset_store *store, struct netlink_ext_ack *extack)
{
	unsigned int i;

	mutex_lock(&stores_mutex);
	for (i = 0; i < SNAPSET_STORES && stores[i]; i++)
		;
	if (i < SNAPSET_STORES) {
		stores[i] = store;
		store->id = ++last_id;
	}
	mutex_unlock(&stores_mutex);
	store->slot = i;
	if (i < SNAPSET_STORES)
		return 0;
	return snapset_say(extack, -EDQUOT, "there are %u stores already",
			   SNAPSET_STORES - 1);
}

void snapset_store_delist(struct snapset_store *store)
{
	mutex_lock(&stores_mutex);
	stores[store->slot] = NULL;
	mutex_unlock(&stores_mutex);
}

struct snapset_extents *snapset_store_put_extents(struct snapset_store *store,
						  struct snapset_extents *new)
{
	struct snapset_extents *old;

	mutex_lock(&stores_mutex);
	old = rcu_replace_pointer(store->extents, new, lockdep_is_held(&stores_mutex));
	mutex_unlock(&stores_mutex);
	return old;
}

struct snapset_store *snapset_place_store(u64 place)
{
	return READ_ONCE(stores[place >> SNAPSET_PLACE_GRANULE_BITS]);
}

/* Goes through the extents of @store that overlap @range of @disk; until fn() is not 0. */
static int each_extent(struct snapset_store *store, const struct gendisk *disk,
		       struct snapset_range range,
		       int (*fn)(struct snapset_store *store, struct snapset_range r, void *arg),
		       void *arg)
{
	struct snapset_extents *t = rcu_dereference_protected(store->extents,
							      lockdep_is_held(&stores_mutex));
	struct snapset_range r;
	unsigned int i;
	int err = 0;

	for (i = 0; t && i < t->nr && !err; i++) {
		r = snapset_extent_range(&t->extent[i]);
		if (t->extent[i].bdev->bd_disk == disk && snapset_range_overlap(r, range))
			err = fn(store, r, arg);
	}
	return err;
}

static int lies_there(struct snapset_store *store, struct snapset_range r, void *arg)
{
	return 1;
}

bool snapset_store_shares(struct snapset_store *store, const struct gendisk *disk,
			  struct snapset_range range)
{
	bool shares;

	mutex_lock(&stores_mutex);
	shares = each_extent(store, disk, range, lies_there, NULL) ||
		 (store->spill && each_extent(store->spill, disk, range, lies_there, NULL));
	mutex_unlock(&stores_mutex);
	return shares;
}

static unsigned int largest_block(struct snapset_store *store, unsigned int size)
{
	struct snapset_extents *t = rcu_dereference_protected(store->extents,
							      lockdep_is_held(&stores_mutex));
	unsigned int i;

	for (i = 0; t && i < t->nr; i++)
		size = max_t(unsigned int, size, bdev_logical_block_size(t->extent[i].bdev));
	return size;
}

unsigned int snapset_store_block_size(struct snapset_store *store)
{
	unsigned int size;

	mutex_lock(&stores_mutex);
	size = largest_block(store, SECTOR_SIZE);
	if (store->spill)
		size = largest_block(store->spill, size);
	mutex_unlock(&stores_mutex);
	return size;
}

static int may_lie_there(struct snapset_store *store, struct snapset_range r, void *arg)
{
	struct snapset_range *range = arg;

	if (store->ops->exclusive)
		return -ELOOP;
	/* nor does one that was cut off with the member's end belong to it */
	if (r.start < range->start || r.end > range->end ||
	    (r.start - range->start) % SNAPSET_GRANULE_SECTORS)
		return -EINVAL;
	return 0;
}

int snapset_stores_check(const struct gendisk *disk, struct snapset_range range)
{
	unsigned int i;
	int err = 0;

	mutex_lock(&stores_mutex);
	for (i = 0; i < SNAPSET_STORES && !err; i++)
		if (stores[i])
			err = each_extent(stores[i], disk, range, may_lie_there, &range);
	mutex_unlock(&stores_mutex);
	return err;
}

static int leave_out(struct snapset_store *store, struct snapset_range r, void *arg)
{
	struct snapset_cow *cow = arg;
	u64 start = (r.start - cow->origin->range.start) / SNAPSET_GRANULE_SECTORS;
	u64 len = (r.end - r.start) / SNAPSET_GRANULE_SECTORS;

	return snapset_may_err(snapset_map_add(&cow->map, start, len,
					       SNAPSET_PLACE_ZERO + start, GFP_KERNEL));
}

/* Under stores_mutex. */
static int leave_store_out(struct snapset_store *store, struct snapset_cow *cow,
			   unsigned long *held)
{
	struct snapset_origin *o = cow->origin;

	if (!each_extent(store, o->disk, o->range, lies_there, NULL))
		return 0;
	if (!test_bit(store->slot, held)) {
		/* nothing is written there any more: it may as well be somebody else's */
		if (!snapset_store_hold(store))
			return 0;
		__set_bit(store->slot, held);
	}
	return each_extent(store, o->disk, o->range, leave_out, cow);
}

int snapset_stores_leave_out(struct snapset_cow *cow, unsigned long *held)
{
	unsigned int i;
	int err = 0;

	/* nobody knows the map yet, so map_mutex, under which one must not sleep, is spared */
	mutex_lock(&stores_mutex);
	for (i = 0; i < SNAPSET_STORES && !err; i++)
		if (stores[i])
			err = leave_store_out(stores[i], cow, held);
	mutex_unlock(&stores_mutex);
	return err;
}

void snapset_stores_release(unsigned long *held)
{
	unsigned int i;

	mutex_lock(&stores_mutex);
	for_each_set_bit(i, held, SNAPSET_STORES)
		snapset_store_release(stores[i]);
	bitmap_zero(held, SNAPSET_STORES);
	mutex_unlock(&stores_mutex);
}
