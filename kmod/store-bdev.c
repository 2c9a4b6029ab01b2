// SPDX-License-Identifier: GPL-2.0-only
/*
 * A store on a whole block device, claimed exclusively.
 */
#include <linux/slab.h>
#include "fault.h"
#include "say.h"
#include "store-disk.h"
#include "store-label.h"

static void bdev_close(struct snapset_store *store)
{
	struct snapset_bdev *bdev = store->priv;

	snapset_store_disk_close(store);
	snapset_bdev_close(bdev);
	kfree(bdev);
}

static const struct snapset_store_ops bdev_ops = {
	.write = snapset_store_disk_write,
	.push = snapset_store_disk_push,
	.close = bdev_close,
	.exclusive = true,
};

int snapset_store_bdev_open(struct snapset_store *store,
			    const struct snapset_params *p, const snapset_id *set,
			    struct netlink_ext_ack *extack)
{
	unsigned int major = MAJOR(p->store_dev), minor = MINOR(p->store_dev);
	struct snapset_bdev *b = snapset_may_fail(kzalloc(sizeof(*b), GFP_KERNEL));
	struct snapset_extent all = {};
	char name[32];
	int err;

	if (!b)
		return -ENOMEM;
	err = snapset_bdev_open(b, p->store_dev, b);
	if (err) {
		snapset_say(extack, err,
			    err == -EBUSY ? "the store %u:%u is in use" :
			    "the store %u:%u cannot be opened", major, minor);
		goto free;
	}
	err = -EINVAL;
	if (bdev_read_only(b->bdev)) {
		snapset_say(extack, err, "the store %u:%u is read-only", major, minor);
		goto close;
	}
	if (bdev_logical_block_size(b->bdev) > SNAPSET_GRANULE_SIZE) {
		snapset_say(extack, err, "the store %u:%u has blocks of more than %u bytes",
			    major, minor, SNAPSET_GRANULE_SIZE);
		goto close;
	}
	all.bdev = b->bdev;
	all.len = min_t(u64, bdev_nr_sectors(b->bdev) / SNAPSET_GRANULE_SECTORS,
			1ULL << SNAPSET_PLACE_GRANULE_BITS);
	if (all.len < SNAPSET_LABELLED_LEAST) {
		snapset_say(extack, err,
			    "the store %u:%u has no room: an MiB at each end is for labels",
			    major, minor);
		goto close;
	}
	snprintf(name, sizeof(name), "%u:%u", major, minor);
	err = snapset_store_disk_open(store, name);
	if (err)
		goto close;
	err = snapset_store_grow(store, &all, 1, false);
	if (err) {
		snapset_say(extack, err, "no memory to manage a store of %llu MiB",
			    all.len << SNAPSET_GRANULE_SHIFT >> 20);
		goto close_disk;
	}
	snapset_store_fence_labels(store);
	err = snapset_store_label(b->bdev, all.len, set);
	if (err) {
		snapset_say(extack, err, "the store %u:%u cannot be labelled: error %d", major,
			    minor, err);
		goto close_disk;
	}
	store->dev = p->store_dev;
	store->priv = b;
	store->ops = &bdev_ops;
	return 0;

close_disk:
	snapset_store_disk_close(store);
close:
	snapset_bdev_close(b);
free:
	kfree(b);
	return err;
}
