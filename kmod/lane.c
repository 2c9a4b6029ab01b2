// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lanes come and go with what they carry: made by the origin's worker alone, freed by
 * their own work when it finds nothing more.
 */
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/slab.h>
#include "counters.h"
#include "fault.h"
#include "lane.h"
#include "origin.h"
#include "urgency.h"

#define AT_ONCE	32	/* bios, and then the next lane may have the thread: a rescuer is one */

static struct bio *lane_pop(struct snapset_lane *lane)
{
	struct snapset_origin *o = lane->origin;
	struct bio *bio;

	spin_lock_irq(&o->lock);
	bio = bio_list_pop(&lane->bios);
	if (!bio) {
		lane->sent = false;
		if (!list_empty(&lane->link)) {
			list_del(&lane->link);
			o->lanes.nr--;
		}
	}
	spin_unlock_irq(&o->lock);
	return bio;
}

static void lane_work(struct work_struct *work)
{
	struct snapset_lane *lane = container_of(work, struct snapset_lane, work);
	struct snapset_origin *o = lane->origin;
	bool embedded = lane == &o->lanes.shared || lane == &o->lanes.straddling;
	struct blk_plug plug;
	struct bio *bio = NULL;
	unsigned int n;

	blk_start_plug(&plug);
	for (n = 0; n < AT_ONCE && (bio = lane_pop(lane)); n++)
		if (lane == &o->lanes.straddling)
			snapset_origin_straddle(bio);
		else
			snapset_origin_submit(o, bio);
	blk_finish_plug(&plug);
	if (bio) {
		queue_work(o->lanes.wq, &lane->work);
		return;
	}
	if (!embedded) {	/* else it may be sent again already */
		kfree(lane);
		snapset_gone(SNAPSET_OBJ_LANE);
	}
}

static void lane_init(struct snapset_lane *lane, struct snapset_origin *o)
{
	lane->origin = o;
	bio_list_init(&lane->bios);
	INIT_LIST_HEAD(&lane->link);
	INIT_WORK(&lane->work, lane_work);
}

int snapset_lanes_init(struct snapset_origin *o)
{
	INIT_LIST_HEAD(&o->lanes.list);
	lane_init(&o->lanes.shared, o);
	lane_init(&o->lanes.straddling, o);
	/* as many at once as may be: some kernels divide that by their nodes */
	o->lanes.wq = snapset_may_fail(alloc_workqueue("snapset-lanes-%u:%u",
						       WQ_MEM_RECLAIM | WQ_UNBOUND | WQ_HIGHPRI,
						       WQ_MAX_ACTIVE, MAJOR(o->dev),
						       MINOR(o->dev)));
	return o->lanes.wq ? 0 : -ENOMEM;
}

void snapset_lanes_destroy(struct snapset_origin *o)
{
	destroy_workqueue(o->lanes.wq);
}

static struct snapset_lane *lane_find(struct snapset_origin *o, const void *cgroup,
				      unsigned int urgency)
{
	struct snapset_lane *lane;

	lockdep_assert_held(&o->lock);
	list_for_each_entry(lane, &o->lanes.list, link)
		if (lane->cgroup == cgroup && lane->urgency == urgency)
			return lane;
	return NULL;
}

static struct snapset_lane *lane_new(struct snapset_origin *o, const void *cgroup,
				     unsigned int urgency)
{
	struct snapset_lane *lane;

	lane = snapset_may_lack(kzalloc(sizeof(*lane), GFP_NOWAIT | __GFP_NOWARN));
	if (!lane)
		return NULL;
	lane_init(lane, o);
	lane->cgroup = cgroup;
	lane->urgency = urgency;
	snapset_made(SNAPSET_OBJ_LANE);
	return lane;
}

static void lane_add(struct snapset_lane *lane, struct bio *bio)
{
	struct snapset_origin *o = lane->origin;

	lockdep_assert_held(&o->lock);
	bio_list_add(&lane->bios, bio);
	if (!lane->sent) {	/* under the lock: it may be gone right after */
		lane->sent = true;
		queue_work(o->lanes.wq, &lane->work);
	}
}

void snapset_lane_straddle(struct snapset_origin *o, struct bio *bio)
{
	spin_lock_irq(&o->lock);
	lane_add(&o->lanes.straddling, bio);
	spin_unlock_irq(&o->lock);
}

bool snapset_lane_take(struct snapset_origin *o, struct bio *bio)
{
	unsigned int urgency = snapset_urgency_of(bio);
	struct snapset_lane *lane, *new = NULL;
	const void *cgroup;

	/* a stack may submit from another bio, with other flags, in our context: md's raid1 */
	if (queue_is_mq(o->disk->queue) && !snapset_may_be_throttled(bio))
		return false;
	cgroup = snapset_bio_payer(bio);
	spin_lock_irq(&o->lock);
	lane = lane_find(o, cgroup, urgency);
	if (!lane && o->lanes.nr < SNAPSET_MAX_LANES) {
		spin_unlock_irq(&o->lock);
		new = lane_new(o, cgroup, urgency);
		spin_lock_irq(&o->lock);
		if (new) {	/* lanes go while we do not look, but none comes */
			list_add_tail(&new->link, &o->lanes.list);
			o->lanes.nr++;
		}
		lane = new;
	}
	if (!lane)
		lane = &o->lanes.shared;
	lane_add(lane, bio);
	spin_unlock_irq(&o->lock);
	return true;
}
