// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all stores share: the space, what is told of it, and the stall watch.
 */
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include "counters.h"
#include "cow.h"
#include "fault.h"
#include "pin.h"
#include "say.h"
#include "set.h"
#include "store.h"

#define SPARES	512		/* pages that a store keeps: 2 MiB */

static const unsigned int steps[] = { 50, 75, 90 };	/* percent used */

/* Bytes per second since the last look, if that was some time ago. */
static void reckon_rate(struct snapset_store *store)
{
	u64 taken = atomic64_read(&store->taken);
	ktime_t now = ktime_get();
	s64 ms;

	spin_lock_irq(&store->lock);
	ms = ktime_ms_delta(now, store->rate_at);
	if (ms >= 500) {
		store->rate = div64_u64((taken - store->rate_taken) * MSEC_PER_SEC, ms) <<
			      SNAPSET_GRANULE_SHIFT;
		store->rate_taken = taken;
		store->rate_at = now;
	}
	spin_unlock_irq(&store->lock);
}

static void tell_news(struct work_struct *work)
{
	struct snapset_store *store = container_of(work, struct snapset_store, news);
	unsigned int low = READ_ONCE(store->low);
	bool tell;

	if (xchg(&store->room, false))
		snapset_users_have_room(store);
	spin_lock_irq(&store->lock);
	tell = low > store->told_low;
	store->told_low = low;
	spin_unlock_irq(&store->lock);
	if (!tell)
		return;
	reckon_rate(store);
	snapset_users_are_low(store, low);
}

/* A store that has writes and completes none of them holds up the writers. */
static void watch(struct work_struct *work)
{
	struct snapset_store *store = container_of(to_delayed_work(work),
						   struct snapset_store, watch);

	reckon_rate(store->first);
	if (!atomic_read(&store->outstanding))
		return;		/* the next write starts the watch again */
	if (!time_after(jiffies, READ_ONCE(store->progress) + store->stall)) {
		store->stale = false;
	} else if (!store->stale) {
		/* the clock may have jumped, with us, the store and all: look once more */
		store->stale = true;
	} else {
		store->stale = false;
		snapset_users_stalled(store->first);
		WRITE_ONCE(store->progress, jiffies);
	}
	queue_delayed_work(snapset_tell_wq, &store->watch, store->stall / 4 + 1);
}

static void free_spares(struct snapset_store *store)
{
	while (store->spares)
		__free_page(store->spare[--store->spares]);
	kfree(store->spare);
}

static void store_close(struct snapset_store *store)
{
	WARN_ON(atomic_read(&store->outstanding));
	snapset_store_delist(store);
	store->ops->close(store);
	snapset_space_destroy(&store->space);
	free_spares(store);
	kfree(store);
	snapset_gone(SNAPSET_OBJ_STORE);
}

static void close_work(struct work_struct *work)
{
	store_close(container_of(work, struct snapset_store, close_work));
}

struct snapset_store *snapset_store_open(const struct snapset_params *p, const snapset_id *set,
					 u64 stall_ms,
					 struct netlink_ext_ack *extack)
{
	struct snapset_store *store = snapset_may_fail(kzalloc(sizeof(*store), GFP_KERNEL));
	int err;

	if (!store) {
		snapset_unpin(p->pins, true);
		return ERR_PTR(-ENOMEM);
	}
	store->kind = p->store_kind;
	store->stall = msecs_to_jiffies(stall_ms);
	spin_lock_init(&store->lock);
	spin_lock_init(&store->ram_lock);
	store->first = store;
	store->rate_at = ktime_get();
	snapset_users_init(&store->users);
	store->ram = RB_ROOT;
	INIT_WORK(&store->close_work, close_work);
	INIT_WORK(&store->news, tell_news);
	INIT_DELAYED_WORK(&store->watch, watch);
	switch (p->store_kind) {
	case SNAPSET_STORE_MEMORY:
		err = snapset_store_mem_open(store, p, extack);
		break;
	case SNAPSET_STORE_BDEV:
		err = snapset_store_bdev_open(store, p, set, extack);
		break;
	case SNAPSET_STORE_FILE:
		err = snapset_store_file_open(store, p, extack);
		break;
	default:
		err = snapset_say(extack, -EINVAL, "there is no store of kind %u",
				  p->store_kind);
	}
	if (err)
		goto free;
	if (!store->ops->adopts) {
		store->spare = snapset_may_fail(kmalloc_array(SPARES, sizeof(*store->spare),
							      GFP_KERNEL));
		if (!store->spare) {
			err = snapset_say(extack, -ENOMEM, "no memory for a store");
			goto close;
		}
	}
	err = snapset_store_enlist(store, extack);
	if (err)
		goto free_spares;
	snapset_made(SNAPSET_OBJ_STORE);
	return store;

free_spares:
	free_spares(store);
close:
	store->refused = true;
	store->ops->close(store);
	snapset_space_destroy(&store->space);
free:
	kfree(store);
	return ERR_PTR(err);
}

static void hush(struct snapset_store *store)
{
	spin_lock_irq(&store->lock);
	store->silent = true;
	spin_unlock_irq(&store->lock);
	cancel_delayed_work_sync(&store->watch);
}

/* Under the lock: nobody needs it any more. True once. */
static bool must_close(struct snapset_store *store)
{
	lockdep_assert_held(&store->lock);
	if (!store->orphan || store->space.used || store->holds || store->closing)
		return false;
	store->closing = true;
	return true;
}

static void orphan(struct snapset_store *store)
{
	bool close;

	spin_lock_irq(&store->lock);
	store->orphan = true;	/* else whoever lets go of it last closes it */
	close = must_close(store);
	spin_unlock_irq(&store->lock);
	if (close)
		store_close(store);
}

bool snapset_store_hold(struct snapset_store *store)
{
	bool held;

	spin_lock_irq(&store->lock);
	held = !store->closing;
	store->holds += held;
	spin_unlock_irq(&store->lock);
	return held;
}

void snapset_store_release(struct snapset_store *store)
{
	bool close;

	spin_lock_irq(&store->lock);
	store->holds--;
	close = must_close(store);
	spin_unlock_irq(&store->lock);
	if (close)	/* stores_mutex is held */
		queue_work(snapset_set_wq, &store->close_work);
}

void snapset_store_put(struct snapset_store *store)
{
	struct snapset_store *spill;

	if (!store)
		return;
	WARN_ON(!list_empty(&store->users.list));
	spill = store->spill;
	hush(store);
	if (spill)
		hush(spill);
	cancel_work_sync(&store->news);		/* nobody sends it any more */
	orphan(store);
	if (spill)
		orphan(spill);
}

void snapset_store_add_spill(struct snapset_store *store, struct snapset_store *spill)
{
	spill->first = store;
	smp_store_release(&store->spill, spill);	/* pairs with snapset_store_alloc() */
	snapset_store_has_room(spill);
}

void snapset_store_count(struct snapset_store *store, struct snapset_store_totals *t)
{
	struct snapset_store *spill = smp_load_acquire(&store->spill);	/* add_spill() */

	t->size = READ_ONCE(store->granules);
	t->used = READ_ONCE(store->space.used);
	t->rate = READ_ONCE(store->rate);
	if (!spill)
		return;
	t->size += READ_ONCE(spill->granules);
	t->used += READ_ONCE(spill->space.used);
}

static void look_how_full(struct snapset_store *store)
{
	struct snapset_store *first = store->first;
	struct snapset_store_totals t;
	unsigned int i, step = 0;

	lockdep_assert_held(&store->lock);
	if (store->silent)
		return;		/* and first may have gone */
	snapset_store_count(first, &t);
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		if (t.used * 100 >= t.size * steps[i])
			step = steps[i];
	if (step == READ_ONCE(first->low))
		return;
	WRITE_ONCE(first->low, step);
	queue_work(snapset_tell_wq, &first->news);
}

/* Under the lock: who got nothing hears of it. */
static void room_again(struct snapset_store *store)
{
	lockdep_assert_held(&store->lock);
	if (!store->wanting || store->silent)
		return;
	store->wanting = false;
	WRITE_ONCE(store->first->room, true);
	queue_work(snapset_tell_wq, &store->first->news);
}

void snapset_store_has_room(struct snapset_store *store)
{
	unsigned long flags;

	spin_lock_irqsave(&store->lock, flags);
	store->wanting = true;
	room_again(store);
	look_how_full(store);
	spin_unlock_irqrestore(&store->lock, flags);
}

void snapset_store_leaving(struct snapset_store *store, bool on)
{
	if (on)
		atomic_inc(&store->leaving);
	else if (atomic_dec_and_test(&store->leaving))
		snapset_store_has_room(store);	/* or there will be none: let them ask again */
}

static u64 alloc_in(struct snapset_store *store, u64 max, u64 *place)
{
	unsigned long flags;
	u64 len;

	spin_lock_irqsave(&store->lock, flags);
	len = snapset_space_take(&store->space, max, place);
	if (!len)
		store->wanting = true;
	look_how_full(store);
	spin_unlock_irqrestore(&store->lock, flags);
	*place |= (u64)store->slot << SNAPSET_PLACE_GRANULE_BITS;
	return len;
}

u64 snapset_store_alloc(struct snapset_store *store, u64 max, u64 *place)
{
	u64 len = alloc_in(store, max, place);
	struct snapset_store *spill;

	if (!len) {
		spill = smp_load_acquire(&store->spill);	/* pairs with add_spill() */
		if (spill)
			len = alloc_in(spill, max, place);
	}
	atomic64_add(len, &store->taken);
	snapset_made_many(SNAPSET_OBJ_PLACE, len);
	return len;
}

void snapset_place_free(u64 place, u64 len)
{
	struct snapset_store *store = snapset_place_store(place);
	unsigned long flags;
	bool close;

	if (place >= SNAPSET_PLACE_ZERO)
		return;
	snapset_gone_many(SNAPSET_OBJ_PLACE, len);
	place = snapset_place_granule(place);
	if (store->ops->drop)
		store->ops->drop(store, place, len);
	spin_lock_irqsave(&store->lock, flags);
	snapset_space_give(&store->space, place, len);
	close = must_close(store);
	room_again(store);
	look_how_full(store);
	spin_unlock_irqrestore(&store->lock, flags);
	if (close)
		queue_work(snapset_set_wq, &store->close_work);
}

struct page *snapset_store_spare(struct snapset_store *store)
{
	struct page *page = NULL;
	unsigned long flags;

	if (!READ_ONCE(store->spares))
		return NULL;
	spin_lock_irqsave(&store->ram_lock, flags);
	if (store->spares)
		page = store->spare[--store->spares];
	spin_unlock_irqrestore(&store->ram_lock, flags);
	return page;
}

bool snapset_store_spare_put(struct snapset_store *store, struct page *page)
{
	unsigned long flags;
	bool kept;

	spin_lock_irqsave(&store->ram_lock, flags);
	kept = store->spares < SPARES;
	if (kept)
		store->spare[store->spares++] = page;
	spin_unlock_irqrestore(&store->ram_lock, flags);
	return kept;
}

void snapset_store_write(struct snapset_store *store, struct snapset_store_io *io)
{
	if (atomic_inc_return(&store->outstanding) == 1) {
		WRITE_ONCE(store->progress, jiffies);
		queue_delayed_work(snapset_tell_wq, &store->watch,
				   store->stall / 4 + 1);
	}
	store->ops->write(store, io);
}

void snapset_store_push(struct snapset_store *store)
{
	struct snapset_store *spill = smp_load_acquire(&store->spill);	/* add_spill() */

	if (store->ops->push)
		store->ops->push(store);
	if (spill && spill->ops->push)
		spill->ops->push(spill);
}

void snapset_store_written(struct snapset_store *store,
			   struct snapset_store_io *io, int err)
{
	WRITE_ONCE(store->progress, jiffies);
	atomic_dec(&store->outstanding);	/* before done(), which may let the store go */
	io->done(io, err);
}
