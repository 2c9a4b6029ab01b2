// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which devices are tracked: how an origin comes to be, is found again for its next
 * snapshot, and goes. What passes it is in origin.c.
 */
#include <linux/bio.h>
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate_wait.h>
#include <linux/slab.h>
#include "bypass.h"
#include "counters.h"
#include "fault.h"
#include "hook.h"
#include "image.h"
#include "origin.h"
#include "say.h"
#include "track.h"

DEFINE_HASHTABLE(snapset_origins, SNAPSET_ORIGINS_BITS);

/* writers of the table, and each origin's users */
static DEFINE_MUTEX(origins_mutex);
static struct workqueue_struct *reaper;	/* frees origins when their last write ends */

/* Is it a device that can be watched? Before anything is sent to it. */
static int check_kind(struct snapset_origin *o, const char *name,
		      struct netlink_ext_ack *extack)
{
	unsigned int block = bdev_logical_block_size(o->bdev.bdev);

	if (snapset_image_is(o->disk))
		return snapset_say(extack, -ELOOP, "%s is itself a snapset image", name);
	if (snapset_range_empty(o->range))
		return snapset_say(extack, -EOPNOTSUPP, "%s has no size", name);
	if (block > SNAPSET_GRANULE_SIZE)
		return snapset_say(extack, -EOPNOTSUPP,
				   "%s has blocks of %u bytes; at most %u are supported",
				   name, block, SNAPSET_GRANULE_SIZE);
	if (bdev_is_zoned(o->bdev.bdev))
		return snapset_say(extack, -EOPNOTSUPP,
				   "%s is a zoned device: its writes cannot be kept", name);
	if (snapset_disk_bypasses_bios(o->disk))
		return snapset_say(extack, -EOPNOTSUPP,
				   "%s takes pages without a bio on this kernel: not all its writes could be seen",
				   name);
	return 0;
}

static int check_overlap(struct snapset_origin *o, const char *name,
			 struct netlink_ext_ack *extack)
{
	struct snapset_origin *other;

	lockdep_assert_held(&origins_mutex);
	hash_for_each_possible(snapset_origins, other, link, (unsigned long)o->disk)
		if (other->disk == o->disk && snapset_range_overlap(other->range, o->range))
			return snapset_say(extack, -ELOOP,
					   "%s shares sectors with %u:%u, which is in a set",
					   name, MAJOR(other->dev), MINOR(other->dev));
	return 0;
}

#ifdef SNAPSET_DEBUG
/* The limit is reached in minutes otherwise. */
static unsigned int debug_max_snaps = SNAPSET_MAX_SNAPS;
module_param(debug_max_snaps, uint, 0600);
MODULE_PARM_DESC(debug_max_snaps, "most snapshots of a device");
#else
#define debug_max_snaps SNAPSET_MAX_SNAPS
#endif

/* One that is tracked already, with a user more; NULL: it is not. */
static struct snapset_origin *find_tracked(dev_t dev, const char *name,
					   struct netlink_ext_ack *extack)
{
	struct snapset_origin *o;
	int bucket, err = 0;

	lockdep_assert_held(&origins_mutex);
	hash_for_each(snapset_origins, bucket, o, link)
		if (o->dev == dev)
			goto found;
	return NULL;

found:
	if (snapset_origin_sectors_now(o) != o->range.end - o->range.start)
		err = snapset_say(extack, -EBUSY,
				  "%s has been resized since its first snapshot was made: delete those it has",
				  name);
	else if (o->users >= debug_max_snaps)
		err = snapset_say(extack, -EDQUOT, "%s has %u snapshots, the most there may be",
				  name, o->users);
	else
		o->users++;
	return err ? ERR_PTR(err) : o;
}

void snapset_origin_count(struct snapset_origin *origin)
{
	WRITE_ONCE(origin->bypassed, false);
	origin->older_drained = false;
	origin->older_zero = 0;
	WRITE_ONCE(origin->counting, true);
}

void snapset_origin_settle(struct snapset_origin *origin)
{
	WRITE_ONCE(origin->counting, false);
	snapset_clones_trim(&origin->clones);	/* but for those of who has just read "true" */
}

static void free_origin(struct work_struct *work)
{
	struct snapset_origin *o = container_of(work, struct snapset_origin, free_work);

	wait_event(o->idle, !snapset_origin_inflight(o));
	synchronize_rcu();	/* the completion that brought it to 0 */
	snapset_jobs_stop(&o->jobs);
	destroy_workqueue(o->wq);
	snapset_lanes_destroy(o);	/* the worker fills them */
	free_percpu(o->inflight);
	snapset_clones_destroy(&o->clones);
	snapset_jobs_destroy(&o->jobs);
	snapset_chain_destroy(&o->chain);
	kfree(o);
	snapset_gone(SNAPSET_OBJ_ORIGIN);
	snapset_text_put();
}

/*
 * The head of NVMe multipath accounts a write when a path's queue starts it, and not
 * while it waits there.
 */
static bool counts_late(const struct gendisk *disk)
{
	return !queue_is_mq(disk->queue) && str_has_prefix(disk->disk_name, "nvme");
}

struct snapset_origin *snapset_origin_attach(dev_t dev, const char *name,
					     struct netlink_ext_ack *extack)
{
	struct snapset_origin *o, *tracked;
	unsigned long begun;
	int err;

	mutex_lock(&origins_mutex);
	tracked = find_tracked(dev, name, extack);
	mutex_unlock(&origins_mutex);
	if (tracked)
		return tracked;
	o = snapset_may_fail(kzalloc(sizeof(*o), GFP_KERNEL));
	if (!o)
		return ERR_PTR(-ENOMEM);
	o->dev = dev;
	o->users = 1;
	spin_lock_init(&o->lock);
	bio_list_init(&o->parked);
	bio_list_init(&o->again);
	snapset_chain_init(&o->chain);
	snapset_rl_init(&o->rl);
	init_waitqueue_head(&o->idle);
	INIT_WORK(&o->work, snapset_origin_work);
	INIT_WORK(&o->free_work, free_origin);
	snapset_fault("open_origin");
	err = snapset_bdev_open(&o->bdev, dev, NULL);
	if (err) {
		snapset_say(extack, err, "%s (%u:%u) cannot be opened: error %d",
			    name, MAJOR(dev), MINOR(dev), err);
		goto free;
	}
	o->disk = o->bdev.bdev->bd_disk;
	o->range.start = get_start_sect(o->bdev.bdev);
	o->range.end = o->range.start + bdev_nr_sectors(o->bdev.bdev);
	o->medium = snapset_disk_medium(o->disk);
	err = check_kind(o, name, extack);
	if (err)
		goto close;
	err = snapset_jobs_init(&o->jobs);
	if (err)
		goto close;
	err = snapset_clones_init(&o->clones);
	if (err)
		goto destroy_jobs;
	err = -ENOMEM;
	o->inflight = snapset_may_fail(alloc_percpu(unsigned long));
	if (!o->inflight)
		goto exit_clones;
	o->wq = snapset_may_fail(alloc_workqueue("snapset-%u:%u",
						 WQ_MEM_RECLAIM | WQ_UNBOUND | WQ_HIGHPRI,
						 1, MAJOR(dev), MINOR(dev)));
	if (!o->wq)
		goto free_count;
	err = snapset_lanes_init(o);
	if (err)
		goto destroy_wq;
	begun = jiffies;
	err = snapset_hook_get(dev, extack);
	if (err)
		goto destroy_lanes;
	if (!snapset_bypass_get()) {
		err = snapset_say(extack, -EOPNOTSUPP,
				  "writes that come by no bio could not be seen: blk_insert_cloned_request() cannot be looked at");
		goto put_bypass;
	}
	/* the read that was to be seen was accounted as in flight; no matter if another was */
	o->accounts = time_after_eq(snapset_disk_stamp(o->disk), begun) && !counts_late(o->disk);
	mutex_lock(&origins_mutex);
	/* somebody else may have been here meanwhile */
	tracked = find_tracked(dev, name, extack);
	err = PTR_ERR_OR_ZERO(tracked);
	if (!tracked)
		err = check_overlap(o, name, extack);
	if (!tracked && !err)
		hash_add_rcu(snapset_origins, &o->link, (unsigned long)o->disk);
	mutex_unlock(&origins_mutex);
	if (tracked || err)
		goto put_bypass;
	snapset_text_get();
	snapset_made(SNAPSET_OBJ_ORIGIN);
	return o;

put_bypass:
	snapset_bypass_put();
	snapset_hook_put();
destroy_lanes:
	snapset_lanes_destroy(o);
destroy_wq:
	destroy_workqueue(o->wq);
free_count:
	free_percpu(o->inflight);
exit_clones:
	snapset_clones_destroy(&o->clones);
destroy_jobs:
	snapset_jobs_destroy(&o->jobs);
close:
	snapset_bdev_close(&o->bdev);
free:
	kfree(o);
	return err ? ERR_PTR(err) : tracked;
}

void snapset_origin_detach(struct snapset_origin *origin)
{
	bool last;

	mutex_lock(&origins_mutex);
	last = !--origin->users;
	if (last)
		hash_del_rcu(&origin->link);
	mutex_unlock(&origins_mutex);
	if (!last)
		return;
	WARN_ON(origin->closed || rcu_access_pointer(origin->newest));
	synchronize_rcu_expedited();	/* somebody waits for DELETE */
	/* nobody parks or queues here any more; what is left goes on now */
	snapset_origin_kick(origin);
	flush_work(&origin->work);
	snapset_bdev_close(&origin->bdev);
	snapset_bypass_put();
	snapset_hook_put();
	WRITE_ONCE(origin->watch, true);
	queue_work(reaper, &origin->free_work);
}

int snapset_track_init(void)
{
	reaper = alloc_workqueue("snapset-reaper", WQ_UNBOUND, 0);
	return reaper ? 0 : -ENOMEM;
}

void snapset_track_exit(void)
{
	destroy_workqueue(reaper);
}
