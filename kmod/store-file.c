// SPDX-License-Identifier: GPL-2.0-only
/*
 * A store of files, on another volume or on a member itself. They are pinned (pin.h), and
 * read and written by bios of ours, past their file system, which may be frozen.
 */
#include <linux/err.h>
#include "pin.h"
#include "say.h"
#include "store-disk.h"

static void file_close(struct snapset_store *store)
{
	snapset_store_disk_close(store);
	snapset_unpin(store->priv, store->refused);
}

static const struct snapset_store_ops file_ops = {
	.write = snapset_store_disk_write,
	.push = snapset_store_disk_push,
	.close = file_close,
};

static int grow(struct snapset_store *store, const struct snapset_pins *pins,
		struct netlink_ext_ack *extack)
{
	const struct snapset_extent *extents;
	unsigned int i, nr;
	int err;

	for (i = 0; i < snapset_pin_count(pins); i++) {
		extents = snapset_pin_extents(pins, i, &nr);
		err = snapset_store_grow(store, extents, nr, true);
		if (err)
			return snapset_say(extack, err, "no memory to manage so large a store");
	}
	return 0;
}

int snapset_store_file_open(struct snapset_store *store,
			    const struct snapset_params *p,
			    struct netlink_ext_ack *extack)
{
	int err;

	err = snapset_store_disk_open(store, "file");
	if (err)
		goto unpin;
	err = grow(store, p->pins, extack);
	if (!err && !store->granules)
		err = snapset_say(extack, -EOPNOTSUPP, "the files are in pieces of one block");
	if (err)
		goto close;
	store->priv = p->pins;
	store->ops = &file_ops;
	return 0;

close:
	snapset_store_disk_close(store);
	snapset_space_destroy(&store->space);
unpin:
	snapset_unpin(p->pins, true);
	return err;
}

int snapset_store_file_extend(struct snapset_store *store, struct snapset_pins *pins,
			      struct netlink_ext_ack *extack)
{
	struct snapset_pins *all = store->priv;
	int err;

	if (snapset_pin_count(all) + snapset_pin_count(pins) > SNAPSET_PIN_FILES)
		return snapset_say(extack, -E2BIG, "a store has at most %d files",
				   SNAPSET_PIN_FILES);
	err = grow(store, pins, extack);
	if (!err)
		snapset_pins_join(all, pins);
	return err;
}

u32 snapset_store_files(struct snapset_store *store, char *first, size_t size)
{
	*first = '\0';
	if (store->kind != SNAPSET_STORE_FILE)
		return store->spill ? snapset_store_files(store->spill, first, size) : 0;
	snapset_pin_name(store->priv, first, size);
	return snapset_pin_count(store->priv);
}
