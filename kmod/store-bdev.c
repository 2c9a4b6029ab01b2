// SPDX-License-Identifier: GPL-2.0-only
/*
 * A store on a whole block device, claimed exclusively. Writes are queued and
 * sent by a worker of its own, so that a store which blocks holds up nobody
 * else; neighbours become one bio. Nobody waits for them but who wants the RAM back,
 * so a few are gathered: places are given in order, and what random writes destroy
 * becomes a stream. No flush and no FUA: the store does not outlive the module.
 */
#include <linux/bio.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "fault.h"
#include "origin.h"
#include "say.h"
#include "store.h"

#define MAX_PAGES	256
#define GATHER		16	/* granules that are worth a bio */

struct bdev_store {
	struct snapset_store *store;
	struct snapset_bdev bdev;
	struct workqueue_struct *wq;
	struct delayed_work work;
	spinlock_t lock;		/* irq; guards the rest */
	struct list_head queue;
	unsigned int queued;		/* granules */
};

/* A bio and the writes it carries. */
struct carrier {
	struct snapset_store *store;
	struct list_head ios;
	struct bio bio;			/* last */
};

static struct bio_set carriers;

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

static struct bio *new_bio(struct bdev_store *b, u64 place)
{
	struct bio *bio = snapset_bio_alloc(b->bdev.bdev, MAX_PAGES, REQ_OP_WRITE,
					    GFP_NOIO, &carriers);
	struct carrier *c = container_of(bio, struct carrier, bio);

	c->store = b->store;
	INIT_LIST_HEAD(&c->ios);
	bio->bi_iter.bi_sector = snapset_place_granule(place) * SNAPSET_GRANULE_SECTORS;
	bio->bi_end_io = carried;
	return bio;
}

static void bdev_work(struct work_struct *work)
{
	struct bdev_store *b = container_of(to_delayed_work(work), struct bdev_store, work);
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

static void bdev_write(struct snapset_store *store, struct snapset_store_io *io)
{
	struct bdev_store *b = store->priv;
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

static void bdev_push(struct snapset_store *store)
{
	struct bdev_store *b = store->priv;

	if (READ_ONCE(b->queued))
		mod_delayed_work(b->wq, &b->work, 0);
}

static void bdev_locate(struct snapset_store *store, u64 place,
			struct block_device **bdev, sector_t *sector)
{
	struct bdev_store *b = store->priv;

	*bdev = b->bdev.bdev;
	*sector = place * SNAPSET_GRANULE_SECTORS;
}

static void bdev_close(struct snapset_store *store)
{
	struct bdev_store *b = store->priv;

	cancel_delayed_work_sync(&b->work);	/* sent for what had gone already */
	destroy_workqueue(b->wq);
	snapset_bdev_close(&b->bdev);
	kfree(b);
}

static const struct snapset_store_ops bdev_ops = {
	.write = bdev_write,
	.push = bdev_push,
	.locate = bdev_locate,
	.close = bdev_close,
};

int snapset_store_bdev_open(struct snapset_store *store,
			    const struct snapset_params *p,
			    struct netlink_ext_ack *extack)
{
	unsigned int major = MAJOR(p->store_dev), minor = MINOR(p->store_dev);
	struct bdev_store *b = snapset_may_fail(kzalloc(sizeof(*b), GFP_KERNEL));
	int err;

	if (!b)
		return -ENOMEM;
	b->store = store;
	spin_lock_init(&b->lock);
	INIT_LIST_HEAD(&b->queue);
	INIT_DELAYED_WORK(&b->work, bdev_work);
	err = snapset_bdev_open(&b->bdev, p->store_dev, b);
	if (err) {
		snapset_say(extack, err,
			    err == -EBUSY ? "the store %u:%u is in use" :
			    "the store %u:%u cannot be opened", major, minor);
		goto free;
	}
	err = -EINVAL;
	if (bdev_read_only(b->bdev.bdev)) {
		snapset_say(extack, err, "the store %u:%u is read-only", major, minor);
		goto close;
	}
	if (bdev_logical_block_size(b->bdev.bdev) > SNAPSET_GRANULE_SIZE) {
		snapset_say(extack, err, "the store %u:%u has blocks of more than %u bytes",
			    major, minor, SNAPSET_GRANULE_SIZE);
		goto close;
	}
	store->granules = bdev_nr_sectors(b->bdev.bdev) / SNAPSET_GRANULE_SECTORS;
	if (p->store_limit)
		store->granules = min(store->granules,
				      p->store_limit >> SNAPSET_GRANULE_SHIFT);
	if (!store->granules) {
		snapset_say(extack, err, "the store %u:%u has no room", major, minor);
		goto close;
	}
	err = -ENOMEM;
	b->wq = snapset_may_fail(alloc_workqueue("snapset-store-%u:%u",
						 WQ_MEM_RECLAIM | WQ_UNBOUND, 1,
						 major, minor));
	if (!b->wq)
		goto close;
	store->dev = p->store_dev;
	store->priv = b;
	store->ops = &bdev_ops;
	return 0;

close:
	snapset_bdev_close(&b->bdev);
free:
	kfree(b);
	return err;
}

int snapset_store_bdev_init(void)
{
	return bioset_init(&carriers, 32, offsetof(struct carrier, bio),
			   BIOSET_NEED_BVECS);
}

void snapset_store_bdev_exit(void)
{
	bioset_exit(&carriers);
}
