// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/rcupdate_wait.h>
#include <linux/slab.h>
#include "above.h"
#include "chain.h"
#include "copy.h"
#include "cow.h"
#include "fault.h"
#include "origin.h"
#include "set.h"

struct workqueue_struct *snapset_tell_wq;

void snapset_budget_init(struct snapset_budget *budget, u64 limit, u64 index_limit)
{
	budget->limit = limit;
	budget->shared = limit;
	budget->index_limit = index_limit;
	atomic64_set(&budget->index, 0);
	atomic64_set(&budget->used, 0);
	atomic_set(&budget->starving, 0);
	spin_lock_init(&budget->lock);
	INIT_LIST_HEAD(&budget->engines);
}

void snapset_budget_divide(struct snapset_budget *budget, unsigned int engines)
{
	u64 share = budget->limit / 2 / engines / SNAPSET_GRANULE_SIZE;

	budget->share = clamp_t(u64, share, 1, SNAPSET_COPY_SMALL);
	budget->shared = budget->limit -
		((u64)budget->share * engines << SNAPSET_GRANULE_SHIFT);
}

void snapset_cow_get(struct snapset_cow *cow)
{
	atomic_inc(&cow->busy);
}

/* It is dead: what it kept goes as soon as nobody is at work on it. Any context. */
static void drop_when_idle(struct snapset_cow *cow)
{
	if (!READ_ONCE(cow->dropped) && !atomic_read(&cow->busy))
		queue_work(snapset_set_wq, &cow->drop_work);
}

void snapset_cow_put(struct snapset_cow *cow)
{
	/* a full barrier: who kills looks at busy after dead was set, we the other way round */
	if (!atomic_dec_and_test(&cow->busy))
		return;
	wake_up(&cow->idle);
	if (READ_ONCE(cow->dead))
		drop_when_idle(cow);
}

void snapset_cow_wait_idle(struct snapset_cow *cow)
{
	wait_event(cow->idle, !atomic_read(&cow->busy));
}

static void tell_death(struct work_struct *work)
{
	struct snapset_cow *cow = container_of(work, struct snapset_cow, died_work);

	pr_warn("snapshot of %s is lost: %s\n", cow->name, cow->why);
	cow->ops->died(cow);
	drop_when_idle(cow);
}

/*
 * Nobody can read any more what a dead one has kept, so others get the room; its image
 * stays, and answers EIO. One that is not in the chain yet is still being filled by a take.
 */
static void drop(struct work_struct *work)
{
	struct snapset_cow *cow = container_of(work, struct snapset_cow, drop_work);
	bool linked;

	spin_lock_irq(&cow->origin->lock);
	linked = cow->linked;
	spin_unlock_irq(&cow->origin->lock);
	if (!linked)
		return;
	snapset_fault("retire");
	snapset_cow_retire(cow);
	snapset_chain_leave(cow);
	WRITE_ONCE(cow->dropped, true);
}

static void leaves(struct snapset_cow *cow)
{
	lockdep_assert_held(&cow->origin->lock);
	if (!cow->linked || cow->leaving)
		return;
	cow->leaving = true;
	snapset_store_leaving(cow->store, true);
}

void snapset_cow_leaves(struct snapset_cow *cow)
{
	unsigned long flags;

	spin_lock_irqsave(&cow->origin->lock, flags);
	leaves(cow);
	spin_unlock_irqrestore(&cow->origin->lock, flags);
}

static void kill_one(struct snapset_cow *cow, s32 code, const char *newer,
		     const char *why)
{
	/*
	 * Full barrier, dead is seen before the first write that passes uncopied:
	 * pairs with the one before snapset_cow_dead() when a read has its data.
	 */
	if (cmpxchg(&cow->dead, 0, code) != 0)
		return;
	scnprintf(cow->why, sizeof(cow->why), "%s%s", newer, why);
	smp_store_release(&cow->told, true);	/* after why; pairs with snap_fill() */
	leaves(cow);
	if (!cow->retired)
		queue_work(snapset_tell_wq, &cow->died_work);
}

/* @in: which of the chain is lost with it. The newest last: with its death writes pass. */
static void kill_chain(struct snapset_cow *cow, struct snapset_cow *in, s32 code,
		       const char *why)
{
	struct snapset_origin *o = cow->origin;
	struct snapset_cow *older;

	lockdep_assert_held(&o->lock);
	if (in->linked) {
		list_for_each_entry(older, &o->chain.cows, link) {
			if (older == cow)
				break;
			kill_one(older, code, "a newer one is lost: ", why);
			if (older == in)
				break;
		}
	}
	kill_one(cow, code, "", why);
	WRITE_ONCE(o->jobs.done_news, true);	/* after dead: the cmpxchg() */
}

void snapset_cow_kill(struct snapset_cow *cow, s32 code, const char *fmt, ...)
{
	struct snapset_origin *o = cow->origin;
	unsigned long flags;
	char why[120];
	va_list args;

	if (snapset_cow_dead(cow))
		return;
	va_start(args, fmt);
	vscnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	spin_lock_irqsave(&o->lock, flags);
	kill_chain(cow, cow, code, why);
	spin_unlock_irqrestore(&o->lock, flags);
	snapset_origin_kick(o);
}

void snapset_cow_kill_newest(struct snapset_origin *o, s32 code, const char *fmt, ...)
{
	struct snapset_cow *newest;
	unsigned long flags;
	char why[120];
	va_list args;

	va_start(args, fmt);
	vscnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	spin_lock_irqsave(&o->lock, flags);
	newest = rcu_dereference_protected(o->newest, lockdep_is_held(&o->lock));
	if (newest)
		kill_chain(newest, newest, code, why);
	spin_unlock_irqrestore(&o->lock, flags);
	if (newest)
		snapset_origin_kick(o);
}

void snapset_cow_lose(struct snapset_cow *cow, s32 code, const char *fmt, ...)
{
	struct snapset_origin *o = cow->origin;
	struct snapset_cow *in = cow;
	unsigned long flags;
	char why[120];
	va_list args;

	va_start(args, fmt);
	vscnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	spin_lock_irqsave(&o->lock, flags);
	while (in->left && in->heir)
		in = in->heir;
	kill_chain(cow, in, code, why);
	spin_unlock_irqrestore(&o->lock, flags);
	snapset_origin_kick(o);
}

/*
 * Only a leg of a parity raid must be discarded when it is told to. Nobody claims the
 * device, or the file system does that it was taken with; or whoever added it knew all
 * that stands above, and that is still so.
 */
static bool may_absorb(const struct snapset_cow *cow)
{
	void *holder = READ_ONCE(cow->origin->bdev.bdev->bd_holder);

	return !holder || holder == cow->absorb_for || snapset_above_known(cow->above);
}

enum snapset_cow_verdict snapset_cow_judge(struct snapset_cow *cow,
					   const struct bio *bio,
					   struct snapset_range r)
{
	u64 first, last;

	if (snapset_range_empty(r) || READ_ONCE(cow->dead))
		return SNAPSET_COW_PASS;
	first = snapset_range_first_granule(r);
	last = snapset_range_last_granule(r);
	if (snapset_map_covers(&cow->map, first, last - first + 1))
		return SNAPSET_COW_PASS;
	if (bio_op(bio) == REQ_OP_DISCARD && may_absorb(cow)) {
		/*
		 * A discard promises nothing about what is read afterwards, so
		 * not doing it is a right way of doing it.
		 */
		atomic64_inc(&cow->absorbed);
		return SNAPSET_COW_ABSORB;
	}
	return SNAPSET_COW_COPY;
}

void snapset_cow_starve(struct snapset_cow *cow, bool on)
{
	if (cow->starving == on)
		return;
	WRITE_ONCE(cow->starving, on);
	if (on) {
		atomic_inc(&cow->budget->starving);
		atomic_inc(&cow->origin->starving);
	} else {
		atomic_dec(&cow->budget->starving);
		atomic_dec(&cow->origin->starving);
	}
	/* before the next look at what is left; pairs with snapset_budget_give(), copy_free() */
	smp_mb__after_atomic();
}

struct snapset_cow *snapset_cow_new(struct snapset_origin *origin,
				    struct snapset_store *store,
				    struct snapset_budget *budget,
				    const char *name,
				    const struct snapset_cow_ops *ops, void *owner)
{
	struct snapset_cow *cow = snapset_may_fail(kzalloc(sizeof(*cow), GFP_KERNEL));
	unsigned int i;

	if (!cow)
		return ERR_PTR(-ENOMEM);
	cow->origin = origin;
	cow->store = store;
	cow->budget = budget;
	cow->ops = ops;
	cow->quota = U64_MAX;
	cow->owner = owner;
	strscpy(cow->name, name, sizeof(cow->name));
	cow->sectors = origin->range.end - origin->range.start;
	cow->granules = DIV_ROUND_UP_ULL(cow->sectors, SNAPSET_GRANULE_SECTORS);
	snapset_map_init(&cow->map);
	mutex_init(&cow->leave_mutex);
	for (i = 0; i < SNAPSET_URGENCIES; i++)
		INIT_LIST_HEAD(&cow->waiting[i]);
	INIT_LIST_HEAD(&cow->hungry);
	INIT_WORK(&cow->died_work, tell_death);
	INIT_WORK(&cow->drop_work, drop);
	init_waitqueue_head(&cow->idle);
	spin_lock_irq(&budget->lock);
	list_add_tail(&cow->in_budget, &budget->engines);
	spin_unlock_irq(&budget->lock);
	return cow;
}

void snapset_cow_retire(struct snapset_cow *cow)
{
	WRITE_ONCE(cow->retired, true);
	smp_mb();	/* before a write may pass uncopied; pairs with snapset_cow_over() */
}

void snapset_cow_free(struct snapset_cow *cow)
{
	WARN_ON(!cow->retired);
	snapset_chain_leave(cow);
	synchronize_rcu_expedited();	/* who brought busy to 0 */
	flush_work(&cow->origin->work);
	/* who killed it before it was retired */
	spin_lock_irq(&cow->origin->lock);
	spin_unlock_irq(&cow->origin->lock);
	flush_work(&cow->died_work);
	cancel_work_sync(&cow->drop_work);
	WARN_ON(cow->starving);
	spin_lock_irq(&cow->budget->lock);
	list_del(&cow->in_budget);
	spin_unlock_irq(&cow->budget->lock);
	snapset_map_destroy(&cow->map);
	kfree(cow);
}

int snapset_cow_init(void)
{
	snapset_tell_wq = alloc_workqueue("snapset-tell",
					  WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return snapset_tell_wq ? 0 : -ENOMEM;
}

void snapset_cow_exit(void)
{
	destroy_workqueue(snapset_tell_wq);
}
