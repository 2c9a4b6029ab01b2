// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a set comes to be: start, add, do, cancel (control.h).
 *
 * One set is in the making at a time. A set that failed stays to be asked until
 * its session starts another or ends.
 */
#include <linux/blkdev.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/path.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include "above.h"
#include "counters.h"
#include "event.h"
#include "expire.h"
#include "fault.h"
#include "freeze.h"
#include "hibernate.h"
#include "origin.h"
#include "pin.h"
#include "registry.h"
#include "say.h"
#include "session.h"
#include "set.h"

#define DEFAULT_HOLD_MS		10000
#define DEFAULT_FREEZE_MS	10000
#define DEFAULT_STALL_MS	5000
#define DEFAULT_BUDGET		(32ULL << 20)
#define DEFAULT_FULL_WAIT_MS	5000

static u64 serials;			/* snapset_set_mutex */

static void undo(struct work_struct *work);

/* Sets of @session that failed are asked no more. */
static void find_failed(u64 session, struct list_head *failed)
{
	struct snapset_set *set, *next;
	enum snapset_state state;

	lockdep_assert_held(&snapset_set_mutex);
	list_for_each_entry_safe(set, next, &snapset_sets, link) {
		state = snapset_state_get(&set->state);
		if (set->session == session && (state == SNAPSET_STATE_FAILED ||
						state == SNAPSET_STATE_CANCELLED))
			list_move(&set->link, failed);
	}
}

/* Without the mutex: one of them may close its store, and wait for the device. */
static void forget(struct list_head *failed)
{
	struct snapset_set *set, *next;

	list_for_each_entry_safe(set, next, failed, link) {
		list_del_init(&set->link);
		snapset_set_put(set);
	}
}

static void fill_defaults(struct snapset_params *p)
{
	p->hold_ms = p->hold_ms ?: DEFAULT_HOLD_MS;
	p->freeze_ms = p->freeze_ms ?: DEFAULT_FREEZE_MS;
	p->stall_ms = p->stall_ms ?: DEFAULT_STALL_MS;
	p->budget = p->budget ?: DEFAULT_BUDGET;
	p->index_limit = p->index_limit ?: (u64)totalram_pages() << PAGE_SHIFT >> 3;
	p->full_wait_ms = p->full_wait_ms ?: DEFAULT_FULL_WAIT_MS;
}

static int may_start(u64 session, struct netlink_ext_ack *extack)
{
	const struct snapset_set *other = snapset_making;

	if (!other)
		return 0;
	if (other->session == session)
		return snapset_say(extack, -EINPROGRESS, "this session has a set in the making");
	return snapset_say(extack, -EINPROGRESS,
			   "another set is in the making, by %s (process %u)%s%s%s",
			   other->owner.comm, other->owner.pid, *other->params.label ? ": \"" : "",
			   other->params.label, *other->params.label ? "\"" : "");
}

int snapset_set_start(u64 session, const struct snapset_params *p,
		      snapset_id *set_id, struct netlink_ext_ack *extack)
{
	struct snapset_set *set;
	LIST_HEAD(failed);
	int err, busy;

	set = snapset_may_fail(kzalloc(sizeof(*set), GFP_KERNEL));
	if (!set) {
		snapset_unpin(p->pins, true);
		snapset_unpin_wait();
		return -ENOMEM;
	}
	refcount_set(&set->refs, 1);
	set->params = *p;
	fill_defaults(&set->params);
	set->session = session;
	snapset_session_owner(session, &set->owner);
	snapset_budget_init(&set->budget, set->params.budget, set->params.index_limit);
	snapset_full_init(set);
	snapset_snap_init_news(set);
	INIT_LIST_HEAD(&set->snaps);
	snapset_state_init(&set->state);
	spin_lock_init(&set->lock);
	INIT_WORK(&set->take, snapset_take_work);
	INIT_WORK(&set->undo, undo);
	init_waitqueue_head(&set->wq);
	snapset_idle_init(set);
	snapset_expire_init(set);
	uuid_gen((uuid_t *)set->id.b);
	mutex_lock(&snapset_set_mutex);
	err = may_start(session, extack);
	if (!err)
		find_failed(session, &failed);
	mutex_unlock(&snapset_set_mutex);
	forget(&failed);		/* one of them may have the store */
	if (err)
		goto put_store;
	/* without the mutex, for a device may take long; so look again then */
	err = snapset_set_open_store(set, extack);
	mutex_lock(&snapset_set_mutex);
	busy = may_start(session, extack);
	if (busy)
		err = busy;		/* which may be why the store is in use */
	if (!err)
		err = snapset_set_join_store(set, extack);
	if (err) {
		mutex_unlock(&snapset_set_mutex);
		goto put_store;
	}
	__module_get(THIS_MODULE);
	snapset_made(SNAPSET_OBJ_SET);
	set->serial = ++serials;
	list_add_tail(&set->link, &snapset_sets);
	snapset_making = set;
	snapset_idle_started(set);
	*set_id = set->id;
	mutex_unlock(&snapset_set_mutex);
	return 0;

put_store:
	if (set->store && !set->params.store_id) {
		set->store->refused = true;
		snapset_store_put(set->store);
	}
	snapset_unpin(set->params.pins, true);
	snapset_unpin_wait();
	kfree(set);
	return err;
}

static int must_be_open(struct snapset_set *set, struct netlink_ext_ack *extack)
{
	enum snapset_state state = snapset_state_get(&set->state);
	char text[sizeof(set->text)];

	if (state == SNAPSET_STATE_OPEN)
		return 0;
	if (state < SNAPSET_STATE_ABORTING)
		return snapset_say(extack, -EPROTO, "the set has been started already");
	spin_lock_irq(&set->lock);
	strscpy(text, set->text, sizeof(text));
	spin_unlock_irq(&set->lock);
	return snapset_say(extack, -EPROTO, "the set is over: %s", text);
}

static int may_add(struct snapset_set *set, dev_t dev, const char *name,
		   struct netlink_ext_ack *extack)
{
	struct snapset_snap *snap;
	int err = must_be_open(set, extack);

	if (err)
		return err;
	if (set->members >= SNAPSET_MAX_MEMBERS)
		return snapset_say(extack, -E2BIG,
				   "a set has at most %u volumes", SNAPSET_MAX_MEMBERS);
	list_for_each_entry(snap, &set->snaps, link)
		if (snap->dev == dev)
			return snapset_say(extack, -EEXIST,
					   "%s (%u:%u) is in the set already, as %s",
					   name, MAJOR(dev), MINOR(dev), snap->name);
	return 0;
}

int snapset_set_add(u64 session, const snapset_id *set_id, dev_t dev,
		    const char *name, const struct snapset_add_arg *arg, snapset_id *snap_id,
		    struct netlink_ext_ack *extack)
{
	struct snapset_snap *snap;
	struct snapset_set *set;
	LIST_HEAD(one);
	char number[32];
	int err;

	if (!name || !*name) {
		snprintf(number, sizeof(number), "%u:%u", MAJOR(dev), MINOR(dev));
		name = number;
	}
	mutex_lock(&snapset_set_mutex);
	set = snapset_set_find_own(session, set_id, extack);
	err = PTR_ERR_OR_ZERO(set);
	if (!err)
		err = may_add(set, dev, name, extack);
	if (!err) {
		refcount_inc(&set->refs);
		snapset_idle_goes_on(set);
	}
	mutex_unlock(&snapset_set_mutex);
	if (err)
		return err;
	/* without the mutex, for a device may take long; so look again then */
	snap = snapset_snap_new(set, dev, name, extack);
	err = PTR_ERR_OR_ZERO(snap);
	if (err)
		goto put_set;
	snap->quota = arg->quota;
	snap->noflush = arg->noflush;
	if (arg->nr_above) {
		snap->above = snapset_above_new(arg->above, arg->nr_above);
		err = PTR_ERR_OR_ZERO(snap->above);
	}
	if (err) {
		snap->above = NULL;
		goto reap;
	}
	*snap_id = snap->id;
	mutex_lock(&snapset_set_mutex);
	err = may_add(set, dev, name, extack) ?: snapset_snap_fits_stores(snap, extack);
	if (!err) {
		snapset_snap_link(snap);
		snapset_idle_added(set);
	}
	mutex_unlock(&snapset_set_mutex);
reap:
	if (err) {
		list_add(&snap->link, &one);
		snapset_snaps_reap(&one);
	}
put_set:
	snapset_set_put(set);
	return err;
}

static struct snapset_snap *member_of(struct snapset_set *set, const snapset_id *id)
{
	struct snapset_snap *snap;

	list_for_each_entry(snap, &set->snaps, link)
		if (!memcmp(&snap->id, id, sizeof(*id)))
			return snap;
	return NULL;
}

/* All or none of what is said is kept. */
static int keep_members(struct snapset_set *set, const struct snapset_member_arg *args,
			unsigned int nr, bool frozen, struct netlink_ext_ack *extack)
{
	struct snapset_snap *snap;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (!member_of(set, &args[i].id))
			return snapset_say(extack, -ENOENT,
					   "the set has no snapshot %pUb", args[i].id.b);
		if (args[i].consistency == SNAPSET_CONSISTENCY_FS && !frozen)
			return snapset_say(extack, -EINVAL,
					   "nothing is to be frozen, and yet a member is to have frozen file systems");
	}
	list_for_each_entry(snap, &set->snaps, link) {	/* a refused SET_DO has said it */
		snap->consistency = SNAPSET_CONSISTENCY_UNKNOWN;
		*snap->frozen = 0;
	}
	for (i = 0; i < nr; i++) {
		snap = member_of(set, &args[i].id);
		snap->consistency = args[i].consistency;
		strscpy(snap->frozen, args[i].frozen, sizeof(snap->frozen));
	}
	set->consistency = SNAPSET_CONSISTENCY_FS;
	list_for_each_entry(snap, &set->snaps, link)
		set->consistency = min(set->consistency, snap->consistency);
	return 0;
}

int snapset_set_do(u64 session, const snapset_id *set_id,
		   const struct snapset_freeze_arg *freeze, unsigned int nr,
		   const struct snapset_member_arg *members, unsigned int nr_members,
		   struct netlink_ext_ack *extack)
{
	struct snapset_freezer *freezer;
	struct snapset_set *set;
	unsigned int i;
	int err;

	err = snapset_set_lock();
	if (err)
		return err;
	set = snapset_set_find_own(session, set_id, extack);
	err = PTR_ERR_OR_ZERO(set);
	if (err)
		goto unlock;
	err = must_be_open(set, extack);
	if (err)
		goto unlock;
	if (!set->members) {
		err = snapset_say(extack, -EPROTO, "the set has no volumes");
		goto unlock;
	}
	if (snapset_hibernates()) {
		err = snapset_say(extack, -EBUSY, "the machine hibernates");
		goto unlock;
	}
	for (i = 0; i < nr && !err; i++)
		if (!(freeze[i].path.dentry->d_sb->s_type->fs_flags & FS_REQUIRES_DEV))
			err = snapset_say(extack, -EINVAL,
					  "%s: a file system of type %s lies on no device and cannot be frozen",
					  freeze[i].name,
					  freeze[i].path.dentry->d_sb->s_type->name);
	if (!err)
		err = keep_members(set, members, nr_members, nr, extack);
	if (err)
		goto unlock;
	freezer = snapset_freezer_new(freeze, nr, &set->wq);
	if (IS_ERR(freezer)) {
		err = PTR_ERR(freezer);
		goto unlock;
	}
	set->freezer = freezer;
	set->code = SNAPSET_S_ASYNC_PENDING;
	/* OPEN is left under set_mutex only, and we hold it */
	snapset_state_step(&set->state, SNAPSET_STATE_OPEN, SNAPSET_STATE_PREPARING);
	snapset_idle_stop(set);
	refcount_inc(&set->refs);
	queue_work(snapset_take_wq, &set->take);
unlock:
	mutex_unlock(&snapset_set_mutex);
	return err;
}

static void undo(struct work_struct *work)
{
	struct snapset_set *set = container_of(work, struct snapset_set, undo);

	snapset_set_ended(set);
	snapset_set_put(set);
}

int snapset_set_cancel(u64 session, const snapset_id *set_id, s32 *code,
		       struct netlink_ext_ack *extack)
{
	enum snapset_state was;
	struct snapset_set *set;
	int err;

	err = snapset_set_lock();
	if (err)
		return err;
	set = snapset_set_find_own(session, set_id, extack);
	if (IS_ERR(set)) {
		mutex_unlock(&snapset_set_mutex);
		return PTR_ERR(set);
	}
	was = snapset_state_get(&set->state);	/* OPEN is left under set_mutex only */
	if (snapset_set_abort(set, SNAPSET_S_ASYNC_CANCELLED, NULL, 0, "cancelled")) {
		*code = SNAPSET_S_OK;
		if (was == SNAPSET_STATE_OPEN) {	/* no worker has it */
			refcount_inc(&set->refs);
			queue_work(snapset_set_wq, &set->undo);
		}
	} else {
		*code = SNAPSET_S_ASYNC_PENDING;
		if (snapset_state_final(snapset_state_get(&set->state)))
			*code = set->code;
	}
	mutex_unlock(&snapset_set_mutex);
	return 0;
}
