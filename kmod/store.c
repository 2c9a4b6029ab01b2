// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all stores share: the space, the low-space steps and the stall watch.
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

static void tell_low(struct work_struct *work)
{
	struct snapset_store *store = container_of(work, struct snapset_store, low_work);
	char text[80];

	snprintf(text, sizeof(text), "%u %% of the store's %llu MiB are used",
		 READ_ONCE(store->low),
		 store->granules << SNAPSET_GRANULE_SHIFT >> 20);
	store->tell(store, text);
}

/* A store that has writes and completes none of them holds up the writers. */
static void watch(struct work_struct *work)
{
	struct snapset_store *store = container_of(to_delayed_work(work),
						   struct snapset_store, watch);

	if (!atomic_read(&store->outstanding))
		return;		/* the next write starts the watch again */
	if (!time_after(jiffies, READ_ONCE(store->progress) + store->stall)) {
		store->stale = false;
	} else if (!store->stale) {
		/* the clock may have jumped, with us, the store and all: look once more */
		store->stale = true;
	} else {
		store->stale = false;
		store->stalled(store);
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

struct snapset_store *snapset_store_open(const struct snapset_params *p, u64 stall_ms,
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
	store->ram = RB_ROOT;
	INIT_WORK(&store->close_work, close_work);
	INIT_WORK(&store->low_work, tell_low);
	INIT_DELAYED_WORK(&store->watch, watch);
	switch (p->store_kind) {
	case SNAPSET_STORE_MEMORY:
		err = snapset_store_mem_open(store, p, extack);
		break;
	case SNAPSET_STORE_BDEV:
		err = snapset_store_bdev_open(store, p, extack);
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
			err = -ENOMEM;
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
	store->ops->close(store);
	snapset_space_destroy(&store->space);
free:
	kfree(store);
	return ERR_PTR(err);
}

void snapset_store_put(struct snapset_store *store)
{
	bool unused;

	if (!store)
		return;
	spin_lock_irq(&store->lock);
	store->silent = true;
	spin_unlock_irq(&store->lock);
	cancel_delayed_work_sync(&store->watch);
	cancel_work_sync(&store->low_work);
	spin_lock_irq(&store->lock);
	unused = !store->space.used;
	store->orphan = true;	/* whoever gives the last place back closes it */
	spin_unlock_irq(&store->lock);
	if (unused)
		store_close(store);
}

static void look_how_full(struct snapset_store *store)
{
	unsigned int i, step = 0;

	lockdep_assert_held(&store->lock);
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		if (store->space.used * 100 >= store->granules * steps[i])
			step = steps[i];
	if (step > store->low && !store->silent)
		queue_work(snapset_tell_wq, &store->low_work);
	WRITE_ONCE(store->low, step);
}

u64 snapset_store_alloc(struct snapset_store *store, u64 max, u64 *place)
{
	unsigned long flags;
	u64 len;

	spin_lock_irqsave(&store->lock, flags);
	len = snapset_space_take(&store->space, max, place);
	look_how_full(store);
	spin_unlock_irqrestore(&store->lock, flags);
	*place |= (u64)store->slot << SNAPSET_PLACE_GRANULE_BITS;
	return len;
}

void snapset_place_free(u64 place, u64 len)
{
	struct snapset_store *store = snapset_place_store(place);
	unsigned long flags;
	bool close;

	if (place >= SNAPSET_PLACE_ZERO)
		return;
	place = snapset_place_granule(place);
	if (store->ops->drop)
		store->ops->drop(store, place, len);
	spin_lock_irqsave(&store->lock, flags);
	snapset_space_give(&store->space, place, len);
	close = store->orphan && !store->space.used;
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

u64 snapset_store_used(struct snapset_store *store)
{
	return READ_ONCE(store->space.used);
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
	if (store->ops->push)
		store->ops->push(store);
}

void snapset_store_written(struct snapset_store *store,
			   struct snapset_store_io *io, int err)
{
	WRITE_ONCE(store->progress, jiffies);
	atomic_dec(&store->outstanding);	/* before done(), which may let the store go */
	io->done(io, err);
}
