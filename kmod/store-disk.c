// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where on disks the granules of a store lie, and how they get there. Writes are queued
 * and sent by a worker of the store's own, so that one which blocks holds up nobody
 * else; neighbours become one bio. Nobody waits for them but who wants the RAM back,
 * so a few are gathered: places are given in order, and what random writes destroy
 * becomes a stream. No flush and no FUA: the store does not outlive the module.
 *
 * A disk may be a member's, too: then what is sent there goes by the hook as it is.
 */
#include <linux/bio.h>
#include <linux/mm.h>
#include <linux/rcupdate_wait.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "fault.h"
#include "store-disk.h"

#define MAX_PAGES	256
#define GATHER		16	/* granules that are worth a bio */
#define RESERVED	4	/* bios; each ends by itself */

struct snapset_store_disk {
	struct snapset_store *store;
	struct workqueue_struct *wq;
	struct delayed_work work;
	struct bio_set carriers;	/* its own: others' may be stuck in a disk that hangs */
	spinlock_t lock;		/* irq; guards the rest */
	struct list_head queue;
	unsigned int queued;		/* granules */
};

/* A bio and the writes it carries. */
struct carrier {
	struct snapset_store *store;
	struct gendisk *disk;		/* it was made for */
	struct list_head ios;
	struct bio bio;			/* last */
};

static void carried(struct bio *bio)
{
	struct carrier *c = container_of(bio, struct carrier, bio);
	struct snapset_store *store = c->store;
	int err = blk_status_to_errno(bio->bi_status) ?:
		  snapset_fault_atomic("store-write");
	struct snapset_store_io *io, *next;
	LIST_HEAD(ios);

	rcu_read_lock();	/* module exit waits for a grace period */
	list_replace(&c->ios, &ios);
	bio_put(bio);
	list_for_each_entry_safe(io, next, &ios, link)
		snapset_store_written(store, io, err);
	rcu_read_unlock();
}

static struct bio *new_bio(struct snapset_store_disk *b, u64 place)
{
	struct block_device *bdev;
	struct carrier *c;
	struct bio *bio;
	sector_t sector;

	snapset_store_locate(b->store, snapset_place_granule(place), &bdev, &sector);
	bio = snapset_bio_alloc(bdev, MAX_PAGES, REQ_OP_WRITE, GFP_NOIO, &b->carriers);
	c = container_of(bio, struct carrier, bio);
	c->store = b->store;
	c->disk = bdev->bd_disk;
	INIT_LIST_HEAD(&c->ios);
	bio->bi_iter.bi_sector = sector;
	bio->bi_end_io = carried;
	return bio;
}

bool snapset_store_sends(const struct bio *bio, const struct gendisk *disk)
{
	return bio->bi_end_io == carried &&
	       container_of(bio, struct carrier, bio)->disk == disk;
}

static void send_queued(struct work_struct *work)
{
	struct snapset_store_disk *b = container_of(to_delayed_work(work),
						    struct snapset_store_disk, work);
	struct snapset_store_io *io, *next;
	struct bio *bio = NULL;
	struct blk_plug plug;
	unsigned int pages = 0;
	u64 end = 0;
	LIST_HEAD(ios);
	u32 i;

	snapset_fault("store-send");
	spin_lock_irq(&b->lock);
	list_splice_init(&b->queue, &ios);
	b->queued = 0;
	spin_unlock_irq(&b->lock);
	blk_start_plug(&plug);
	list_for_each_entry_safe(io, next, &ios, link) {
		if (bio && (io->place != end || pages + io->len > MAX_PAGES)) {
			submit_bio_noacct(bio);
			bio = NULL;
		}
		if (!bio) {
			bio = new_bio(b, io->place);
			pages = 0;
		}
		for (i = 0; i < io->len; i++)
			__bio_add_page(bio, io->pages[i], PAGE_SIZE, 0);
		pages += io->len;
		end = io->place + io->len;
		list_move_tail(&io->link,
			       &container_of(bio, struct carrier, bio)->ios);
	}
	if (bio)
		submit_bio_noacct(bio);
	blk_finish_plug(&plug);
}

void snapset_store_disk_write(struct snapset_store *store, struct snapset_store_io *io)
{
	struct snapset_store_disk *b = store->disk;
	unsigned long flags;
	bool first, enough;

	spin_lock_irqsave(&b->lock, flags);
	first = list_empty(&b->queue);
	list_add_tail(&io->link, &b->queue);
	enough = b->queued < GATHER && b->queued + io->len >= GATHER;
	b->queued += io->len;
	spin_unlock_irqrestore(&b->lock, flags);
	if (enough)
		mod_delayed_work(b->wq, &b->work, 0);
	else if (first)
		queue_delayed_work(b->wq, &b->work, 1);
}

void snapset_store_disk_push(struct snapset_store *store)
{
	struct snapset_store_disk *b = store->disk;

	if (READ_ONCE(b->queued))
		mod_delayed_work(b->wq, &b->work, 0);
}

static const struct snapset_extent *find(const struct snapset_extents *t, u64 place)
{
	unsigned int low = 0, high = t->nr - 1, mid;

	while (low < high) {
		mid = (low + high + 1) / 2;
		if (t->extent[mid].place <= place)
			low = mid;
		else
			high = mid - 1;
	}
	return &t->extent[low];
}

void snapset_store_locate(struct snapset_store *store, u64 place,
			  struct block_device **bdev, sector_t *sector)
{
	const struct snapset_extent *e;

	rcu_read_lock();
	e = find(rcu_dereference(store->extents), place);
	*bdev = e->bdev;
	*sector = e->sector + (place - e->place) * SNAPSET_GRANULE_SECTORS;
	rcu_read_unlock();
}

/* Its range on the whole disk. */
struct snapset_range snapset_extent_range(const struct snapset_extent *e)
{
	return snapset_range_of(get_start_sect(e->bdev) + e->sector,
				e->len * SNAPSET_GRANULE_SECTORS);
}

int snapset_store_grow(struct snapset_store *store, const struct snapset_extent *extent,
		       unsigned int nr, bool parted)
{
	struct snapset_extents *old = rcu_dereference_protected(store->extents, true), *new;
	unsigned int had = old ? old->nr : 0, i;
	struct snapset_space_more more;
	u64 total = store->space.total;
	int err;

	new = snapset_may_fail(kvmalloc(struct_size(new, extent, had + nr), GFP_KERNEL));
	if (!new)
		return -ENOMEM;
	new->nr = had + nr;
	if (had)
		memcpy(new->extent, old->extent, had * sizeof(*extent));
	for (i = 0; i < nr; i++) {
		new->extent[had + i] = extent[i];
		new->extent[had + i].place = total;
		total += extent[i].len;
	}
	err = -EFBIG;
	if (total > 1ULL << SNAPSET_PLACE_GRANULE_BITS)
		goto free;
	err = snapset_space_more(&store->space, total, &more);
	if (err)
		goto free;
	/* who is given a place finds it */
	snapset_store_put_extents(store, new);
	spin_lock_irq(&store->lock);
	snapset_space_grow(&store->space, &more);
	for (i = had; parted && i < new->nr; i++)
		snapset_space_fence(&store->space, new->extent[i].place);
	if (parted && new->extent[new->nr - 1].len > 1)
		snapset_space_fence(&store->space, total - 1);
	WRITE_ONCE(store->granules, total - store->space.fenced);
	spin_unlock_irq(&store->lock);
	snapset_space_forget(&more);
	if (had) {
		snapset_store_has_room(store);
		synchronize_rcu_expedited();
	}
	kvfree(old);
	return 0;

free:
	kvfree(new);
	return err;
}

int snapset_store_disk_open(struct snapset_store *store, const char *name)
{
	struct snapset_store_disk *b = snapset_may_fail(kzalloc(sizeof(*b), GFP_KERNEL));
	int err;

	if (!b)
		return -ENOMEM;
	err = snapset_may_err(bioset_init(&b->carriers, RESERVED, offsetof(struct carrier, bio),
					  BIOSET_NEED_BVECS));
	if (err)
		goto free;
	b->store = store;
	spin_lock_init(&b->lock);
	INIT_LIST_HEAD(&b->queue);
	INIT_DELAYED_WORK(&b->work, send_queued);
	b->wq = snapset_may_fail(alloc_workqueue("snapset-store-%s",
						 WQ_MEM_RECLAIM | WQ_UNBOUND, 1, name));
	err = -ENOMEM;
	if (!b->wq)
		goto exit_carriers;
	store->disk = b;
	return 0;

exit_carriers:
	bioset_exit(&b->carriers);
free:
	kfree(b);
	return err;
}

void snapset_store_disk_close(struct snapset_store *store)
{
	struct snapset_store_disk *b = store->disk;

	cancel_delayed_work_sync(&b->work);	/* sent for what had gone already */
	destroy_workqueue(b->wq);
	bioset_exit(&b->carriers);
	kfree(b);
	kvfree(rcu_dereference_protected(store->extents, true));
}
