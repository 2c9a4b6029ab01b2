// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry of sets and what the door may ask of it (control.h).
 *
 * One set is in the making at a time. A set that failed stays to be asked until
 * its session starts another or ends.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/module.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/path.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include "counters.h"
#include "event.h"
#include "freeze.h"
#include "image.h"
#include "origin.h"
#include "say.h"
#include "set.h"

#define DEFAULT_HOLD_MS		10000
#define DEFAULT_FREEZE_MS	10000
#define DEFAULT_STALL_MS	5000
#define DEFAULT_BUDGET		(32ULL << 20)
#define REAP_WAIT		(5 * HZ)	/* a stalled store may keep memory for longer */

DEFINE_MUTEX(snapset_set_mutex);
struct workqueue_struct *snapset_set_wq;

static LIST_HEAD(sets);			/* by serial; snapset_set_mutex */
static struct snapset_set *making;	/* likewise */
static u64 serials;			/* likewise */

void snapset_set_put(struct snapset_set *set)
{
	if (!refcount_dec_and_test(&set->refs))
		return;
	snapset_store_close(set->store);
	kfree(set);
	snapset_gone(SNAPSET_OBJ_SET);
	module_put(THIS_MODULE);	/* exit flushes our workqueue after the last one */
}

static struct snapset_set *find(const snapset_id *id)
{
	struct snapset_set *set;

	lockdep_assert_held(&snapset_set_mutex);
	list_for_each_entry(set, &sets, link)
		if (!memcmp(&set->id, id, sizeof(*id)))
			return set;
	return NULL;
}

static struct snapset_snap *find_snap(const snapset_id *id)
{
	struct snapset_snap *snap;
	struct snapset_set *set;

	lockdep_assert_held(&snapset_set_mutex);
	list_for_each_entry(set, &sets, link)
		list_for_each_entry(snap, &set->snaps, link)
			if (!memcmp(&snap->id, id, sizeof(*id)))
				return snap;
	return NULL;
}

/* The session's own set; ERR_PTR() with a sentence. */
static struct snapset_set *find_own(u64 session, const snapset_id *id,
				    struct netlink_ext_ack *extack)
{
	struct snapset_set *set = find(id);

	if (!set)
		return ERR_PTR(snapset_say(extack, -ENOENT, "there is no such set"));
	if (set->session != session)
		return ERR_PTR(snapset_say(extack, -EPROTO,
					   "the set belongs to another session"));
	return set;
}

void snapset_set_tell(struct snapset_set *set)
{
	struct snapset_event_arg event = {
		.event = SNAPSET_EVENT_SET_STATE,
		.set_id = &set->id,
		.state = snapset_state_get(&set->state),
	};
	char text[sizeof(set->text)];

	spin_lock_irq(&set->lock);
	event.code = set->code;
	strscpy(text, set->text, sizeof(text));
	spin_unlock_irq(&set->lock);
	event.text = *text ? text : NULL;
	snapset_event_send(&event);
}

bool snapset_set_abort(struct snapset_set *set, s32 code, const char *fmt, ...)
{
	enum snapset_state was;
	unsigned long flags;
	va_list args;
	bool won;

	/* who sees ABORTING and then takes the lock finds the code */
	spin_lock_irqsave(&set->lock, flags);
	won = snapset_state_abort(&set->state, &was);
	if (won) {
		set->code = code;
		va_start(args, fmt);
		vscnprintf(set->text, sizeof(set->text), fmt, args);
		va_end(args);
	}
	spin_unlock_irqrestore(&set->lock, flags);
	wake_up(&set->wq);
	return won;
}

static void reap_and_wait(struct list_head *snaps)
{
	struct snapset_snap *snap, *next;
	unsigned long until = jiffies + REAP_WAIT;

	list_for_each_entry(snap, snaps, link)
		snapset_snap_reap(snap);
	list_for_each_entry_safe(snap, next, snaps, link) {
		long left = until - jiffies;

		wait_for_completion_timeout(&snap->reaped, max(left, 1L));
		list_del(&snap->link);
		snapset_snap_put(snap);
	}
}

void snapset_set_ended(struct snapset_set *set)
{
	bool created = set->code == SNAPSET_S_ASYNC_FINISHED;
	LIST_HEAD(snaps);

	if (!created) {
		/* a committed set whose images could not be shown is undone as well */
		if (snapset_state_get(&set->state) == SNAPSET_STATE_COMMITTED)
			snapset_state_step(&set->state, SNAPSET_STATE_COMMITTED,
					   SNAPSET_STATE_ABORTING);
		mutex_lock(&snapset_set_mutex);
		list_splice_init(&set->snaps, &snaps);
		mutex_unlock(&snapset_set_mutex);
		reap_and_wait(&snaps);
		spin_lock_irq(&set->lock);	/* whoever aborted has written the code */
		spin_unlock_irq(&set->lock);
	}
	mutex_lock(&snapset_set_mutex);
	if (created)
		snapset_state_step(&set->state, SNAPSET_STATE_COMMITTED,
				   SNAPSET_STATE_CREATED);
	else
		snapset_state_step(&set->state, SNAPSET_STATE_ABORTING,
				   set->code == SNAPSET_S_ASYNC_CANCELLED ?
				   SNAPSET_STATE_CANCELLED : SNAPSET_STATE_FAILED);
	if (making == set)
		making = NULL;
	mutex_unlock(&snapset_set_mutex);
	if ((u32)set->code == SNAPSET_E_UNEXPECTED)
		pr_err("set %pUb: %s\n", set->id.b, set->text);
	snapset_set_tell(set);
	wake_up(&set->wq);
}

/* Out of the registry; the caller puts the registry's reference. */
static void unlist(struct snapset_set *set)
{
	lockdep_assert_held(&snapset_set_mutex);
	list_del_init(&set->link);
}

/* Sets of @session that failed are asked no more. */
static void forget_failed(u64 session)
{
	struct snapset_set *set, *next;
	enum snapset_state state;

	lockdep_assert_held(&snapset_set_mutex);
	list_for_each_entry_safe(set, next, &sets, link) {
		state = snapset_state_get(&set->state);
		if (set->session != session || (state != SNAPSET_STATE_FAILED &&
						state != SNAPSET_STATE_CANCELLED))
			continue;
		unlist(set);
		snapset_set_put(set);
	}
}

static void store_low(struct snapset_store *store, const char *text)
{
	struct snapset_set *set = store->owner;
	struct snapset_event_arg event = {
		.event = SNAPSET_EVENT_STORE_LOW,
		.set_id = &set->id,
		.state = -1,
		.text = text,
	};

	snapset_event_send(&event);
}

/* The store completes nothing: writers shall not wait for it any longer. */
static void store_stalled(struct snapset_store *store)
{
	struct snapset_set *set = store->owner;
	struct snapset_cow *cow;
	unsigned long flags;

	spin_lock_irqsave(&set->budget.lock, flags);
	list_for_each_entry(cow, &set->budget.engines, in_budget)
		snapset_cow_kill(cow, SNAPSET_E_UNEXPECTED_PROVIDER_ERROR,
				 "the store completed no write for %u ms",
				 set->params.stall_ms);
	spin_unlock_irqrestore(&set->budget.lock, flags);
}

static void fill_defaults(struct snapset_params *p)
{
	p->hold_ms = p->hold_ms ?: DEFAULT_HOLD_MS;
	p->freeze_ms = p->freeze_ms ?: DEFAULT_FREEZE_MS;
	p->stall_ms = p->stall_ms ?: DEFAULT_STALL_MS;
	p->budget = p->budget ?: DEFAULT_BUDGET;
}

static int may_start(u64 session, struct netlink_ext_ack *extack)
{
	char name[64];

	if (snapset_freeze_debt(name, sizeof(name)))
		return snapset_say(extack, -EBUSY,
				   "%s has not come back from an earlier take that gave it up",
				   name);
	if (making)
		return snapset_say(extack, -EINPROGRESS,
				   making->session == session ?
				   "this session has a set in the making" :
				   "another set is in the making");
	return 0;
}

/* What is being snapshotted cannot keep others' old data: they could wait in a circle. */
static int store_is_free(struct snapset_store *store, struct netlink_ext_ack *extack)
{
	struct snapset_snap *snap;
	struct snapset_set *set;

	list_for_each_entry(set, &sets, link)
		list_for_each_entry(snap, &set->snaps, link)
			if (snapset_store_shares(store, snap->origin->disk,
						 snap->origin->range))
				return snapset_say(extack, -ELOOP,
						   "the store shares sectors with %s, which is in a set",
						   snap->name);
	return 0;
}

int snapset_set_start(u64 session, const struct snapset_params *p,
		      snapset_id *set_id, struct netlink_ext_ack *extack)
{
	struct snapset_set *set = kzalloc(sizeof(*set), GFP_KERNEL);
	struct snapset_store *store;
	int err;

	if (!set)
		return -ENOMEM;
	refcount_set(&set->refs, 1);
	set->params = *p;
	fill_defaults(&set->params);
	set->session = session;
	snapset_budget_init(&set->budget, set->params.budget);
	INIT_LIST_HEAD(&set->snaps);
	snapset_state_init(&set->state);
	spin_lock_init(&set->lock);
	INIT_WORK(&set->take, snapset_take_work);
	init_waitqueue_head(&set->wq);
	uuid_gen((uuid_t *)set->id.b);
	mutex_lock(&snapset_set_mutex);
	err = may_start(session, extack);
	if (err)
		goto unlock;
	store = snapset_store_open(&set->params, set->params.stall_ms, extack);
	if (IS_ERR(store)) {
		err = PTR_ERR(store);
		goto unlock;
	}
	err = store_is_free(store, extack);
	if (err) {
		snapset_store_close(store);
		goto unlock;
	}
	store->owner = set;
	store->tell = store_low;
	store->stalled = store_stalled;
	set->store = store;
	forget_failed(session);
	__module_get(THIS_MODULE);
	snapset_made(SNAPSET_OBJ_SET);
	set->serial = ++serials;
	list_add_tail(&set->link, &sets);
	making = set;
	*set_id = set->id;
	mutex_unlock(&snapset_set_mutex);
	return 0;

unlock:
	mutex_unlock(&snapset_set_mutex);
	kfree(set);
	return err;
}

static int may_add(struct snapset_set *set, dev_t dev, const char *name,
		   struct netlink_ext_ack *extack)
{
	struct snapset_set *other;
	struct snapset_snap *snap;

	if (snapset_state_get(&set->state) != SNAPSET_STATE_OPEN)
		return snapset_say(extack, -EPROTO,
				   "volumes cannot be added any more: the set has been started");
	if (set->members >= SNAPSET_MAX_MEMBERS)
		return snapset_say(extack, -E2BIG,
				   "a set has at most %u volumes", SNAPSET_MAX_MEMBERS);
	list_for_each_entry(snap, &set->snaps, link)
		if (snap->dev == dev)
			return snapset_say(extack, -EEXIST,
					   "%s (%u:%u) is in the set already, as %s",
					   name, MAJOR(dev), MINOR(dev), snap->name);
	list_for_each_entry(other, &sets, link)
		list_for_each_entry(snap, &other->snaps, link)
			if (snap->dev == dev)
				return snapset_say(extack, -EDQUOT,
						   "%s (%u:%u) has a snapshot already: one for each device is supported",
						   name, MAJOR(dev), MINOR(dev));
	return 0;
}

/* A store cannot be a member, nor be read in pieces smaller than its blocks. */
static int fits_stores(struct snapset_set *set, struct snapset_snap *snap,
		       struct netlink_ext_ack *extack)
{
	struct snapset_origin *o = snap->origin;
	struct snapset_set *other;

	list_for_each_entry(other, &sets, link)
		if (snapset_store_shares(other->store, o->disk, o->range))
			return snapset_say(extack, -ELOOP,
					   "%s shares sectors with the store of %s set",
					   snap->name, other == set ? "this" : "another");
	if (snapset_store_block_size(set->store) > bdev_logical_block_size(o->bdev.bdev))
		return snapset_say(extack, -EOPNOTSUPP,
				   "the store's blocks of %u bytes are larger than those of %s",
				   snapset_store_block_size(set->store), snap->name);
	return 0;
}

int snapset_set_add(u64 session, const snapset_id *set_id, dev_t dev,
		    const char *name, snapset_id *snap_id,
		    struct netlink_ext_ack *extack)
{
	struct snapset_snap *snap;
	struct snapset_set *set;
	char number[32];
	int err;

	if (!name || !*name) {
		snprintf(number, sizeof(number), "%u:%u", MAJOR(dev), MINOR(dev));
		name = number;
	}
	mutex_lock(&snapset_set_mutex);
	set = find_own(session, set_id, extack);
	err = PTR_ERR_OR_ZERO(set);
	if (!err)
		err = may_add(set, dev, name, extack);
	if (err)
		goto unlock;
	snap = snapset_snap_new(set, dev, name, extack);
	err = PTR_ERR_OR_ZERO(snap);
	if (err)
		goto unlock;
	err = fits_stores(set, snap, extack);
	if (err) {
		LIST_HEAD(one);

		list_add(&snap->link, &one);
		reap_and_wait(&one);
		goto unlock;
	}
	list_add_tail(&snap->link, &set->snaps);
	set->members++;
	*snap_id = snap->id;
unlock:
	mutex_unlock(&snapset_set_mutex);
	return err;
}

int snapset_set_do(u64 session, const snapset_id *set_id,
		   const struct snapset_freeze_arg *freeze, unsigned int nr,
		   struct netlink_ext_ack *extack)
{
	struct snapset_freezer *freezer;
	struct snapset_set *set;
	unsigned int i;
	int err;

	mutex_lock(&snapset_set_mutex);
	set = find_own(session, set_id, extack);
	err = PTR_ERR_OR_ZERO(set);
	if (err)
		goto unlock;
	if (snapset_state_get(&set->state) != SNAPSET_STATE_OPEN) {
		err = snapset_say(extack, -EPROTO, "the set has been started already");
		goto unlock;
	}
	if (!set->members) {
		err = snapset_say(extack, -EPROTO, "the set has no volumes");
		goto unlock;
	}
	for (i = 0; i < nr && !err; i++)
		if (!(freeze[i].path.dentry->d_sb->s_type->fs_flags & FS_REQUIRES_DEV))
			err = snapset_say(extack, -EINVAL,
					  "%s: a file system of type %s lies on no device and cannot be frozen",
					  freeze[i].name,
					  freeze[i].path.dentry->d_sb->s_type->name);
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
	refcount_inc(&set->refs);
	queue_work(snapset_set_wq, &set->take);
unlock:
	mutex_unlock(&snapset_set_mutex);
	return err;
}

/* Aborts @set, whose reference we have, and sees it to its end. */
static int abort_and_wait(struct snapset_set *set, s32 code, const char *why,
			  bool killable, bool *won)
{
	bool open;

	mutex_lock(&snapset_set_mutex);
	open = snapset_state_get(&set->state) == SNAPSET_STATE_OPEN;
	*won = snapset_set_abort(set, code, "%s", why);
	mutex_unlock(&snapset_set_mutex);
	if (open && *won)
		snapset_set_ended(set);		/* no worker has seen it */
	if (!killable) {
		wait_event(set->wq, snapset_state_final(snapset_state_get(&set->state)));
		return 0;
	}
	return wait_event_killable(set->wq,
				   snapset_state_final(snapset_state_get(&set->state)));
}

int snapset_set_cancel(u64 session, const snapset_id *set_id, s32 *code,
		       struct netlink_ext_ack *extack)
{
	struct snapset_set *set;
	bool won;
	int err;

	mutex_lock(&snapset_set_mutex);
	set = find_own(session, set_id, extack);
	if (!IS_ERR(set))
		refcount_inc(&set->refs);
	mutex_unlock(&snapset_set_mutex);
	if (IS_ERR(set))
		return PTR_ERR(set);
	err = abort_and_wait(set, SNAPSET_S_ASYNC_CANCELLED, "cancelled", true, &won);
	if (!err)
		*code = won ? SNAPSET_S_OK : set->code;
	snapset_set_put(set);
	return err;
}

static void tell_deleted(struct snapset_snap *snap)
{
	struct snapset_event_arg event = {
		.event = SNAPSET_EVENT_SNAP_DELETED,
		.set_id = &snap->set->id,
		.snap_id = &snap->id,
		.state = -1,
	};

	snapset_event_send(&event);
}

/* All images of @snaps closed to everybody, or none and the name of an open one. */
static const char *unpublish_all(struct list_head *snaps, bool force)
{
	struct snapset_snap *snap;

	list_for_each_entry(snap, snaps, link) {
		if (snapset_image_unpublish(snap->image, force))
			continue;
		list_for_each_entry_continue_reverse(snap, snaps, link)
			snapset_image_republish(snap->image);
		return "";
	}
	return NULL;
}

/* Deletes @snaps, which are off their set's list; drops an emptied set. */
static u32 delete_list(struct snapset_set *set, struct list_head *snaps)
{
	struct snapset_snap *snap;
	bool last = list_empty(&set->snaps);
	u32 n = 0;

	lockdep_assert_held(&snapset_set_mutex);
	if (last)
		unlist(set);
	mutex_unlock(&snapset_set_mutex);
	list_for_each_entry(snap, snaps, link) {
		tell_deleted(snap);
		n++;
	}
	reap_and_wait(snaps);
	if (last)
		snapset_set_put(set);
	return n;
}

static int may_delete(struct snapset_set *set, struct netlink_ext_ack *extack)
{
	if (snapset_state_final(snapset_state_get(&set->state)))
		return 0;
	return snapset_say(extack, -EPROTO, "the set is in the making: cancel it");
}

int snapset_delete_set(const snapset_id *set_id, bool force, u32 *deleted,
		       struct netlink_ext_ack *extack)
{
	struct snapset_set *set;
	LIST_HEAD(snaps);
	int err;

	mutex_lock(&snapset_set_mutex);
	set = find(set_id);
	err = set ? may_delete(set, extack) :
	      snapset_say(extack, -ENOENT, "there is no such set");
	if (!err && unpublish_all(&set->snaps, force))
		err = snapset_say(extack, -EBUSY,
				  "an image of the set is open; nothing was deleted");
	if (err) {
		mutex_unlock(&snapset_set_mutex);
		return err;
	}
	list_splice_init(&set->snaps, &snaps);
	*deleted = delete_list(set, &snaps);
	return 0;
}

int snapset_delete_snap(const snapset_id *snap_id, bool force, u32 *deleted,
			struct netlink_ext_ack *extack)
{
	struct snapset_snap *snap;
	LIST_HEAD(one);
	int err;

	mutex_lock(&snapset_set_mutex);
	snap = find_snap(snap_id);
	err = snap ? may_delete(snap->set, extack) :
	      snapset_say(extack, -ENOENT, "there is no such snapshot");
	if (!err && !snapset_image_unpublish(snap->image, force))
		err = snapset_say(extack, -EBUSY, "the image %s of %s is open",
				  snapset_image_name(snap->image), snap->name);
	if (err) {
		mutex_unlock(&snapset_set_mutex);
		return err;
	}
	list_move(&snap->link, &one);
	*deleted = delete_list(snap->set, &one);
	return 0;
}

/* The first set of @session that its death concerns, with a reference. */
static struct snapset_set *next_orphan(u64 session)
{
	struct snapset_set *set, *found = NULL;

	mutex_lock(&snapset_set_mutex);
	list_for_each_entry(set, &sets, link) {
		if (set->session != session)
			continue;
		if (snapset_state_get(&set->state) == SNAPSET_STATE_CREATED &&
		    set->params.attrs & SNAPSET_ATTR_NO_AUTO_RELEASE) {
			set->session = 0;
			continue;
		}
		refcount_inc(&set->refs);
		found = set;
		break;
	}
	mutex_unlock(&snapset_set_mutex);
	return found;
}

void snapset_owner_died(u64 session)
{
	struct snapset_set *set;
	bool won;
	u32 n;

	while ((set = next_orphan(session))) {
		abort_and_wait(set, SNAPSET_S_ASYNC_CANCELLED, "its owner has gone",
			       false, &won);
		if (!(set->params.attrs & SNAPSET_ATTR_NO_AUTO_RELEASE) ||
		    snapset_state_get(&set->state) != SNAPSET_STATE_CREATED)
			snapset_delete_set(&set->id, true, &n, NULL);
		snapset_set_put(set);
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
	info->store_used = snapset_store_used(set->store) << SNAPSET_GRANULE_SHIFT;
}

int snapset_set_info(const snapset_id *id, struct snapset_set_info *info)
{
	struct snapset_set *set;

	mutex_lock(&snapset_set_mutex);
	set = find(id);
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
	list_for_each_entry(set, &sets, link) {
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
	snap = find_snap(id);
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
	list_for_each_entry(set, &sets, link)
		list_for_each_entry(snap, &set->snaps, link)
			if (snap->serial > after &&
			    (!best || snap->serial < best->serial))
				best = snap;
	if (best)
		snapset_snap_fill(best, info);
	mutex_unlock(&snapset_set_mutex);
	return best ? 0 : -ENOENT;
}

int snapset_set_init(void)
{
	/* not for reclaim: nobody who frees memory waits for a take or a teardown */
	snapset_set_wq = alloc_workqueue("snapset", WQ_UNBOUND, WQ_MAX_ACTIVE);
	return snapset_set_wq ? 0 : -ENOMEM;
}

void snapset_set_exit(void)
{
	WARN_ON(!list_empty(&sets));
	destroy_workqueue(snapset_set_wq);
}
