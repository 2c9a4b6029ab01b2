// SPDX-License-Identifier: GPL-2.0-only
/*
 * What sets and snapshots tell of themselves (control.h).
 */
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/string.h>
#include "freeze.h"
#include "registry.h"
#include "set.h"

static void fill_waits_for(struct snapset_set *set, char *name, size_t size)
{
	struct snapset_snap *snap;

	if (set->freezer && snapset_freezer_tell(set->freezer, name, size))
		return;
	if (!snapset_set_is(set, SNAPSET_STATE_HOLDING))
		return;
	list_for_each_entry(snap, &set->snaps, link) {
		if (READ_ONCE(snap->drained))
			continue;
		strscpy(name, snap->name, size);
		return;
	}
}

static void fill(struct snapset_set *set, struct snapset_set_info *info)
{
	ktime_t deadline = set->deadline, now = ktime_get();

	memset(info, 0, sizeof(*info));
	info->serial = set->serial;
	info->id = set->id;
	info->session = set->session;
	info->state = snapset_state_get(&set->state);
	info->phase = set->phase;
	info->attrs = set->params.attrs | SNAPSET_ATTR_DIFFERENTIAL;
	info->members = set->members;
	spin_lock_irq(&set->lock);
	info->code = set->code;
	strscpy(info->text, set->text, sizeof(info->text));
	spin_unlock_irq(&set->lock);
	/* what is still being undone has no result yet */
	if (info->state == SNAPSET_STATE_ABORTING)
		info->code = SNAPSET_S_ASYNC_PENDING;
	if (info->state == SNAPSET_STATE_COMMITTED)
		info->code = SNAPSET_S_ASYNC_PENDING;
	if (set->began)
		info->elapsed_ns = ktime_to_ns(ktime_sub(set->ended ?: now, set->began));
	if (deadline && ktime_after(deadline, now))
		info->deadline_ns = ktime_to_ns(ktime_sub(deadline, now));
	fill_waits_for(set, info->waits_for, sizeof(info->waits_for));
	info->t_prepare = set->t_prepare;
	info->t_freeze = set->t_freeze;
	info->t_hold = set->t_hold;
	info->t_drain = set->t_drain;
	info->t_frozen = set->t_frozen;
	info->t_total = set->t_total;
	info->parked = set->parked;
	info->created = set->created;
	info->budget = set->params.budget;
	info->store_kind = set->store->kind;
	info->store_dev = set->store->dev;
	info->store_size = set->store->granules << SNAPSET_GRANULE_SHIFT;
	info->store_files = snapset_store_files(set->store, info->store_path,
						sizeof(info->store_path));
	info->store_used = snapset_store_used(set->store) << SNAPSET_GRANULE_SHIFT;
}

int snapset_set_info(const snapset_id *id, struct snapset_set_info *info)
{
	struct snapset_set *set;

	mutex_lock(&snapset_set_mutex);
	set = snapset_set_find(id);
	if (set)
		fill(set, info);
	mutex_unlock(&snapset_set_mutex);
	return set ? 0 : -ENOENT;
}

int snapset_set_next(u64 after, struct snapset_set_info *info)
{
	struct snapset_set *set;
	int err = -ENOENT;

	mutex_lock(&snapset_set_mutex);
	list_for_each_entry(set, &snapset_sets, link) {
		if (set->serial <= after)
			continue;
		fill(set, info);
		err = 0;
		break;
	}
	mutex_unlock(&snapset_set_mutex);
	return err;
}

int snapset_snap_info(const snapset_id *id, struct snapset_snap_info *info)
{
	struct snapset_snap *snap;

	mutex_lock(&snapset_set_mutex);
	snap = snapset_snap_find(id);
	if (snap)
		snapset_snap_fill(snap, info);
	mutex_unlock(&snapset_set_mutex);
	return snap ? 0 : -ENOENT;
}

int snapset_snap_next(u64 after, struct snapset_snap_info *info)
{
	struct snapset_snap *snap, *best = NULL;
	struct snapset_set *set;

	mutex_lock(&snapset_set_mutex);
	list_for_each_entry(set, &snapset_sets, link)
		list_for_each_entry(snap, &set->snaps, link)
			if (snap->serial > after &&
			    (!best || snap->serial < best->serial))
				best = snap;
	if (best)
		snapset_snap_fill(best, info);
	mutex_unlock(&snapset_set_mutex);
	return best ? 0 : -ENOENT;
}
