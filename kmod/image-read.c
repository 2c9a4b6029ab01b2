// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of an image read. Runs that are kept, by the snapshot itself or by a newer one,
 * are read from RAM or store at once. Runs that are not kept are read from the origin;
 * and when that data has come the maps are asked again. What is kept by then may have
 * been overwritten before it was read, and is read once more, from where it is kept. The
 * rest is old data: a write that destroys something goes to the device after the map
 * says that it is kept. Unless the engine has died meanwhile, which is why that is asked
 * at the very end. So no write waits for a reader, and a reader waits for no write.
 *
 * A granule is kept once, and for ever, so nothing is read more than twice.
 *
 * The copy in RAM is looked for after the map has said "kept": copies leave RAM
 * only when the store has them, so a run is in one of the two.
 *
 * The engine whose map said "kept" is held until the data has come, so that its places
 * are not given to others.
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
	unsigned long begun;		/* for the image's account */
	atomic_t left;
	blk_status_t status;
};

/* A piece: a bio of ours to the origin or the store. */
struct part {
	struct image_io *io;
	struct snapset_cow *holder;	/* of the place that is read; NULL: the origin */
	struct bvec_iter iter;		/* within io->bio */
	struct work_struct work;
	struct bio bio;			/* last */
};

static struct bio_set parts;
static struct bio_set second;		/* of what is read once more: they all end by themselves */
static struct workqueue_struct *read_wq;

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
	bio_end_io_acct(bio, io->begun);
	kfree(io);
	bio_endio(bio);
	rcu_read_lock();
	snapset_cow_put(cow);
	rcu_read_unlock();
}

/* A clone of what @iter describes of io->bio, for @bdev. Waits for memory. */
static struct part *part_new(struct image_io *io, struct block_device *bdev,
			     struct bvec_iter iter, struct bio_set *bios)
{
	struct bio *bio;
	struct part *part;

	while (!(bio = snapset_bio_clone(bdev, io->bio, GFP_NOIO, bios)))
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

static void part_send(struct part *part, sector_t sector, bio_end_io_t *done)
{
	part->bio.bi_iter.bi_sector = sector;
	part->bio.bi_end_io = done;
	submit_bio_noacct(&part->bio);
}

/* The granules that @iter touches. */
static void granules_of(const struct bvec_iter *iter, u64 *first, u64 *nr)
{
	struct snapset_range r = snapset_range_of(iter->bi_sector, bvec_iter_sectors(*iter));

	*first = snapset_range_first_granule(r);
	*nr = snapset_range_last_granule(r) - *first + 1;
}

/* Is none of them kept now? Any context. */
static bool none_kept(struct snapset_cow *cow, u64 first, u64 nr)
{
	struct snapset_map_run run;
	struct snapset_cow *holder;

	for (; nr; first += run.len, nr -= run.len) {
		if (!snapset_chain_lookup(cow, first, nr, &run, &holder))
			return true;	/* it is over, and io_put() says so */
		put_holder(holder);
		if (holder)
			return false;
	}
	return true;
}

/* The origin's data has come. */
static void origin_done(struct bio *bio)
{
	struct part *part = container_of(bio, struct part, bio);
	struct snapset_cow *cow = part->io->cow;
	const char *lost;
	u64 first, nr;

	rcu_read_lock();
	lost = snapset_origin_lost(cow->origin);
	if (lost)
		snapset_cow_kill(cow, SNAPSET_E_UNEXPECTED_PROVIDER_ERROR, "%s", lost);
	granules_of(&part->iter, &first, &nr);
	smp_mb();	/* the data before the maps: see proof.rst */
	if (bio->bi_status || none_kept(cow, first, nr))
		part_done(bio);
	else
		queue_work(read_wq, &part->work);
	rcu_read_unlock();
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
		     struct snapset_map_run *run, struct snapset_cow *holder,
		     struct bio_set *bios)
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
		part = part_new(io, bdev, iter, bios);
		part->holder = holder;
		part_send(part, sector + (offset >> SECTOR_SHIFT), part_done);
		return bytes;
	}
	put_holder(holder);
	return bytes;
}

static void read_origin(struct image_io *io, struct bvec_iter iter);

/*
 * @iter, run by run. With @kept_only what is not kept is left as it is: it has been read
 * before this was asked. Waits for memory, and holds nothing meanwhile but parts that
 * have been sent.
 */
static void walk(struct image_io *io, struct bvec_iter iter, bool kept_only)
{
	struct snapset_map_run run;
	struct snapset_cow *holder;
	u64 first, nr, bytes;
	u32 offset;

	while (iter.bi_size && !snapset_cow_over(io->cow)) {
		granules_of(&iter, &first, &nr);
		offset = (iter.bi_sector % SNAPSET_GRANULE_SECTORS) << SECTOR_SHIFT;
		if (!snapset_chain_lookup(io->cow, first, nr, &run, &holder))
			break;		/* over */
		if (holder) {
			bytes = read_kept(io, iter, offset, &run, holder,
					  kept_only ? &second : &parts);
		} else {
			struct bvec_iter some = iter;

			bytes = min_t(u64, iter.bi_size,
				      (run.len << SNAPSET_GRANULE_SHIFT) - offset);
			some.bi_size = bytes;
			if (!kept_only)
				read_origin(io, some);
		}
		bio_advance_iter(io->bio, &iter, bytes);
	}
}

/* Some of what was read is kept by now. */
static void part_again(struct work_struct *work)
{
	struct part *part = container_of(work, struct part, work);
	struct image_io *io = part->io;
	struct bvec_iter iter = part->iter;

	bio_put(&part->bio);	/* first: the next part may wait for it */
	walk(io, iter, true);
	io_put(io);
}

static void read_origin(struct image_io *io, struct bvec_iter iter)
{
	struct part *part = part_new(io, io->cow->origin->bdev.bdev, iter,
				     &parts);

	INIT_WORK(&part->work, part_again);
	snapset_fault("image-read-origin");
	part_send(part, iter.bi_sector, origin_done);
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
	io->begun = bio_start_io_acct(bio);
	walk(io, bio->bi_iter, false);
	io_put(io);
}

int snapset_image_read_init(void)
{
	int err;

	read_wq = alloc_workqueue("snapset-read", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!read_wq)
		return -ENOMEM;
	/* the rescuer: a walk may wait here while its bios wait for it to return */
	err = bioset_init(&parts, 64, offsetof(struct part, bio), BIOSET_NEED_RESCUER);
	if (err)
		goto destroy_wq;
	/*
	 * Another reserve: what has been read for the first time and found kept holds one of
	 * those while it waits for a worker, and the workers may all wait here.
	 */
	err = bioset_init(&second, 64, offsetof(struct part, bio), 0);
	if (err)
		goto exit_parts;
	return 0;

exit_parts:
	bioset_exit(&parts);
destroy_wq:
	destroy_workqueue(read_wq);
	return err;
}

void snapset_image_read_exit(void)
{
	destroy_workqueue(read_wq);
	bioset_exit(&second);
	bioset_exit(&parts);
}
