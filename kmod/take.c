// SPDX-License-Identifier: GPL-2.0-only
/*
 * What SET_DO does: prepare - freeze - hold - commit - release - publish.
 *
 * Nothing is allocated between the first freeze and the last thaw. The hold's
 * timer, a cancel and the owner's death race with the commit on the set's state
 * word; who loses does nothing. The timer opens the gates itself, by flags, so
 * that the bound holds even if this worker does not get to run.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/timekeeping.h>
#include "bypass.h"
#include "chain.h"
#include "counters.h"
#include "fault.h"
#include "freeze.h"
#include "image.h"
#include "older.h"
#include "origin.h"
#include "set.h"

#ifdef SNAPSET_DEBUG
/*
 * Breaks the common instant on purpose, so that the test of it can be shown to
 * notice: members are closed, committed and opened one by one, so far apart.
 */
static unsigned int debug_skew_ms;
module_param(debug_skew_ms, uint, 0600);
MODULE_PARM_DESC(debug_skew_ms, "break the common instant: ms between members");
#else
#define debug_skew_ms 0
#endif

#define PREPARE_MAX_S	3600u
#define DEBT_WAIT_MS	1000

static unsigned int prepare_timeout_s = 60;
module_param(prepare_timeout_s, uint, 0644);
MODULE_PARM_DESC(prepare_timeout_s,
		 "a set whose volumes are not ready to be frozen after so many seconds is given up (60)");

static void gate_open(struct snapset_snap *snap)
{
	snapset_origin_open(snap->origin);
}

void snapset_take_open_gates(struct snapset_set *set)
{
	struct snapset_snap *snap;

	list_for_each_entry(snap, &set->snaps, link)
		gate_open(snap);
}

/* A member whose writes are still in flight, if there is one. While it holds. */
static const char *undrained(struct snapset_set *set)
{
	struct snapset_snap *snap;

	list_for_each_entry(snap, &set->snaps, link)	/* fixed while a take runs */
		if (!READ_ONCE(snap->drained))
			return snap->name;
	return NULL;
}

static enum hrtimer_restart hold_expired(struct hrtimer *timer)
{
	struct snapset_set *set = container_of(timer, struct snapset_set, timer);

	snapset_set_abort(set, SNAPSET_E_HOLD_WRITES_TIMEOUT, undrained(set), -ETIMEDOUT,
			  "the writes could not be held in time");
	/* also if somebody else has aborted, and the worker has not yet come to it */
	if (snapset_set_is(set, SNAPSET_STATE_ABORTING)) {
		snapset_take_open_gates(set);
		set->opened = ktime_get();
	}
	return HRTIMER_NORESTART;
}

static bool prepare_member(struct snapset_set *set, struct snapset_snap *snap)
{
	struct snapset_origin *o = snap->origin;
	int err;

	if (snapset_origin_sectors_now(o) != o->range.end - o->range.start) {
		snapset_set_abort(set, SNAPSET_E_PROVIDER_VETO, snap->name, 0,
				  "%s has been resized since it was added", snap->name);
		return false;
	}
	err = snapset_fault("prepare") ?: snapset_snap_prepare(snap);
	if (err) {
		snapset_set_abort(set, err == -ENOMEM ? SNAPSET_E_OUTOFMEMORY :
				  SNAPSET_E_UNEXPECTED, snap->name, err,
				  "%s: nothing could be reserved: error %d",
				  snap->name, err);
		return false;
	}
	err = snapset_freezer_add_bdev(set->freezer, snap->dev, snap->noflush, snap->name);
	if (err) {
		snapset_set_abort(set, err == -ENOMEM ? SNAPSET_E_OUTOFMEMORY :
				  SNAPSET_E_PROVIDER_VETO, snap->name, err,
				  "%s cannot be opened any more: error %d",
				  snap->name, err);
		return false;
	}
	/*
	 * Not passing a discard down is right for a file system and for an unused
	 * device. A leg of an md raid must do what it says, for parity's sake.
	 */
	if (snapset_freezer_covers(set->freezer, o->bdev.bdev))
		snap->cow->absorb_for = o->bdev.bdev->bd_holder;
	return snapset_set_is(set, SNAPSET_STATE_PREPARING);
}

/* What an earlier take has given up usually comes back at once, if it is not stuck. */
static bool nothing_owed(struct snapset_set *set)
{
	ktime_t until = ktime_add_ms(ktime_get(), DEBT_WAIT_MS);
	char name[64];

	while (snapset_freezer_owed(set->freezer, name, sizeof(name))) {
		if (!snapset_set_is(set, SNAPSET_STATE_PREPARING))
			return false;
		if (ktime_after(ktime_get(), until)) {
			snapset_set_abort(set, SNAPSET_E_PROVIDER_VETO, name, -EBUSY,
					  "%s has not come back from an earlier take that gave it up",
					  name);
			return false;
		}
		snapset_freeze_wait_debt(50);
	}
	return true;
}

/* Before the freeze, so that the freeze finds little to write; errors show there. */
static void sync_all(struct snapset_set *set)
{
	struct snapset_freezer *f = set->freezer;
	s64 left = ktime_ms_delta(set->deadline, ktime_get());
	const char *late;

	snapset_freezer_begin(f, SNAPSET_FREEZE_SYNC);
	if (!wait_event_timeout(set->wq, snapset_freezer_done(f) ||
				!snapset_set_is(set, SNAPSET_STATE_PREPARING),
				msecs_to_jiffies(max(left, 1LL)))) {
		late = snapset_freezer_late(f);
		snapset_set_abort(set, SNAPSET_E_FLUSH_WRITES_TIMEOUT, late, -ETIMEDOUT,
				  "%s was not synced: the preparation took longer than %u s",
				  late ?: "a volume", set->prepare_s);
	}
}

static bool prepare(struct snapset_set *set)
{
	struct snapset_store_totals t;
	struct snapset_snap *snap;

	set->phase = SNAPSET_PHASE_PREPARE;
	set->prepare_s = clamp(READ_ONCE(prepare_timeout_s), 1u, PREPARE_MAX_S);
	set->deadline = ktime_add_ms(ktime_get(), set->prepare_s * MSEC_PER_SEC);
	snapset_store_count(set->store, &t);
	/* with another policy room is made when it is needed */
	if (set->params.full != SNAPSET_FULL_SET)
		t.used = 0;
	if (t.size < t.used + set->members) {
		snapset_set_abort(set, SNAPSET_E_INSUFFICIENT_STORAGE, NULL, -ENOSPC,
				  "the store has room for %llu KiB: less than one block of each of %u volumes",
				  (t.size - min(t.size, t.used)) << (SNAPSET_GRANULE_SHIFT - 10),
				  set->members);
		return false;
	}
	snapset_budget_divide(&set->budget, set->members);
	list_for_each_entry(snap, &set->snaps, link)
		if (!prepare_member(set, snap))
			return false;
	if (!nothing_owed(set) || !snapset_older_drain(set))
		return false;
	sync_all(set);
	return snapset_state_step(&set->state, SNAPSET_STATE_PREPARING,
				  SNAPSET_STATE_FREEZING);
}

static void not_frozen(struct snapset_set *set, const char *name, int err)
{
	s32 code = SNAPSET_E_PROVIDER_VETO;
	const char *what;

	switch (err) {
	case -EBUSY:
		what = "is frozen by somebody else";
		break;
	case -EAGAIN:
		what = "was thawed by somebody else during the take";
		break;
	default:
		code = SNAPSET_E_UNEXPECTED_PROVIDER_ERROR;
		what = "could not be frozen";
	}
	snapset_set_abort(set, code, name, err, "%s %s: error %d", name, what, err);
}

static bool freeze(struct snapset_set *set)
{
	struct snapset_freezer *f = set->freezer;
	const char *name = NULL;
	long left;
	int err;

	set->phase = SNAPSET_PHASE_FREEZE;
	set->deadline = ktime_add_ms(ktime_get(), set->params.freeze_ms);
	snapset_set_tell(set);
	snapset_freezer_begin(f, SNAPSET_FREEZE_FREEZE);
	left = wait_event_timeout(set->wq, snapset_freezer_done(f) ||
				  !snapset_set_is(set, SNAPSET_STATE_FREEZING),
				  msecs_to_jiffies(set->params.freeze_ms));
	if (!left) {
		name = snapset_freezer_late(f);
		snapset_set_abort(set, SNAPSET_E_FLUSH_WRITES_TIMEOUT, name, -ETIMEDOUT,
				  "%s was not frozen within %u ms", name ?: "a file system",
				  set->params.freeze_ms);
	}
	if (!snapset_set_is(set, SNAPSET_STATE_FREEZING))
		return false;
	err = snapset_freezer_error(f, &name);
	if (err) {
		not_frozen(set, name, err);
		return false;
	}
	if (!snapset_older_drain_frozen(set))
		return false;
	return snapset_state_step(&set->state, SNAPSET_STATE_FREEZING,
				  SNAPSET_STATE_HOLDING);
}

/* Notes who has drained; true when all have. */
static bool drained(struct snapset_set *set)
{
	struct snapset_snap *snap;
	bool all = true;

	list_for_each_entry(snap, &set->snaps, link) {
		if (snap->drained)
			continue;
		if (snapset_origin_inflight(snap->origin) ||
		    snapset_older_inflight(snap->origin))
			all = false;
		else
			snap->drained = ktime_get();
	}
	return all;
}

/* At the deadline: who was it? */
static void name_the_busy(struct snapset_set *set)
{
	const char *late = snapset_freezer_late(set->freezer);
	struct snapset_snap *snap;
	unsigned long flags;

	if (late) {
		spin_lock_irqsave(&set->lock, flags);
		if (set->code == (s32)SNAPSET_E_HOLD_WRITES_TIMEOUT) {
			scnprintf(set->text, sizeof(set->text),
				  "%s has writes from before it was added that did not complete within %u ms",
				  late, set->params.hold_ms);
			strscpy(set->blamed, late, sizeof(set->blamed));
		}
		spin_unlock_irqrestore(&set->lock, flags);
		return;
	}
	list_for_each_entry(snap, &set->snaps, link) {
		if (snap->drained)
			continue;
		spin_lock_irqsave(&set->lock, flags);
		if (set->code == (s32)SNAPSET_E_HOLD_WRITES_TIMEOUT) {
			scnprintf(set->text, sizeof(set->text),
				  "%s still had %lu writes in flight after %u ms: a suspended or stuck device below it, io.max, or a polled ring that nobody reaps",
				  snap->name, snapset_origin_inflight(snap->origin) ?:
				  snapset_disk_writes_inflight(snap->origin->disk),
				  set->params.hold_ms);
			strscpy(set->blamed, snap->name, sizeof(set->blamed));
		}
		spin_unlock_irqrestore(&set->lock, flags);
		return;
	}
}

static bool wait_drained(struct snapset_set *set)
{
	/* by bio-based drivers nobody is woken: look again every tick */
	while (!drained(set)) {
		if (!snapset_set_is(set, SNAPSET_STATE_HOLDING))
			return false;
		wait_event_timeout(set->wq, drained(set) ||
				   !snapset_set_is(set, SNAPSET_STATE_HOLDING), 1);
	}
	return true;
}

/* False: it has died before. */
static bool commit_member(struct snapset_snap *snap)
{
	/* no write passes the gate now; one that does later sees this first */
	return snapset_chain_join(snap->cow) && !snapset_bypassed(snap->origin);
}

/* Before 6.6 root can thaw what we froze; then the image would need a repair. */
static void check_frozen(struct snapset_set *set)
{
	const char *name = snapset_freezer_thawed(set->freezer);

	if (name)
		snapset_set_abort(set, SNAPSET_E_PROVIDER_VETO, name, 0,
				  "%s was thawed by somebody else during the take", name);
}

/* A member that is not there any more, or not whole, would be lost from the start. */
static void check_there(struct snapset_set *set)
{
	struct snapset_snap *snap;
	const char *lost;

	list_for_each_entry(snap, &set->snaps, link) {
		lost = snapset_origin_lost(snap->origin);
		if (lost)
			snapset_set_abort(set, SNAPSET_E_PROVIDER_VETO, snap->name, 0,
					  "%s: %s", snap->name, lost);
	}
}

/* An engine can die before its set is made: its store stalls, and others use it, too. */
static void check_alive(struct snapset_set *set)
{
	struct snapset_snap *snap;

	list_for_each_entry(snap, &set->snaps, link)
		if (smp_load_acquire(&snap->cow->told))		/* pairs with kill_one() */
			snapset_set_abort(set, snap->cow->dead, snap->name, 0,
					  "%s: %s", snap->name, snap->cow->why);
}

static bool hold(struct snapset_set *set)
{
	struct snapset_snap *snap;
	ktime_t now = ktime_get(), first = now, closed, limit;
	bool committed = false, in_commit = false;
	u64 parked = 0;

	set->phase = SNAPSET_PHASE_HOLD;
	limit = ktime_add_ms(now, set->params.hold_ms);
	if (snapset_freezer_count(set->freezer) && ktime_before(set->deadline, limit))
		limit = set->deadline;	/* first frozen to last thawed has its bound, too */
	set->deadline = limit;
	list_for_each_entry(snap, &set->snaps, link) {
		WRITE_ONCE(snap->origin->drained, &set->wq);
		parked -= snap->origin->nr_parked;
	}
	hrtimer_start(&set->timer, limit, HRTIMER_MODE_ABS);
	snapset_fault("hold");
	list_for_each_entry(snap, &set->snaps, link) {
		snapset_origin_close(snap->origin);
		if (!snapset_set_is(set, SNAPSET_STATE_HOLDING)) {
			gate_open(snap);	/* the timer has opened the others */
			break;
		}
	}
	synchronize_rcu_expedited();
	closed = ktime_get();
	if (wait_drained(set) && snapset_older_ask(set)) {
		set->t_drain = ktime_to_ns(ktime_sub(ktime_get(), closed));
		set->created = ktime_get_real_ns();
		snapset_fault("commit");
		check_frozen(set);
		check_there(set);
		check_alive(set);
		/* from here on the timer has no say: nothing may come between */
		in_commit = true;
		preempt_disable();
		committed = snapset_state_step(&set->state, SNAPSET_STATE_HOLDING,
					       SNAPSET_STATE_COMMITTED);
	}
	if (committed)
		list_for_each_entry(snap, &set->snaps, link)
			if (!commit_member(snap))
				set->stillborn = snap;
	snapset_take_open_gates(set);
	if (in_commit)
		preempt_enable();
	now = ktime_get();
	hrtimer_cancel(&set->timer);
	if (set->opened)
		now = set->opened;	/* by the timer, before we came to it */
	set->t_hold = ktime_to_ns(ktime_sub(now, first));
	list_for_each_entry(snap, &set->snaps, link) {
		parked += snap->origin->nr_parked;
		snap->t_drain = snap->drained > closed ?
			ktime_to_ns(ktime_sub(snap->drained, closed)) : 0;
	}
	set->parked = parked;
	if (!committed)
		name_the_busy(set);
	return committed;
}

/* The broken build: see debug_skew_ms. */
static bool hold_skewed(struct snapset_set *set)
{
	struct snapset_snap *snap;

	if (!snapset_state_step(&set->state, SNAPSET_STATE_HOLDING,
				SNAPSET_STATE_COMMITTED))
		return false;
	list_for_each_entry(snap, &set->snaps, link) {
		snapset_origin_close(snap->origin);
		synchronize_rcu_expedited();
		while (snapset_origin_inflight(snap->origin))
			msleep(1);
		commit_member(snap);
		gate_open(snap);
		msleep(debug_skew_ms);
	}
	return true;
}

static void forget_waitqueue(struct snapset_set *set)
{
	struct snapset_snap *snap;

	list_for_each_entry(snap, &set->snaps, link) {
		snapset_origin_settle(snap->origin);
		WRITE_ONCE(snap->origin->drained, NULL);
	}
	synchronize_rcu_expedited();
}

/* Why the set fails although it has been committed. */
static void blame(struct snapset_set *set, s32 code, const char *who, int err, const char *why)
{
	spin_lock_irq(&set->lock);
	set->code = code;
	set->failed_phase = set->phase;
	set->err = err;
	strscpy(set->blamed, who, sizeof(set->blamed));
	strscpy(set->text, why, sizeof(set->text));
	spin_unlock_irq(&set->lock);
}

/* A member died just before the commit, or with it. */
static void tell_stillborn(struct snapset_set *set)
{
	struct snapset_snap *snap = set->stillborn;
	char why[sizeof(set->text)];

	scnprintf(why, sizeof(why), "%s: %s", snap->name, snap->cow->why);
	set->phase = SNAPSET_PHASE_HOLD;	/* the release is over, and was not its fault */
	blame(set, snap->cow->dead, snap->name, 0, why);
}

static bool publish(struct snapset_set *set)
{
	struct snapset_snap *snap;
	int err;

	set->phase = SNAPSET_PHASE_PUBLISH;
	list_for_each_entry(snap, &set->snaps, link) {
		err = snapset_fault("publish") ?: snapset_image_publish(snap->image);
		if (err) {
			pr_err("image of %s cannot be shown: error %d\n",
			       snap->name, err);
			blame(set, SNAPSET_E_UNEXPECTED, snap->name, err,
			      "an image could not be shown: see the kernel log");
			return false;
		}
	}
	list_for_each_entry(snap, &set->snaps, link)
		smp_store_release(&snap->published, true);	/* pairs with snap_fill() */
	return true;
}

static bool take(struct snapset_set *set)
{
	ktime_t t0 = ktime_get(), t1, t2;
	bool committed = false;

	if (!prepare(set))
		return false;
	t1 = ktime_get();
	set->t_prepare = ktime_to_ns(ktime_sub(t1, t0));
	if (freeze(set)) {
		t2 = ktime_get();
		set->t_freeze = ktime_to_ns(ktime_sub(t2, t1));
		committed = debug_skew_ms ? hold_skewed(set) : hold(set);
	}
	set->phase = SNAPSET_PHASE_RELEASE;
	snapset_fault("release");
	snapset_freezer_thaw(set->freezer);
	set->t_frozen = ktime_to_ns(ktime_sub(ktime_get(), t1));
	set->deadline = 0;
	forget_waitqueue(set);
	return committed;
}

/* tests/run looks for the longest hold of all tests. */
static void say_hold(const struct snapset_set *set)
{
#ifdef SNAPSET_DEBUG
	if (set->t_hold)
		pr_info("writes were held for %llu us of %u ms\n",
			div_u64(set->t_hold, NSEC_PER_USEC), set->params.hold_ms);
#endif
}

void snapset_take_work(struct work_struct *work)
{
	struct snapset_set *set = container_of(work, struct snapset_set, take);
	struct snapset_freezer *freezer;
	bool committed, shown;

	set->began = ktime_get();
	hrtimer_setup(&set->timer, hold_expired, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	committed = take(set);
	if (committed && set->stillborn)
		tell_stillborn(set);
	shown = committed && !set->stillborn && publish(set);
	set->t_total = ktime_to_ns(ktime_sub(ktime_get(), set->began));
	set->ended = ktime_get();
	set->phase = SNAPSET_PHASE_DONE;
	say_hold(set);
	snapset_stores_release(set->held);
	if (!committed)
		snapset_freezer_thaw(set->freezer);	/* abandons a sync that hangs */
	mutex_lock(&snapset_set_mutex);
	freezer = set->freezer;
	set->freezer = NULL;		/* nobody asks it whom it waits for any more */
	mutex_unlock(&snapset_set_mutex);
	snapset_freezer_free(freezer);
	if (shown) {
		spin_lock_irq(&set->lock);
		set->code = SNAPSET_S_ASYNC_FINISHED;
		spin_unlock_irq(&set->lock);
	}
	snapset_set_ended(set);
	snapset_set_put(set);
}
