// SPDX-License-Identifier: GPL-2.0-only
/*
 * What sets and snapshots tell of themselves (control.h).
 */
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/string.h>
#include "chain.h"
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
	struct snapset_store_totals t;
	bool failed;

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
	failed = info->state == SNAPSET_STATE_FAILED;
	if (failed) {
		info->phase = set->failed_phase;
		info->err = set->err;
		strscpy(info->waits_for, set->blamed, sizeof(info->waits_for));
	}
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
	if (!failed)
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
	info->index_limit = set->params.index_limit;
	info->store_kind = set->store->kind;
	info->store_dev = set->store->dev;
	info->store_id = set->store->id;
	snapset_store_count(set->store, &t);
	info->store_size = t.size << SNAPSET_GRANULE_SHIFT;
	info->store_used = t.used << SNAPSET_GRANULE_SHIFT;
	info->store_rate = t.rate;
	info->store_files = snapset_store_files(set->store, info->store_path,
						sizeof(info->store_path));
	info->full = set->params.full;
	info->full_wait_ms = set->params.full_wait_ms;
	info->consistency = set->consistency;
	info->expire_s = set->params.expire_s;
	strscpy(info->label, set->params.label, sizeof(info->label));
	info->owner = set->owner;
	spin_lock_irq(&set->full.lock);
	info->full_waits = set->full.waits;
	info->full_dropped = set->full.dropped;
	spin_unlock_irq(&set->full.lock);
}

int snapset_set_info(const snapset_id *id, struct snapset_set_info *info)
{
	struct snapset_set *set;
	int err = snapset_set_lock();

	if (err)
		return err;
	set = snapset_set_find(id);
	if (set)
		fill(set, info);
	mutex_unlock(&snapset_set_mutex);
	return set ? 0 : -ENOENT;
}

int snapset_set_next(u64 after, struct snapset_set_info *info)
{
	struct snapset_set *set;
	int err = snapset_set_lock();

	if (err)
		return err;
	err = -ENOENT;
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

/*
 * Under set_mutex, which it lets go of: to count takes time. The engine is not freed
 * as long as it is held; the snapshot may be.
 */
static void fill_snap(struct snapset_snap *snap, bool count, struct snapset_snap_info *info)
{
	struct snapset_cow *cow = NULL;

	snapset_snap_fill(snap, info);
	rcu_read_lock();	/* its map stays for who has it before a grace period has passed */
	if (count && info->published && !READ_ONCE(snap->cow->retired)) {
		cow = snap->cow;
		snapset_cow_get(cow);
	}
	rcu_read_unlock();
	mutex_unlock(&snapset_set_mutex);
	info->counted = count && info->published;
	if (!cow)
		return;
	info->exclusive = snapset_chain_exclusive(cow) << SNAPSET_GRANULE_SHIFT;
	rcu_read_lock();
	snapset_cow_put(cow);
	rcu_read_unlock();
}

int snapset_snap_info(const snapset_id *id, bool count, struct snapset_snap_info *info)
{
	struct snapset_snap *snap;
	int err = snapset_set_lock();

	if (err)
		return err;
	snap = snapset_snap_find(id);
	if (snap)
		fill_snap(snap, count, info);
	else
		mutex_unlock(&snapset_set_mutex);
	return snap ? 0 : -ENOENT;
}

int snapset_snap_next(u64 after, const snapset_id *of_set,
		      struct snapset_snap_info *info)
{
	struct snapset_snap *snap, *best = NULL;
	struct snapset_set *set;
	int err = snapset_set_lock();

	if (err)
		return err;
	list_for_each_entry(set, &snapset_sets, link) {
		if (of_set && memcmp(&set->id, of_set, sizeof(*of_set)))
			continue;
		list_for_each_entry(snap, &set->snaps, link)
			if (snap->serial > after &&
			    (!best || snap->serial < best->serial))
				best = snap;
	}
	if (best)
		snapset_snap_fill(best, info);
	mutex_unlock(&snapset_set_mutex);
	return best ? 0 : -ENOENT;
}
