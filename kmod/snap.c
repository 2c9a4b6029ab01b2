// SPDX-License-Identifier: GPL-2.0-only
/*
 * A member of a set: origin, engine and image, made in this order and undone in
 * the reverse one.
 */
#include <linux/blkdev.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include "above.h"
#include "counters.h"
#include "event.h"
#include "fault.h"
#include "image.h"
#include "origin.h"
#include "registry.h"
#include "say.h"
#include "set.h"

static u64 serials;	/* set_mutex */

static void died(struct snapset_cow *cow)
{
	struct snapset_snap *snap = cow->owner;
	struct snapset_event_arg event = {
		.event = SNAPSET_EVENT_SNAP_DEAD,
		.set_id = &snap->set->id,
		.snap_id = &snap->id,
		.state = SNAPSET_SNAP_DEAD,
		.code = cow->dead,
		.text = cow->why,
	};

	snapset_event_send(&event);
}

static bool full(struct snapset_cow *cow)
{
	struct snapset_snap *snap = cow->owner;

	return snapset_full_ask(snap->set, cow);
}

static void tell_index(struct work_struct *work)
{
	struct snapset_set *set = container_of(work, struct snapset_set, index_news);
	char text[96];
	struct snapset_event_arg event = {
		.event = SNAPSET_EVENT_INDEX_LOW,
		.set_id = &set->id,
		.state = -1,
		.text = text,
	};
	unsigned int step = READ_ONCE(set->budget.index_step);

	scnprintf(text, sizeof(text), "%u %% of the %llu MiB of RAM for the set's index are used",
		  step, set->budget.index_limit >> 20);
	if (step)	/* else much has been given back meanwhile */
		snapset_event_send(&event);
	snapset_set_put(set);
}

void snapset_snap_init_news(struct snapset_set *set)
{
	INIT_WORK(&set->index_news, tell_index);
}

static void index_low(struct snapset_cow *cow)
{
	struct snapset_set *set = ((struct snapset_snap *)cow->owner)->set;

	refcount_inc(&set->refs);
	if (!queue_work(snapset_tell_wq, &set->index_news))
		refcount_dec(&set->refs);	/* not the last: the engine's owner has one */
}

static unsigned long room_clock(struct snapset_cow *cow, unsigned long waited)
{
	struct snapset_snap *snap = cow->owner;

	return snapset_full_clock(snap->set, waited);
}

static void room_lacks(struct snapset_cow *cow, unsigned long since)
{
	struct snapset_snap *snap = cow->owner;

	snapset_full_lacks(snap->set, since);
}

static const struct snapset_cow_ops cow_ops = {
	.died = died,
	.full = full,
	.index_low = index_low,
	.room_clock = room_clock,
	.room_lacks = room_lacks,
};

void snapset_snap_put(struct snapset_snap *snap)
{
	struct snapset_set *set = snap->set;

	if (!refcount_dec_and_test(&snap->refs))
		return;
	kfree(snap);
	snapset_gone(SNAPSET_OBJ_SNAP);
	snapset_set_put(set);
}

static void reap(struct work_struct *work)
{
	struct snapset_snap *snap = container_of(work, struct snapset_snap, reap);
	struct snapset_grave *grave = snap->grave;

	/* dead first: no read may end well once writes pass uncopied */
	if (snap->cow)
		snapset_cow_retire(snap->cow);
	snapset_image_free(snap->image);
	if (snap->cow)
		snapset_cow_free(snap->cow);
	snapset_above_free(snap->above);
	if (snap->origin)
		snapset_origin_detach(snap->origin);
	complete_all(&snap->reaped);
	snapset_snap_put(snap);
	snapset_grave_close(grave);
}

struct snapset_snap *snapset_snap_new(struct snapset_set *set, dev_t dev,
				      const char *name, struct netlink_ext_ack *extack)
{
	struct snapset_snap *snap = snapset_may_fail(kzalloc(sizeof(*snap), GFP_KERNEL));
	struct snapset_origin *origin;

	if (!snap)
		return ERR_PTR(-ENOMEM);
	snap->grave = snapset_may_fail(kzalloc(sizeof(*snap->grave), GFP_KERNEL));
	if (!snap->grave) {
		kfree(snap);
		return ERR_PTR(-ENOMEM);
	}
	INIT_LIST_HEAD(&snap->grave->link);
	snap->set = set;
	snap->dev = dev;
	strscpy(snap->name, name, sizeof(snap->name));
	refcount_set(&snap->refs, 1);
	INIT_WORK(&snap->reap, reap);
	init_completion(&snap->reaped);
	origin = snapset_origin_attach(dev, name, extack);
	if (IS_ERR(origin)) {
		kfree(snap->grave);
		kfree(snap);
		return ERR_CAST(origin);
	}
	snap->origin = origin;
	uuid_gen((uuid_t *)snap->id.b);
	refcount_inc(&set->refs);
	snapset_made(SNAPSET_OBJ_SNAP);
	return snap;
}

void snapset_snap_link(struct snapset_snap *snap)
{
	struct snapset_set *set = snap->set;

	lockdep_assert_held(&snapset_set_mutex);
	snap->serial = ++serials;
	list_add_tail(&snap->link, &set->snaps);
	set->members++;
	snapset_origin_count(snap->origin);
}

int snapset_snap_prepare(struct snapset_snap *snap)
{
	struct snapset_image_label label = { .id = snap->id, .set_id = snap->set->id };
	struct snapset_image *image;
	struct snapset_cow *cow;
	int err;

	cow = snapset_cow_new(snap->origin, snap->set->store, &snap->set->budget,
			      snap->name, &cow_ops, snap);
	if (IS_ERR(cow))
		return PTR_ERR(cow);
	if (snap->quota)
		cow->quota = snap->quota >> SNAPSET_GRANULE_SHIFT;
	cow->above = snap->above;
	snap->cow = cow;
	err = snapset_stores_leave_out(cow, snap->set->held);
	if (err)
		return err;
	strscpy(label.name, snap->name, sizeof(label.name));
	image = snapset_image_new(cow, bdev_logical_block_size(snap->origin->bdev.bdev),
				  &label);
	if (IS_ERR(image))
		return PTR_ERR(image);
	snap->image = image;
	return 0;
}

void snapset_snap_reap(struct snapset_snap *snap)
{
	refcount_inc(&snap->refs);
	queue_work(snapset_set_wq, &snap->reap);
}

void snapset_snap_fill(struct snapset_snap *snap, struct snapset_snap_info *info)
{
	struct snapset_origin *o = snap->origin;
	struct snapset_cow *cow = snap->cow;

	lockdep_assert_held(&snapset_set_mutex);
	memset(info, 0, sizeof(*info));
	info->serial = snap->serial;
	info->id = snap->id;
	info->set_id = snap->set->id;
	strscpy(info->name, snap->name, sizeof(info->name));
	info->origin = snap->dev;
	info->state = SNAPSET_SNAP_PREPARING;
	info->size = (o->range.end - o->range.start) << SECTOR_SHIFT;
	info->block_size = bdev_logical_block_size(o->bdev.bdev);
	info->quota = snap->quota;
	info->consistency = snap->consistency;
	strscpy(info->frozen, snap->frozen, sizeof(info->frozen));
	/* pairs with publish(): the image has its number and its name */
	info->published = smp_load_acquire(&snap->published);
	if (!info->published)
		return;
	info->state = SNAPSET_SNAP_LIVE;
	info->image = snapset_image_dev(snap->image);
	strscpy(info->image_name, snapset_image_name(snap->image),
		sizeof(info->image_name));
	info->openers = snapset_image_openers(snap->image);
	info->created = snap->set->created;
	info->t_drain = snap->t_drain;
	info->copied = atomic64_read(&cow->copied);
	info->stored = atomic64_read(&cow->stored);
	info->in_ram = atomic64_read(&cow->in_ram);
	info->index = READ_ONCE(cow->index);
	info->allocated = (atomic64_read(&cow->allocated) + atomic64_read(&cow->handed)) <<
			  SNAPSET_GRANULE_SHIFT;
	if (snapset_cow_dead(cow)) {
		info->state = SNAPSET_SNAP_DEAD;
		info->code = cow->dead;
		if (smp_load_acquire(&cow->told))	/* pairs with cow_kill() */
			strscpy(info->text, cow->why, sizeof(info->text));
	}
}
