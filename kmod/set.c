// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a set, and the registry of all of them. What the door may ask of
 * them (control.h) is in control.c, delete.c and query.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/slab.h>
#include "counters.h"
#include "event.h"
#include "expire.h"
#include "origin.h"
#include "registry.h"
#include "say.h"
#include "set.h"

#define REAP_WAIT		(5 * HZ)	/* a stalled store may keep memory for longer */

/* guards the registry, every set's members and session; outermost */
DEFINE_MUTEX(snapset_set_mutex);
struct workqueue_struct *snapset_set_wq, *snapset_take_wq, *snapset_full_wq;

LIST_HEAD(snapset_sets);		/* set_mutex */
struct snapset_set *snapset_making;	/* likewise */

void snapset_set_put(struct snapset_set *set)
{
	if (!refcount_dec_and_test(&set->refs))
		return;
	snapset_full_exit(set);
	if (set->store && snapset_users_leave(set->store, set))
		snapset_store_put(set->store);
	kfree(set);
	snapset_gone(SNAPSET_OBJ_SET);
	module_put(THIS_MODULE);	/* exit flushes our workqueue after the last one */
}

struct snapset_set *snapset_set_find(const snapset_id *id)
{
	struct snapset_set *set;

	lockdep_assert_held(&snapset_set_mutex);
	list_for_each_entry(set, &snapset_sets, link)
		if (!memcmp(&set->id, id, sizeof(*id)))
			return set;
	return NULL;
}

struct snapset_snap *snapset_snap_find(const snapset_id *id)
{
	struct snapset_snap *snap;
	struct snapset_set *set;

	lockdep_assert_held(&snapset_set_mutex);
	list_for_each_entry(set, &snapset_sets, link)
		list_for_each_entry(snap, &set->snaps, link)
			if (!memcmp(&snap->id, id, sizeof(*id)))
				return snap;
	return NULL;
}

struct snapset_set *snapset_set_find_own(u64 session, const snapset_id *id,
					 struct netlink_ext_ack *extack)
{
	struct snapset_set *set = snapset_set_find(id);

	if (!set)
		return ERR_PTR(snapset_say(extack, -ENOENT, "there is no such set"));
	if (set->session != session)
		return ERR_PTR(snapset_say(extack, -EPROTO,
					   "the set belongs to another session"));
	return set;
}

void snapset_set_unlist(struct snapset_set *set)
{
	lockdep_assert_held(&snapset_set_mutex);
	list_del_init(&set->link);
	snapset_expire_stop(set);
}

void snapset_set_tell(struct snapset_set *set)
{
	struct snapset_event_arg event = {
		.event = SNAPSET_EVENT_SET_STATE,
		.set_id = &set->id,
		.state = snapset_state_get(&set->state),
	};
	char text[sizeof(set->text)], blamed[sizeof(set->blamed)];

	event.created = event.state == SNAPSET_STATE_CREATED;
	event.consistency = set->consistency;
	spin_lock_irq(&set->lock);
	event.code = set->code;
	event.failed_phase = set->failed_phase;
	event.err = set->err;
	strscpy(blamed, set->blamed, sizeof(blamed));
	strscpy(text, set->text, sizeof(text));
	spin_unlock_irq(&set->lock);
	event.failed = event.state == SNAPSET_STATE_FAILED;
	event.blamed = *blamed ? blamed : NULL;
	event.text = *text ? text : NULL;
	snapset_event_send(&event);
}

bool snapset_set_abort(struct snapset_set *set, s32 code, const char *who, int err,
		       const char *fmt, ...)
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
		set->failed_phase = READ_ONCE(set->phase);
		set->err = err;
		strscpy(set->blamed, who ?: "", sizeof(set->blamed));
		va_start(args, fmt);
		vscnprintf(set->text, sizeof(set->text), fmt, args);
		va_end(args);
	}
	spin_unlock_irqrestore(&set->lock, flags);
	wake_up(&set->wq);
	return won;
}

void snapset_set_give_up(struct snapset_set *set, s32 code, const char *fmt, ...)
{
	struct snapset_cow *cow;
	unsigned long flags;
	char why[120];
	va_list args;

	va_start(args, fmt);
	vscnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	spin_lock_irqsave(&set->budget.lock, flags);
	list_for_each_entry(cow, &set->budget.engines, in_budget)
		snapset_cow_kill(cow, code, "%s", why);
	spin_unlock_irqrestore(&set->budget.lock, flags);
}

int snapset_set_lock(void)
{
	return mutex_lock_killable(&snapset_set_mutex);
}

void snapset_set_abort_and_wait(struct snapset_set *set, s32 code, const char *why)
{
	bool open, won;

	mutex_lock(&snapset_set_mutex);
	open = snapset_state_get(&set->state) == SNAPSET_STATE_OPEN;
	won = snapset_set_abort(set, code, NULL, 0, "%s", why);
	mutex_unlock(&snapset_set_mutex);
	if (open && won)
		snapset_set_ended(set);		/* no worker has seen it */
	wait_event(set->wq, snapset_state_final(snapset_state_get(&set->state)));
}

void snapset_snaps_reap(struct list_head *snaps)
{
	struct snapset_snap *snap, *next;
	unsigned long until = jiffies + REAP_WAIT;

	list_for_each_entry(snap, snaps, link)
		snapset_snap_reap(snap);
	list_for_each_entry_safe(snap, next, snaps, link) {
		long left = until - jiffies;

		/* and then it lets go of the set, and perhaps of the store */
		if (wait_for_completion_timeout(&snap->reaped, max(left, 1L)))
			flush_work(&snap->reap);
		list_del(&snap->link);
		snapset_snap_put(snap);
	}
}

void snapset_set_ended(struct snapset_set *set)
{
	bool created = set->code == SNAPSET_S_ASYNC_FINISHED;
	struct snapset_snap *snap;
	LIST_HEAD(snaps);

	if (!created) {
		/* a committed set whose images could not be shown is undone as well */
		if (snapset_state_get(&set->state) == SNAPSET_STATE_COMMITTED)
			snapset_state_step(&set->state, SNAPSET_STATE_COMMITTED,
					   SNAPSET_STATE_ABORTING);
		mutex_lock(&snapset_set_mutex);
		list_for_each_entry(snap, &set->snaps, link)
			snapset_origin_settle(snap->origin);
		list_splice_init(&set->snaps, &snaps);
		mutex_unlock(&snapset_set_mutex);
		snapset_snaps_reap(&snaps);
		snapset_full_exit(set);		/* its last put may hold set_mutex */
		spin_lock_irq(&set->lock);	/* whoever aborted has written the code */
		spin_unlock_irq(&set->lock);
	}
	mutex_lock(&snapset_set_mutex);
	if (created) {
		snapset_state_step(&set->state, SNAPSET_STATE_COMMITTED,
				   SNAPSET_STATE_CREATED);
		snapset_expire_begin(set);
	} else {
		snapset_state_step(&set->state, SNAPSET_STATE_ABORTING,
				   set->code == SNAPSET_S_ASYNC_CANCELLED ?
				   SNAPSET_STATE_CANCELLED : SNAPSET_STATE_FAILED);
	}
	if (snapset_making == set)
		snapset_making = NULL;
	snapset_idle_stop(set);
	mutex_unlock(&snapset_set_mutex);
	if ((u32)set->code == SNAPSET_E_UNEXPECTED ||
	    (u32)set->code == SNAPSET_E_UNEXPECTED_PROVIDER_ERROR)
		pr_err("set %pUb failed: 0x%08x: %s\n", set->id.b, set->code, set->text);
	snapset_set_tell(set);
	wake_up(&set->wq);
}

int snapset_set_init(void)
{
	/* not for reclaim: nobody who frees memory waits for a take or a teardown */
	snapset_set_wq = alloc_workqueue("snapset", WQ_UNBOUND, WQ_MAX_ACTIVE);
	if (!snapset_set_wq)
		return -ENOMEM;
	/* everybody's writes wait for it, and udev has much to do for each image */
	snapset_take_wq = alloc_workqueue("snapset-take", WQ_UNBOUND | WQ_HIGHPRI, 0);
	if (!snapset_take_wq)
		goto destroy_set_wq;
	/* not behind teardowns, of which any number may wait for a store that hangs */
	snapset_full_wq = alloc_workqueue("snapset-full", WQ_UNBOUND, 0);
	if (!snapset_full_wq)
		goto destroy_take_wq;
	return 0;

destroy_take_wq:
	destroy_workqueue(snapset_take_wq);
destroy_set_wq:
	destroy_workqueue(snapset_set_wq);
	return -ENOMEM;
}

void snapset_set_exit(void)
{
	WARN_ON(!list_empty(&snapset_sets));
	destroy_workqueue(snapset_take_wq);
	destroy_workqueue(snapset_set_wq);	/* the last sets, and with them their looks */
	destroy_workqueue(snapset_full_wq);
}
