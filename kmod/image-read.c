// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of an image read. Runs that are kept, by the snapshot itself or by a newer one,
 * are read from RAM or store at once. A run that is not kept becomes a part: it pins
 * its granules, looks again (a writer may have been first) and then reads the origin.
 * While it is pinned no writer can copy, so none can pass: the origin's data is still
 * the old data -
 * unless the engine has died meanwhile, which is why that is asked at the very end.
 *
 * The copy in RAM is looked for after the map has said "kept": copies leave RAM
 * only when the store has them, so a run is in one of the two.
 *
 * Whose map said "kept" is held until the data has come, so that its places are not
 * given to others.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "chain.h"
#include "copy.h"
#include "cow.h"
#include "fault.h"
#include "image.h"
#include "image-read.h"
#include "origin.h"

/* One read; ends when the last of its pieces has ended. */
struct image_io {
	struct snapset_cow *cow;
	struct bio *bio;
	atomic_t left;
	blk_status_t status;
};

/* A piece: a bio of ours to the origin or the store. */
struct part {
	struct image_io *io;
	struct snapset_cow *holder;	/* of the place that is read; NULL: the origin */
	struct bvec_iter iter;		/* within io->bio */
	struct snapset_rl_node node;	/* of the origin */
	struct list_head link;		/* to be pinned when all are there */
	struct work_struct work;
	struct bio bio;			/* last */
};

static struct bio_set parts;
static struct workqueue_struct *read_wq;

static void walk(struct image_io *io, struct bvec_iter iter);

static void put_holder(struct snapset_cow *holder)
{
	if (!holder)
		return;
	rcu_read_lock();
	snapset_cow_put(holder);
	rcu_read_unlock();
}

static void io_put(struct image_io *io)
{
	struct snapset_cow *cow = io->cow;
	struct bio *bio = io->bio;

	if (!atomic_dec_and_test(&io->left))
		return;
	/* what was read may be newer than the image, or never have been stored */
	bio->bi_status = snapset_cow_over(cow) ? BLK_STS_IOERR : io->status;
	kfree(io);
	bio_endio(bio);
	rcu_read_lock();
	snapset_cow_put(cow);
	rcu_read_unlock();
}

/* A clone of what @iter describes of io->bio, for @bdev. May wait: no pin is held. */
static struct part *part_new(struct image_io *io, struct block_device *bdev,
			     struct bvec_iter iter)
{
	struct bio *bio;
	struct part *part;

	while (!(bio = snapset_bio_clone(bdev, io->bio, GFP_NOIO, &parts)))
		msleep(1);	/* a payload that has no reserve (integrity) */
	part = container_of(bio, struct part, bio);
	snapset_bio_clone_flags(bio, io->bio, false);
	bio->bi_iter = iter;
	part->io = io;
	part->iter = iter;
	part->holder = NULL;
	atomic_inc(&io->left);
	return part;
}

static void part_done(struct bio *bio)
{
	struct part *part = container_of(bio, struct part, bio);
	struct image_io *io = part->io;

	rcu_read_lock();
	if (bio->bi_status)
		io->status = bio->bi_status;
	if (part->holder)
		snapset_cow_put(part->holder);
	bio_put(bio);
	io_put(io);
	rcu_read_unlock();
}

static void pinned_done(struct bio *bio)
{
	struct part *part = container_of(bio, struct part, bio);
	const char *lost;

	rcu_read_lock();
	lost = snapset_origin_lost(part->io->cow->origin);
	if (lost)
		snapset_cow_kill(part->io->cow, SNAPSET_E_UNEXPECTED_PROVIDER_ERROR, "%s", lost);
	snapset_jobs_unpin(part->io->cow->origin, &part->node);
	part_done(bio);
	rcu_read_unlock();
}

static void part_send(struct part *part, sector_t sector, bio_end_io_t *done)
{
	part->bio.bi_iter.bi_sector = sector;
	part->bio.bi_end_io = done;
	submit_bio_noacct(&part->bio);
}

/* The part's granules are pinned now. */
static void part_run(struct part *part)
{
	struct image_io *io = part->io;
	struct snapset_origin *o = io->cow->origin;
	u64 len = part->node.last - part->node.start + 1;
	struct bvec_iter iter = part->iter;
	struct snapset_map_run run;
	struct snapset_cow *holder;
	bool ok;

	ok = snapset_chain_lookup(io->cow, part->node.start, len, &run, &holder);
	if (ok && !holder && run.len == len) {
		snapset_fault("image-pinned");
		part_send(part, iter.bi_sector, pinned_done);
		return;
	}
	/* a writer was first: some of it is kept by now; or it is over */
	put_holder(holder);
	snapset_jobs_unpin(o, &part->node);
	bio_put(&part->bio);
	walk(io, iter);
	io_put(io);
}

static void part_work(struct work_struct *work)
{
	part_run(container_of(work, struct part, work));
}

/* Not in the caller's context, the origin's worker, which must not wait for memory. */
void snapset_image_granted(struct snapset_rl_node *node)
{
	struct part *part = container_of(node, struct part, node);

	queue_work(read_wq, &part->work);
}

static struct part *origin_part(struct image_io *io, struct bvec_iter iter,
				u64 first, u64 len)
{
	struct part *part = part_new(io, io->cow->origin->bdev.bdev, iter);

	memset(&part->node, 0, sizeof(part->node));
	part->node.start = first;
	part->node.last = first + len - 1;
	part->node.shared = true;
	INIT_WORK(&part->work, part_work);
	return part;
}

/* @iter's bytes, which start @offset bytes into @pages[0], by memcpy. */
static void copy_out(struct bio *bio, struct bvec_iter iter,
		     struct page *(*page)(void *arg, u64 index), void *arg,
		     u32 offset)
{
	while (iter.bi_size) {
		struct bio_vec bv = bio_iter_iovec(bio, iter);
		u32 in = offset & (PAGE_SIZE - 1);
		u32 n = min_t(u32, bv.bv_len, PAGE_SIZE - in);

		memcpy(page_address(bv.bv_page) + bv.bv_offset,
		       page_address(page(arg, offset >> PAGE_SHIFT)) + in, n);
		bio_advance_iter(bio, &iter, n);
		offset += n;
	}
}

struct ram_arg {
	struct page **pages;
};

static struct page *ram_page(void *arg, u64 index)
{
	return ((struct ram_arg *)arg)->pages[index];
}

struct mem_arg {
	struct snapset_store *store;
	u64 place;
};

static struct page *mem_page(void *arg, u64 index)
{
	struct mem_arg *m = arg;

	return m->store->ops->page(m->store, m->place + index);
}

/*
 * Reads @iter, which begins @offset bytes into the kept @run, as far as that goes;
 * puts @holder. Returns how many bytes it served.
 */
static u32 read_kept(struct image_io *io, struct bvec_iter iter, u32 offset,
		     struct snapset_map_run *run, struct snapset_cow *holder)
{
	struct snapset_store *store = snapset_place_store(run->place);
	struct snapset_copy *copy;
	struct block_device *bdev;
	struct part *part;
	u64 max = run->len;
	sector_t sector;
	u64 bytes;

	copy = store->ops->adopts ? NULL : snapset_copy_find(store, run->place, &max);
	if (copy)
		max = min(max, copy->io.place + copy->io.len - run->place);
	bytes = min_t(u64, iter.bi_size, (max << SNAPSET_GRANULE_SHIFT) - offset);
	iter.bi_size = bytes;
	if (copy) {
		struct ram_arg arg = { copy->pages + (run->place - copy->io.place) };

		copy_out(io->bio, iter, ram_page, &arg, offset);
		snapset_copy_put(copy);
	} else if (store->ops->page) {
		struct mem_arg arg = { store, snapset_place_granule(run->place) };

		copy_out(io->bio, iter, mem_page, &arg, offset);
	} else {
		snapset_store_locate(store, snapset_place_granule(run->place), &bdev,
				     &sector);
		part = part_new(io, bdev, iter);
		part->holder = holder;
		part_send(part, sector + (offset >> SECTOR_SHIFT), part_done);
		return bytes;
	}
	put_holder(holder);
	return bytes;
}

/*
 * Inside of submit_bio() what we submit waits until we return. So nothing may be
 * waited for while a pin is held here: all parts are made first, then pinned.
 */
static void walk(struct image_io *io, struct bvec_iter iter)
{
	struct snapset_map_run run;
	struct snapset_cow *holder;
	struct part *part, *next;
	u64 first, last, bytes;
	LIST_HEAD(unkept);
	u32 offset;

	while (iter.bi_size && !snapset_cow_over(io->cow)) {
		first = iter.bi_sector / SNAPSET_GRANULE_SECTORS;
		last = (iter.bi_sector + bvec_iter_sectors(iter) - 1) /
			SNAPSET_GRANULE_SECTORS;
		offset = (iter.bi_sector % SNAPSET_GRANULE_SECTORS) << SECTOR_SHIFT;
		if (!snapset_chain_lookup(io->cow, first, last - first + 1, &run, &holder))
			break;		/* over */
		if (holder) {
			bytes = read_kept(io, iter, offset, &run, holder);
		} else {
			struct bvec_iter some = iter;

			bytes = min_t(u64, iter.bi_size,
				      (run.len << SNAPSET_GRANULE_SHIFT) - offset);
			some.bi_size = bytes;
			part = origin_part(io, some, first, run.len);
			list_add_tail(&part->link, &unkept);
		}
		bio_advance_iter(io->bio, &iter, bytes);
	}
	list_for_each_entry_safe(part, next, &unkept, link)
		if (snapset_jobs_pin(io->cow->origin, &part->node))
			part_run(part);
}

void snapset_image_read(struct snapset_cow *cow, struct bio *bio)
{
	struct image_io *io;

	if (bio_op(bio) != REQ_OP_READ || snapset_cow_over(cow)) {
		/* an empty flush has nothing to do and may succeed */
		if (op_is_flush(bio->bi_opf) && !bio_sectors(bio))
			bio_endio(bio);
		else
			bio_io_error(bio);
		rcu_read_lock();
		snapset_cow_put(cow);
		rcu_read_unlock();
		return;
	}
	io = kmalloc(sizeof(*io), GFP_NOIO | __GFP_NOFAIL);
	io->cow = cow;
	io->bio = bio;
	io->status = errno_to_blk_status(snapset_fault("image-read"));
	atomic_set(&io->left, 1);
	walk(io, bio->bi_iter);
	io_put(io);
}

int snapset_image_read_init(void)
{
	int err;

	read_wq = alloc_workqueue("snapset-read", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!read_wq)
		return -ENOMEM;
	/* the rescuer: a nested walk may wait here while our bios wait for us */
	err = bioset_init(&parts, 64, offsetof(struct part, bio), BIOSET_NEED_RESCUER);
	if (err)
		destroy_workqueue(read_wq);
	return err;
}

void snapset_image_read_exit(void)
{
	destroy_workqueue(read_wq);
	bioset_exit(&parts);
}
