// SPDX-License-Identifier: GPL-2.0-only
/*
 * A write that finds no room waits as one does that finds no budget: its job lacks
 * something (job.c). Who lacks room says so before he tries once more, and who gives
 * some looks for those afterwards, so that nobody waits for what is there.
 *
 * How long each waits at most is a time of its set, which runs while there is no room. It
 * begins with the first that finds none; but one that had to wait before, when the room that
 * came was used up by others, or for an engine that was lost (job-wait.c), has less of it:
 * what is left, or a moment, in which those that are just deleted may give room.
 *
 * Who makes room deletes snapshots, in the end another set, and waits for that set's own
 * look to be over. It deletes older ones only, so nobody waits for himself; but to
 * lockdep all looks are one, which is why flags are waited for and not the work.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jiffies.h>
#include "control.h"
#include "event.h"
#include "fault.h"
#include "full.h"
#include "origin.h"
#include "set.h"

#define LOOK_AGAIN	(HZ / 10)	/* what is to be deleted may be busy */
#define TELL_AGAIN	HZ
#define MOMENT		(HZ / 4)
#define HOPE		HZ		/* for what a deletion gives back, which may hang */

static u32 wait_ms(const struct snapset_set *set)
{
	return set->params.full_wait_ms;
}

/*
 * It looks then, or sooner. Each run is counted: while one has begun, and is yet to say so,
 * the next may be sent.
 */
static void send(struct snapset_fullness *f, unsigned long delay)
{
	lockdep_assert_held(&f->lock);
	if (!mod_delayed_work(snapset_full_wq, &f->work, delay))
		f->sent++;
}

bool snapset_full_ask(struct snapset_set *set, struct snapset_cow *cow)
{
	struct snapset_fullness *f = &set->full;
	unsigned long flags;

	/* what others of the store have lost is worth waiting for, whatever this set wants */
	if (set->params.full == SNAPSET_FULL_SET && !atomic_read(&set->store->leaving)) {
		snapset_set_give_up(set, SNAPSET_E_INSUFFICIENT_STORAGE, "the store is full");
		return false;
	}
	WRITE_ONCE(cow->roomless, true);
	spin_lock_irqsave(&f->lock, flags);
	if (!f->waiting && !f->going) {
		f->waiting = true;
		f->waits++;
		f->began = jiffies;
		f->until = f->began + msecs_to_jiffies(wait_ms(set));
		f->hope = f->began + HOPE;
		send(f, 0);
	}
	spin_unlock_irqrestore(&f->lock, flags);
	return true;
}

static unsigned long clock_now(struct snapset_fullness *f)
{
	lockdep_assert_held(&f->lock);
	return f->spent + (f->waiting ? jiffies - f->began : 0);
}

unsigned long snapset_full_clock(struct snapset_set *set, unsigned long waited)
{
	unsigned long flags, clock;

	spin_lock_irqsave(&set->full.lock, flags);
	clock = clock_now(&set->full);
	spin_unlock_irqrestore(&set->full.lock, flags);
	return clock - min(waited, msecs_to_jiffies(wait_ms(set)));
}

void snapset_full_lacks(struct snapset_set *set, unsigned long since)
{
	struct snapset_fullness *f = &set->full;
	long wait = msecs_to_jiffies(wait_ms(set)), moment = min_t(long, wait, MOMENT);
	unsigned long flags, until;
	long before, left;

	spin_lock_irqsave(&f->lock, flags);
	before = max((long)(f->spent - since), 0L);
	left = max(wait - before, min(moment, wait + moment - before));
	until = f->began + max(left, 0L);
	if (f->waiting && !f->going && time_before(until, f->until)) {
		f->until = until;
		send(f, max((long)(until - jiffies), 0L));
	}
	spin_unlock_irqrestore(&f->lock, flags);
}

void snapset_full_over(struct snapset_set *set)
{
	struct snapset_fullness *f = &set->full;
	struct snapset_cow *cow;
	unsigned long flags;

	spin_lock_irqsave(&f->lock, flags);
	f->spent = clock_now(f);
	f->waiting = false;
	spin_unlock_irqrestore(&f->lock, flags);
	spin_lock_irqsave(&set->budget.lock, flags);
	list_for_each_entry(cow, &set->budget.engines, in_budget) {
		if (!READ_ONCE(cow->roomless))
			continue;
		WRITE_ONCE(cow->roomless, false);
		snapset_origin_kick(cow->origin);
	}
	spin_unlock_irqrestore(&set->budget.lock, flags);
}

static void tell(struct snapset_set *set, const snapset_id *victim, const char *text)
{
	struct snapset_event_arg event = {
		.event = SNAPSET_EVENT_STORE_FULL,
		.set_id = &set->id,
		.snap_id = victim,
		.state = -1,
		.store = set->store,
		.text = text,
	};

	pr_warn("%s\n", text);
	snapset_event_send(&event);
}

/*
 * The oldest snapshot of @snap's origin, if one that is older than @snap uses its store:
 * what lies elsewhere makes no room here.
 */
static bool find_oldest(struct snapset_snap *snap, snapset_id *id)
{
	struct snapset_origin *o = snap->origin;
	struct snapset_cow *cow, *oldest = NULL;
	bool uses = false;

	spin_lock_irq(&o->lock);
	list_for_each_entry(cow, &o->chain.cows, link) {
		if (cow == snap->cow || snapset_cow_dead(snap->cow))
			break;
		if (!oldest)
			oldest = cow;
		uses |= cow->store == snap->cow->store;
	}
	if (uses)	/* in the chain, so its owner is there */
		*id = ((struct snapset_snap *)oldest->owner)->id;
	spin_unlock_irq(&o->lock);
	return uses;
}

/*
 * A member that lacks room and has something older to give up. *lacks: there is one that
 * lacks room, which has perhaps come since the caller was sent.
 */
static bool find_victim(struct snapset_set *set, snapset_id *id, char *name, size_t size,
			bool *lacks)
{
	struct snapset_snap *snap;
	bool found = false;

	*lacks = false;
	mutex_lock(&snapset_set_mutex);
	list_for_each_entry(snap, &set->snaps, link) {
		if (!READ_ONCE(snap->cow->roomless))
			continue;
		*lacks = true;
		if (!find_oldest(snap, id))
			continue;
		strscpy(name, snap->name, size);
		found = true;
		break;
	}
	mutex_unlock(&snapset_set_mutex);
	return found;
}

/* False: somebody waits, and there is nothing more to delete. */
static bool drop_oldest(struct snapset_set *set)
{
	struct snapset_store_totals t;
	char name[64], text[160];
	snapset_id id;
	bool lacks;
	u32 n;

	snapset_store_count(set->store, &t);
	/* there is room, or will be, and who waits will be told */
	if (t.used < t.size ||
	    (atomic_read(&set->store->leaving) && time_before(jiffies, set->full.hope)))
		return true;
	if (!find_victim(set, &id, name, sizeof(name), &lacks))
		return !lacks;
	/* already being deleted, or just being made: then it is looked at again */
	if (snapset_delete_snap(&id, true, &n, NULL))
		return true;
	spin_lock_irq(&set->full.lock);
	set->full.dropped++;
	set->full.hope = jiffies + HOPE;
	spin_unlock_irq(&set->full.lock);
	scnprintf(text, sizeof(text),
		  "the store is full: the oldest snapshot of %s was deleted to have room", name);
	tell(set, &id, text);
	return true;
}

static bool still_waiting(struct snapset_set *set, unsigned long *left)
{
	bool waiting;

	spin_lock_irq(&set->full.lock);
	waiting = set->full.waiting;
	*left = time_before(jiffies, set->full.until) ? set->full.until - jiffies : 0;
	spin_unlock_irq(&set->full.lock);
	return waiting;
}

static bool is_lost(struct snapset_set *set)
{
	struct snapset_cow *cow;
	bool lives = false;

	spin_lock_irq(&set->budget.lock);
	list_for_each_entry(cow, &set->budget.engines, in_budget)
		lives |= !snapset_cow_dead(cow);
	spin_unlock_irq(&set->budget.lock);
	return !lives;
}

/* The next look, unless the set goes. */
static void look_again(struct snapset_set *set, unsigned long delay)
{
	spin_lock_irq(&set->full.lock);
	/* it may have been sent meanwhile, for sooner */
	if (!set->full.going && queue_delayed_work(snapset_full_wq, &set->full.work, delay))
		set->full.sent++;
	spin_unlock_irq(&set->full.lock);
}

static void look_once(struct snapset_set *set)
{
	bool oldest = set->params.full == SNAPSET_FULL_OLDEST;
	bool in_vain = false;
	unsigned long left;
	char text[80];

	if (!still_waiting(set, &left) || is_lost(set))
		return;
	if (left && oldest) {
		in_vain = !drop_oldest(set);
	} else if (left && (!set->full.told ||
			    time_after(jiffies, set->full.told + TELL_AGAIN))) {
		set->full.told = jiffies ?: 1;
		scnprintf(text, sizeof(text),
			  "the store is full: writers wait for room, %u ms at most", wait_ms(set));
		tell(set, NULL, text);
	}
	if (left && !in_vain) {
		snapset_fault("full-wait");
		look_again(set, oldest ? min_t(unsigned long, left, LOOK_AGAIN) : left);
		return;
	}
	/* there may have been room meanwhile; who has found none since has sent us again */
	if (!still_waiting(set, &left) || (left && !in_vain))
		return;
	if (oldest)
		snapset_set_give_up(set, SNAPSET_E_INSUFFICIENT_STORAGE,
				    "the store is full, and no older snapshot can make room");
	else
		snapset_set_give_up(set, SNAPSET_E_INSUFFICIENT_STORAGE,
				    "the store was full and was not extended within %u ms",
				    wait_ms(set));
}

static void look(struct work_struct *work)
{
	struct snapset_set *set = container_of(to_delayed_work(work), struct snapset_set,
					       full.work);

	spin_lock_irq(&set->full.lock);
	set->full.sent--;
	set->full.looking = true;
	spin_unlock_irq(&set->full.lock);
	look_once(set);
	spin_lock_irq(&set->full.lock);
	set->full.looking = false;
	wake_up(&set->wq);
	spin_unlock_irq(&set->full.lock);	/* and then it may be gone */
}

static bool is_over(struct snapset_set *set)
{
	bool over;

	spin_lock_irq(&set->full.lock);
	over = !set->full.sent && !set->full.looking;
	spin_unlock_irq(&set->full.lock);
	return over;
}

void snapset_full_init(struct snapset_set *set)
{
	spin_lock_init(&set->full.lock);
	INIT_DELAYED_WORK(&set->full.work, look);
}

void snapset_full_exit(struct snapset_set *set)
{
	spin_lock_irq(&set->full.lock);
	set->full.going = true;
	if (cancel_delayed_work(&set->full.work))
		set->full.sent--;
	spin_unlock_irq(&set->full.lock);
	wait_event(set->wq, is_over(set));
}
