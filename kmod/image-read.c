// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of an image read. Runs that are kept are read from RAM or store at once.
 * A run that is not kept becomes a part: it pins its granules, looks again (a
 * writer may have been first) and then reads the origin. While it is pinned no
 * writer can copy, so none can pass: the origin's data is still the old data -
 * unless the engine has died meanwhile, which is why that is asked at the very end.
 *
 * The copy in RAM is looked for after the map has said "kept": copies leave RAM
 * only when the store has them, so a run is in one of the two.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/slab.h>
#include "copy.h"
#include "cow.h"
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

/* A piece that reads the origin. */
struct part {
	struct image_io *io;
	struct bvec_iter iter;		/* within io->bio */
	struct snapset_rl_node node;
};

static struct bio_set subs;

static void walk(struct image_io *io, struct bvec_iter iter);

static void io_put(struct image_io *io)
{
	struct snapset_cow *cow = io->cow;
	struct bio *bio = io->bio;

	if (!atomic_dec_and_test(&io->left))
		return;
	/* what was read may be newer than the image, or never have been stored */
	bio->bi_status = snapset_cow_dead(cow) ? BLK_STS_IOERR : io->status;
	kfree(io);
	bio_endio(bio);
	rcu_read_lock();
	snapset_cow_put(cow);
	rcu_read_unlock();
}

/* A clone of the part of io->bio that @iter describes, for @bdev at @sector. */
static struct bio *sub_bio(struct image_io *io, struct bvec_iter iter,
			   struct block_device *bdev, sector_t sector)
{
	struct bio *sub = snapset_bio_clone(io->bio, GFP_NOIO, &subs);

	bio_set_dev(sub, bdev);
	snapset_bio_clone_flags(sub, io->bio, false);
	sub->bi_iter = iter;
	sub->bi_iter.bi_sector = sector;
	atomic_inc(&io->left);
	return sub;
}

static void sub_done(struct bio *sub)
{
	struct image_io *io = sub->bi_private;

	rcu_read_lock();
	if (sub->bi_status)
		io->status = sub->bi_status;
	bio_put(sub);
	io_put(io);
	rcu_read_unlock();
}

static void part_done(struct bio *sub)
{
	struct part *part = sub->bi_private;
	struct image_io *io = part->io;

	rcu_read_lock();
	snapset_cow_unpin(io->cow, &part->node);
	kfree(part);
	sub->bi_private = io;
	sub_done(sub);
	rcu_read_unlock();
}

/* The part's granules are pinned now. */
static void part_run(struct part *part)
{
	struct image_io *io = part->io;
	struct snapset_cow *cow = io->cow;
	u64 len = part->node.last - part->node.start + 1;
	struct snapset_map_run run;
	struct bio *sub;

	snapset_map_lookup(&cow->map, part->node.start, len, &run);
	if (run.kept || run.len < len) {
		struct bvec_iter iter = part->iter;

		snapset_cow_unpin(cow, &part->node);
		kfree(part);
		walk(io, iter);
		io_put(io);
		return;
	}
	sub = sub_bio(io, part->iter, cow->origin->bdev.bdev, part->iter.bi_sector);
	sub->bi_private = part;
	sub->bi_end_io = part_done;
	submit_bio_noacct(sub);
	io_put(io);
}

void snapset_image_granted(struct snapset_rl_node *node)
{
	part_run(container_of(node, struct part, node));
}

static void read_origin(struct image_io *io, struct bvec_iter iter, u64 first,
			u64 len)
{
	struct part *part = kmalloc(sizeof(*part), GFP_NOIO | __GFP_NOFAIL);

	part->io = io;
	part->iter = iter;
	memset(&part->node, 0, sizeof(part->node));
	part->node.start = first;
	part->node.last = first + len - 1;
	part->node.shared = true;
	atomic_inc(&io->left);		/* part_run() gives it back */
	if (snapset_cow_pin(io->cow, &part->node))
		part_run(part);
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

/* The kept run from granule @first, at @run: how many bytes of @iter it served. */
static u32 read_kept(struct image_io *io, struct bvec_iter iter, u64 first,
		     u32 offset, struct snapset_map_run *run)
{
	struct snapset_cow *cow = io->cow;
	struct snapset_store *store = cow->store;
	u64 max = run->len;
	struct snapset_copy *copy;
	struct block_device *bdev;
	sector_t sector;
	struct bio *sub;
	u64 bytes;

	copy = store->ops->adopts ? NULL : snapset_copy_find(cow, first, &max);
	if (copy)
		max = min(max, copy->start + copy->io.len - first);
	bytes = min_t(u64, iter.bi_size, (max << SNAPSET_GRANULE_SHIFT) - offset);
	iter.bi_size = bytes;
	if (copy) {
		struct ram_arg arg = { copy->pages + (first - copy->start) };

		copy_out(io->bio, iter, ram_page, &arg, offset);
		snapset_copy_put(copy);
	} else if (store->ops->page) {
		struct mem_arg arg = { store, run->place };

		copy_out(io->bio, iter, mem_page, &arg, offset);
	} else {
		store->ops->locate(store, run->place, &bdev, &sector);
		sub = sub_bio(io, iter, bdev, sector + (offset >> SECTOR_SHIFT));
		sub->bi_private = io;
		sub->bi_end_io = sub_done;
		submit_bio_noacct(sub);
	}
	return bytes;
}

static void walk(struct image_io *io, struct bvec_iter iter)
{
	struct snapset_map_run run;
	u64 first, last, bytes;
	u32 offset;

	while (iter.bi_size && !snapset_cow_dead(io->cow)) {
		first = iter.bi_sector / SNAPSET_GRANULE_SECTORS;
		last = (iter.bi_sector + bvec_iter_sectors(iter) - 1) /
			SNAPSET_GRANULE_SECTORS;
		offset = (iter.bi_sector % SNAPSET_GRANULE_SECTORS) << SECTOR_SHIFT;
		snapset_map_lookup(&io->cow->map, first, last - first + 1, &run);
		if (run.kept) {
			bytes = read_kept(io, iter, first, offset, &run);
		} else {
			struct bvec_iter part = iter;

			bytes = min_t(u64, iter.bi_size,
				      (run.len << SNAPSET_GRANULE_SHIFT) - offset);
			part.bi_size = bytes;
			read_origin(io, part, first, run.len);
		}
		bio_advance_iter(io->bio, &iter, bytes);
	}
}

void snapset_image_read(struct snapset_cow *cow, struct bio *bio)
{
	struct image_io *io;

	if (bio_op(bio) != REQ_OP_READ || snapset_cow_dead(cow)) {
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
	io->status = BLK_STS_OK;
	atomic_set(&io->left, 1);
	walk(io, bio->bi_iter);
	io_put(io);
}

int snapset_image_read_init(void)
{
	return bioset_init(&subs, 64, 0, BIOSET_NEED_RESCUER);
}

void snapset_image_read_exit(void)
{
	bioset_exit(&subs);
}
