// SPDX-License-Identifier: GPL-2.0-only
/*
 * How sets and snapshots go: deletes, and what an owner's death leaves (control.h).
 */
#include <linux/list.h>
#include <linux/slab.h>
#include "event.h"
#include "image.h"
#include "pin.h"
#include "registry.h"
#include "say.h"
#include "session.h"
#include "set.h"

static DEFINE_SPINLOCK(graves_lock);
static LIST_HEAD(graves);

static void grave_open(struct snapset_snap *snap)
{
	struct snapset_grave *grave = snap->grave;

	grave->id = snap->id;
	grave->set_id = snap->set->id;
	spin_lock(&graves_lock);
	list_add_tail(&grave->link, &graves);
	spin_unlock(&graves_lock);
}

void snapset_grave_close(struct snapset_grave *grave)
{
	if (!list_empty(&grave->link))
		snapset_unpin_wait();	/* the one who has deleted may want to unmount */
	spin_lock(&graves_lock);
	list_del(&grave->link);
	spin_unlock(&graves_lock);
	kfree(grave);
}

/* There is none with this id, of a snapshot or of a set, any more; or not quite. */
static int no_such(const snapset_id *snap, const snapset_id *set, struct netlink_ext_ack *extack)
{
	struct snapset_grave *grave;
	bool found = false;

	spin_lock(&graves_lock);
	list_for_each_entry(grave, &graves, link)
		found |= (snap && !memcmp(&grave->id, snap, sizeof(*snap))) ||
			 (set && !memcmp(&grave->set_id, set, sizeof(*set)));
	spin_unlock(&graves_lock);
	if (found)
		return snapset_say(extack, -EINPROGRESS, "it has been deleted already, and goes");
	return snapset_say(extack, -ENOENT, "there is no such %s", snap ? "snapshot" : "set");
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

/* All images of @snaps closed to everybody; or none, if one is open. */
static bool unpublish_all(struct list_head *snaps, bool force)
{
	struct snapset_snap *snap;

	list_for_each_entry(snap, snaps, link) {
		if (snapset_image_unpublish(snap->image, force))
			continue;
		list_for_each_entry_continue_reverse(snap, snaps, link)
			snapset_image_republish(snap->image);
		return false;
	}
	return true;
}

/*
 * Deletes @snaps, which are off their set's list; drops an emptied set. Lets go of
 * set_mutex, and waits for nothing: it is asked by commands, and by the look of a full
 * store, whose time is short.
 */
static u32 delete_list(struct snapset_set *set, struct list_head *snaps)
{
	struct snapset_snap *snap, *next;
	bool last = list_empty(&set->snaps);
	u32 n = 0;

	lockdep_assert_held(&snapset_set_mutex);
	if (last)
		snapset_set_unlist(set);
	list_for_each_entry(snap, snaps, link)
		grave_open(snap);
	mutex_unlock(&snapset_set_mutex);
	/* before the teardowns, so that the last of them lets go of the store, and says so */
	if (last)
		snapset_set_put(set);
	list_for_each_entry_safe(snap, next, snaps, link) {
		tell_deleted(snap);
		snapset_cow_leaves(snap->cow);
		list_del_init(&snap->link);
		snapset_snap_reap(snap);
		snapset_snap_put(snap);
		n++;
	}
	return n;
}

static int may_delete(struct snapset_set *set, struct netlink_ext_ack *extack)
{
	if (snapset_state_final(snapset_state_get(&set->state)))
		return 0;
	return snapset_say(extack, -EPROTO, "the set is in the making: cancel it");
}

int snapset_delete_set(const snapset_id *set_id, u64 session, bool force, u32 *deleted,
		       struct netlink_ext_ack *extack)
{
	struct snapset_set *set;
	LIST_HEAD(snaps);
	int err;

	err = snapset_set_lock();
	if (err)
		return err;
	set = snapset_set_find(set_id);
	err = set ? may_delete(set, extack) : no_such(NULL, set_id, extack);
	if (!err && session && set->session != session)
		err = snapset_say(extack, -EPROTO, "the set belongs to another session");
	if (!err && !unpublish_all(&set->snaps, force))
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

	err = snapset_set_lock();
	if (err)
		return err;
	snap = snapset_snap_find(snap_id);
	err = snap ? may_delete(snap->set, extack) : no_such(snap_id, NULL, extack);
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

int snapset_set_adopt(u64 session, const snapset_id *set_id, bool keep,
		      struct netlink_ext_ack *extack)
{
	struct snapset_set *set;
	int err;

	err = snapset_set_lock();
	if (err)
		return err;
	set = snapset_set_find(set_id);
	if (!set)
		err = no_such(NULL, set_id, extack);
	else if (!snapset_set_is(set, SNAPSET_STATE_CREATED))
		err = snapset_say(extack, -EPROTO, "the set is not created");
	if (!err) {	/* the death of its owner deletes what still is his, and so not this one */
		set->session = session;
		snapset_session_owner(session, &set->owner);
		if (keep)
			set->params.attrs |= SNAPSET_ATTR_NO_AUTO_RELEASE;
		else
			set->params.attrs &= ~SNAPSET_ATTR_NO_AUTO_RELEASE;
	}
	mutex_unlock(&snapset_set_mutex);
	return err;
}

/* The first set of @session that its death concerns, with a reference. */
static struct snapset_set *next_orphan(u64 session)
{
	struct snapset_set *set, *found = NULL;

	mutex_lock(&snapset_set_mutex);
	list_for_each_entry(set, &snapset_sets, link) {
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
	u32 n;

	while ((set = next_orphan(session))) {
		snapset_set_abort_and_wait(set, SNAPSET_S_ASYNC_CANCELLED,
					   "its owner has gone");
		if (!(set->params.attrs & SNAPSET_ATTR_NO_AUTO_RELEASE) ||
		    snapset_state_get(&set->state) != SNAPSET_STATE_CREATED)
			snapset_delete_set(&set->id, session, true, &n, NULL);
		snapset_set_put(set);
	}
}
