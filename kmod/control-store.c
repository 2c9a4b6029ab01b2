// SPDX-License-Identifier: GPL-2.0-only
/*
 * What store a set has: its own or an earlier one's, what may be one beside the members
 * that there are, and how it becomes larger (control.h).
 */
#include <linux/blkdev.h>
#include "fault.h"
#include "origin.h"
#include "pin.h"
#include "registry.h"
#include "say.h"
#include "set.h"

/* What is being snapshotted cannot keep others' old data: they could wait in a circle. */
static int store_is_free(struct snapset_store *store, struct netlink_ext_ack *extack)
{
	struct snapset_snap *snap;
	struct snapset_set *set;

	list_for_each_entry(set, &snapset_sets, link)
		list_for_each_entry(snap, &set->snaps, link)
			if (snapset_store_shares(store, snap->origin->disk,
						 snap->origin->range))
				return snapset_say(extack, -ELOOP,
						   "the store shares sectors with %s, which is in a set",
						   snap->name);
	return 0;
}

/*
 * A file on a member can: its I/O waits for no snapshot. But not one that comes when there
 * are snapshots, for its blocks may hold what they still need.
 */
static int files_are_free(const struct snapset_pins *pins, struct netlink_ext_ack *extack)
{
	struct snapset_snap *snap;
	struct snapset_set *set;

	list_for_each_entry(set, &snapset_sets, link)
		list_for_each_entry(snap, &set->snaps, link)
			if (snapset_pins_share(pins, snap->origin->disk, snap->origin->range))
				return snapset_say(extack, -ELOOP,
						   "the store's file lies on %s, which is in a set already: its snapshots may need what was in the file's blocks before",
						   snap->name);
	return 0;
}

static struct snapset_store *find_store(u64 id)
{
	struct snapset_set *set;

	list_for_each_entry(set, &snapset_sets, link)
		if (set->store->id == id)
			return set->store;
	return NULL;
}

int snapset_set_open_store(struct snapset_set *set, struct netlink_ext_ack *extack)
{
	struct snapset_params *p = &set->params;
	struct snapset_store *store;
	int err = 0;

	if (p->store_id)
		return 0;
	if (p->pins) {
		mutex_lock(&snapset_set_mutex);
		err = files_are_free(p->pins, extack);
		mutex_unlock(&snapset_set_mutex);
	}
	if (err)
		return err;
	snapset_fault("open_store");
	store = snapset_store_open(p, &set->id, p->stall_ms, extack);
	p->pins = NULL;
	if (IS_ERR(store))
		return PTR_ERR(store);
	set->store = store;
	return 0;
}

int snapset_set_join_store(struct snapset_set *set, struct netlink_ext_ack *extack)
{
	int err = 0;

	lockdep_assert_held(&snapset_set_mutex);
	if (set->params.store_id) {
		set->store = find_store(set->params.store_id);
		if (!set->store)
			err = snapset_say(extack, -ENOENT, "no set uses the store %llu",
					  set->params.store_id);
	} else {
		/* who becomes a member from now on is asked whether the store may be there */
		err = store_is_free(set->store, extack);
	}
	if (!err)
		snapset_users_join(set->store, set);
	return err;
}

/* Images must not be read in pieces smaller than the blocks of the store. */
static int blocks_fit(const struct snapset_store *store, unsigned int size,
		      struct netlink_ext_ack *extack)
{
	struct snapset_snap *snap;
	struct snapset_set *set;

	list_for_each_entry(set, &snapset_sets, link) {
		if (set->store != store)
			continue;
		list_for_each_entry(snap, &set->snaps, link)
			if (size > bdev_logical_block_size(snap->origin->bdev.bdev))
				return snapset_say(extack, -EOPNOTSUPP,
						   "the store's blocks of %u bytes are larger than those of %s",
						   size, snap->name);
	}
	return 0;
}

/* Takes over @pins in any case. */
static int add_spill(struct snapset_store *store, const snapset_id *set_id,
		     struct snapset_pins *pins,
		     struct netlink_ext_ack *extack)
{
	struct snapset_params p = { .store_kind = SNAPSET_STORE_FILE, .pins = pins };
	struct snapset_store *spill;

	spill = snapset_store_open(&p, set_id, jiffies_to_msecs(store->stall), extack);
	if (IS_ERR(spill))
		return PTR_ERR(spill);
	snapset_store_add_spill(store, spill);
	return 0;
}

int snapset_store_extend(const snapset_id *set_id, struct snapset_pins *pins,
			 struct netlink_ext_ack *extack)
{
	struct snapset_store *store, *files;
	bool unpin = true;
	struct snapset_set *set;
	int err;

	err = snapset_set_lock();
	if (err)
		goto unpin;
	set = snapset_set_find(set_id);
	err = -EINVAL;
	if (!set) {
		err = snapset_say(extack, -ENOENT, "there is no such set");
		goto unlock;
	}
	if (snapset_pin_count(pins) != 1) {	/* all or nothing */
		snapset_say(extack, err, "a store is extended by one file at a time");
		goto unlock;
	}
	store = set->store;
	err = files_are_free(pins, extack) ?:
	      blocks_fit(store, snapset_pins_block_size(pins), extack);
	if (err)
		goto unlock;
	files = store->kind == SNAPSET_STORE_FILE ? store : store->spill;
	if (files) {
		err = snapset_store_file_extend(files, pins, extack);
		unpin = err;
	} else {
		err = add_spill(store, set_id, pins, extack);
		unpin = false;
	}
unlock:
	mutex_unlock(&snapset_set_mutex);
unpin:
	if (unpin)
		snapset_unpin(pins, true);
	if (err)
		snapset_unpin_wait();
	return err;
}

int snapset_snap_fits_stores(struct snapset_snap *snap, struct netlink_ext_ack *extack)
{
	struct snapset_set *set = snap->set;
	struct snapset_origin *o = snap->origin;
	unsigned int block = snapset_store_block_size(set->store);

	switch (snapset_stores_check(o->disk, o->range)) {
	case 0:
		break;
	case -ELOOP:
		return snapset_say(extack, -ELOOP, "%s shares sectors with the store of %s set",
				   snap->name, set->store->ops->exclusive &&
				   snapset_store_shares(set->store, o->disk, o->range) ?
				   "this" : "another");
	default:
		return snapset_say(extack, -EOPNOTSUPP,
				   "%s holds a file that is a store, whose blocks are not aligned to %u bytes of it",
				   snap->name, SNAPSET_GRANULE_SIZE);
	}
	if (block > bdev_logical_block_size(o->bdev.bdev))
		return snapset_say(extack, -EOPNOTSUPP,
				   "the store's blocks of %u bytes are larger than those of %s",
				   block, snap->name);
	return 0;
}
