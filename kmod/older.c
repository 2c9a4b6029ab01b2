// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/rcupdate_wait.h>
#include <linux/sched/mm.h>
#include "dm.h"
#include "freeze.h"
#include "older.h"
#include "origin.h"
#include "passing.h"
#include "set.h"

#define AT_ONCE		16	/* queues; lockdep notes each twice and has room for 48 */
#define FROZEN_MS	2000	/* what a task is waited for if only frozen members are there */

/*
 * A file system that is frozen has seen out every write that it sent itself. But others
 * send some to its device by its files: loop with direct I/O before 6.12, nvmet, swap. So
 * its members are drained as well; after the freeze, when the queue is nearly empty.
 */
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
static bool empty_some(struct snapset_set *set, enum snapset_state state, unsigned int ms,
		       struct snapset_snap **late)
{
	bool frozen = state == SNAPSET_STATE_FREEZING;
	unsigned long until = jiffies + msecs_to_jiffies(ms);
	struct snapset_snap *snap, *busy;
	unsigned int n = 0;
	bool block;

	list_for_each_entry(snap, &set->snaps, link) {
		if (snap->emptied || snap->tried || covered(set, snap) != frozen)
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
	} while (busy && time_before(jiffies, until) && snapset_set_is(set, state));
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

/* The set is not wanted any more, or it has taken too long. */
static bool give_up(struct snapset_set *set, enum snapset_state state, ktime_t until)
{
	return !snapset_set_is(set, state) || ktime_after(ktime_get(), until);
}

/*
 * All that have not been empty; NULL, or one that was not within @ms. Many that are late
 * add up: then it is not gone on with after @until.
 */
static struct snapset_snap *empty_queues(struct snapset_set *set, enum snapset_state state,
					 unsigned int ms, ktime_t until)
{
	struct snapset_snap *snap, *late = NULL;

	list_for_each_entry(snap, &set->snaps, link)
		snap->tried = false;
	while (!(late && give_up(set, state, until)) && empty_some(set, state, ms, &late))
		;
	return late;
}

/*
 * Uncounted writes: see them out of the queue. With requests that is until they have
 * completed; of a driver with bios, until none is inside of it, asleep perhaps
 * before it has accounted for its write (md, in a resync). While we wait, all other
 * I/O to that disk waits at its entrance, so we do so for a moment first, and for
 * longer ones if that is not enough: a busy slow disk has more than a moment's work.
 * Many disks at once, for the moment is mostly a grace period's, which they share.
 * Returns one that was not empty until @until; NULL: all were, or the set is lost.
 */
static struct snapset_snap *drain_queues(struct snapset_set *set, enum snapset_state state,
					 ktime_t until)
{
	struct snapset_snap *late;
	unsigned int ms = 100, noio;

	for (;;) {
		noio = memalloc_noio_save();
		late = empty_queues(set, state, ms, until);
		memalloc_noio_restore(noio);
		if (!late || !snapset_set_is(set, state))
			return NULL;
		if (ktime_after(ktime_get(), until))
			return late;
		msleep(50);
		ms = min(2 * ms, 2000U);
	}
}

/*
 * Every write that has passed the hook uncounted is seen into its device: passing.c. Names
 * @task, if there was one left at @until; then false.
 */
static bool tasks_have_passed(struct snapset_set *set, ktime_t until, char *task, size_t size)
{
	bool all;

	*task = 0;
	if (snapset_passing_begin()) {
		snapset_set_abort(set, SNAPSET_E_OUTOFMEMORY, NULL, -ENOMEM,
				  "no memory to look for older writes");
		return false;
	}
	for (;;) {
		all = !snapset_passing_left(task, size);
		if (all || give_up(set, SNAPSET_STATE_PREPARING, until))
			break;
		wait_event_timeout(set->wq, !snapset_set_is(set, SNAPSET_STATE_PREPARING), 1);
	}
	snapset_passing_end();
	return all;
}

/* A driver with bios must say what it has: device-mapper is asked, others account. */
static bool can_be_proved(const struct snapset_snap *snap)
{
	struct request_queue *q = queue_of(snap);

	return queue_is_mq(q) || snapset_dm_is(snap->origin->disk) ||
	       (snap->origin->accounts && blk_queue_io_stat(q));
}

bool snapset_older_drain(struct snapset_set *set)
{
	struct snapset_snap *snap, *raw = NULL, *late;
	ktime_t until = set->deadline;
	char task[TASK_COMM_LEN + 16];

	list_for_each_entry(snap, &set->snaps, link) {
		snap->emptied = false;
		if (covered(set, snap))
			continue;
		raw = raw ?: snap;
		if (can_be_proved(snap))
			continue;
		snapset_set_abort(set, SNAPSET_E_PROVIDER_VETO, snap->name, 0,
				  "%s: its driver does not tell which writes it has in flight%s, so without a mounted file system to freeze it cannot be snapshotted",
				  snap->name, blk_queue_io_stat(queue_of(snap)) ? "" :
				  " (queue/iostats is 0)");
		return false;
	}
	/* from here on each write that passes the hook is counted: snapset_origin_count() */
	synchronize_rcu_expedited();
	if (!raw)
		until = ktime_add_ms(ktime_get(), FROZEN_MS);
	if (!tasks_have_passed(set, until, task, sizeof(task))) {
		if (!snapset_set_is(set, SNAPSET_STATE_PREPARING))
			return false;
		if (raw) {
			snapset_set_abort(set, SNAPSET_E_FLUSH_WRITES_TIMEOUT, raw->name,
					  -ETIMEDOUT,
					  "%s began a write before %s was added, or to another device, that has not been taken by the device within %u s",
					  task, raw->name, set->prepare_s);
			return false;
		}
		pr_notice("%s has been submitting a write since before the take: if that is to one of its volumes and by none of the frozen file systems, it may be missed\n",
			  task);
	}
	late = drain_queues(set, SNAPSET_STATE_PREPARING, until);
	if (late)
		snapset_set_abort(set, SNAPSET_E_FLUSH_WRITES_TIMEOUT, late->name, -ETIMEDOUT,
				  "%s has writes that did not go on within %u s: a stuck or suspended device, or a polled ring that is not reaped",
				  late->name, set->prepare_s);
	return snapset_set_is(set, SNAPSET_STATE_PREPARING);
}

bool snapset_older_drain_frozen(struct snapset_set *set)
{
	struct snapset_snap *late, *snap;

	late = drain_queues(set, SNAPSET_STATE_FREEZING, set->deadline);
	if (late)
		snapset_set_abort(set, SNAPSET_E_FLUSH_WRITES_TIMEOUT, late->name, -ETIMEDOUT,
				  "%s has writes that did not complete within %u ms although its file system is frozen: of a loop device, swap or a target on one of its files",
				  late->name, set->params.freeze_ms);
	list_for_each_entry(snap, &set->snaps, link)
		if (queue_is_mq(queue_of(snap)))
			snap->origin->older_drained = true;
	return snapset_set_is(set, SNAPSET_STATE_FREEZING);
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
		snapset_set_abort(set, SNAPSET_E_UNEXPECTED_PROVIDER_ERROR, name, err,
				  "%s could not be asked for its older writes: error %d",
				  name, err);
	return !err;
}
