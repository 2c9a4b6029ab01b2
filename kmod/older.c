// SPDX-License-Identifier: GPL-2.0-only
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/rcupdate_wait.h>
#include <linux/sched/mm.h>
#include "freeze.h"
#include "older.h"
#include "origin.h"
#include "set.h"

#define AT_ONCE	16	/* queues; lockdep notes each twice and has room for 48 */

/* The freeze of a file system waits for every write it ever sent. */
static bool covered(struct snapset_set *set, struct snapset_snap *snap)
{
	return snapset_freezer_covers(set->freezer, snap->origin->bdev.bdev);
}

static struct request_queue *queue_of(const struct snapset_snap *snap)
{
	return bdev_get_queue(snap->origin->bdev.bdev);
}

/* A member's queue is open again; true if nothing was left inside. */
static bool empty_in(struct snapset_snap *snap, long timeout)
{
	bool empty = blk_mq_freeze_queue_wait_timeout(queue_of(snap), timeout) > 0;

	if (empty) {
		snapset_mq_unfreeze(queue_of(snap));
		snap->emptying = false;
		snap->emptied = true;
	}
	return empty;
}

/* Closing it runs it, in this task, and its driver may sleep as long as it likes (nbd). */
static bool may_block(const struct snapset_snap *snap)
{
	struct request_queue *q = queue_of(snap);

	return queue_is_mq(q) && q->tag_set->flags & BLK_MQ_F_BLOCKING;
}

/*
 * Closes some queues that have not been empty nor been @tried, until they are. One that
 * may block is closed alone: nobody else is to wait for its driver. Adds one that was
 * late to @late; false: there were none left.
 */
static bool empty_some(struct snapset_set *set, unsigned int ms, struct snapset_snap **late)
{
	unsigned long until = jiffies + msecs_to_jiffies(ms);
	struct snapset_snap *snap, *busy;
	unsigned int n = 0;
	bool block;

	list_for_each_entry(snap, &set->snaps, link) {
		if (snap->origin->older_drained || snap->emptied || snap->tried)
			continue;
		block = may_block(snap);
		if (block && n)
			continue;
		snap->tried = true;
		blk_freeze_queue_start(queue_of(snap));
		snap->emptying = true;
		if (++n == AT_ONCE || block)
			break;
	}
	do {
		busy = NULL;
		/* a tick of rest in each round, not for each that is busy */
		list_for_each_entry(snap, &set->snaps, link)
			if (snap->emptying && !empty_in(snap, busy ? 0 : 1))
				busy = snap;
	} while (busy && time_before(jiffies, until));
	list_for_each_entry(snap, &set->snaps, link) {
		if (!snap->emptying)
			continue;
		snapset_mq_unfreeze(queue_of(snap));
		snap->emptying = false;
	}
	if (busy)
		*late = busy;
	return n;
}

/* Nobody wants the set any more, or it has taken too long. */
static bool give_up(struct snapset_set *set, ktime_t until)
{
	return !snapset_set_is(set, SNAPSET_STATE_PREPARING) || ktime_after(ktime_get(), until);
}

/*
 * All that have not been empty; NULL, or one that was not within @ms. Many that are late
 * add up: then it is not gone on with after @until.
 */
static struct snapset_snap *empty_queues(struct snapset_set *set, unsigned int ms,
					 ktime_t until)
{
	struct snapset_snap *snap, *late = NULL;

	list_for_each_entry(snap, &set->snaps, link)
		snap->tried = false;
	while (!(late && give_up(set, until)) && empty_some(set, ms, &late))
		;
	return late;
}

/*
 * Uncounted writes: see them out of the queue. With requests that is until they have
 * completed; of a driver with bios, until nobody is inside of it, asleep perhaps
 * before it has accounted for his write (md, in a resync). While we wait, everybody's
 * I/O to that disk waits at its entrance, so we do so for a moment first, and for
 * longer ones if that is not enough: a busy slow disk has more than a moment's work.
 * Many disks at once, for the moment is mostly a grace period's, which they share.
 */
static bool drain_queues(struct snapset_set *set)
{
	ktime_t until = ktime_add_ms(ktime_get(), set->params.hold_ms);
	unsigned int ms = 100, noio;
	struct snapset_snap *late;

	list_for_each_entry(late, &set->snaps, link)
		late->emptied = false;
	for (;;) {
		noio = memalloc_noio_save();
		late = empty_queues(set, ms, until);
		memalloc_noio_restore(noio);
		if (!late)
			return true;
		if (!snapset_set_is(set, SNAPSET_STATE_PREPARING))
			return false;
		if (ktime_after(ktime_get(), until)) {
			snapset_set_abort(set, SNAPSET_E_HOLD_WRITES_TIMEOUT,
					  "%s has writes that did not go on within %u ms: a stuck or suspended device, or a polled ring that nobody reaps",
					  late->name, set->params.hold_ms);
			return false;
		}
		msleep(50);
		ms = min(2 * ms, 2000U);
	}
}

/* Does somebody sleep at the entrance of a member's queue, before we close it? */
static bool waiting_outside(struct snapset_set *set)
{
	struct snapset_snap *snap;
	struct request_queue *q;

	list_for_each_entry(snap, &set->snaps, link) {
		q = queue_of(snap);
		/* who slept before the grace period is in the list since before it */
		if (!snap->origin->older_drained && waitqueue_active(&q->mq_freeze_wq))
			return true;
	}
	return false;
}

/*
 * A task may have passed the hook's place uncounted and not yet be known to the
 * device. After a grace period of tasks it has entered the queue, where the drain
 * sees it, or sleeps at its entrance; who slept there has entered after a second one.
 */
bool snapset_older_drain(struct snapset_set *set)
{
	bool raw = false, outside = true;
	struct snapset_snap *snap;
	int round;

	list_for_each_entry(snap, &set->snaps, link) {
		snap->origin->older_drained |= covered(set, snap);
		raw |= !snap->origin->older_drained;
	}
	for (round = 0; raw && outside && round < 2; round++) {
		synchronize_rcu_tasks();
		outside = waiting_outside(set);
		if (!drain_queues(set))
			return false;
	}
	list_for_each_entry(snap, &set->snaps, link)
		if (queue_is_mq(queue_of(snap)))
			snap->origin->older_drained = true;
	return true;
}

/*
 * The same of bio-based drivers, which only tell how many there are. Zero counts
 * when it has been seen twice, a tick apart: a flush that moves between CPUs can
 * hide a write from one scan.
 */
bool snapset_older_inflight(struct snapset_origin *o)
{
	if (o->older_drained)
		return false;
	if (snapset_disk_writes_inflight(o->disk)) {
		o->older_zero = 0;
		return true;
	}
	if (!o->older_zero)
		o->older_zero = jiffies ?: 1;
	o->older_drained = time_after(jiffies, o->older_zero + 1);
	return !o->older_drained;
}

/*
 * Device-mapper is asked last, when its own count says zero and the gates let
 * nothing new come: a suspend holds everybody as long as the slowest bio takes,
 * so it must only wait for what no count shows. Workers ask, who may hang instead
 * of us.
 */
bool snapset_older_ask(struct snapset_set *set)
{
	struct snapset_freezer *f = set->freezer;
	const char *name = NULL;
	int err;

	if (!snapset_set_is(set, SNAPSET_STATE_HOLDING))
		return false;	/* nobody wants it any more: stop no device for it */
	snapset_freezer_begin(f, SNAPSET_FREEZE_DRAIN);
	wait_event(set->wq, snapset_freezer_done(f) ||
		   !snapset_set_is(set, SNAPSET_STATE_HOLDING));
	if (!snapset_set_is(set, SNAPSET_STATE_HOLDING))
		return false;
	err = snapset_freezer_error(f, &name);
	if (err)
		snapset_set_abort(set, SNAPSET_E_UNEXPECTED_PROVIDER_ERROR,
				  "%s could not be asked for its older writes: error %d",
				  name, err);
	return !err;
}
