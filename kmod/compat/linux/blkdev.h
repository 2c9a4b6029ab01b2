/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Disks and block devices: opening by number, making a bio-based disk, asking a
 * driver what it has in flight.
 */
#ifndef SNAPSET_COMPAT_BLKDEV_H
#define SNAPSET_COMPAT_BLKDEV_H

#include_next <linux/blkdev.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#include <linux/genhd.h>
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
#include <linux/file.h>
#include <linux/sched.h>
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 16, 0)	/* bdev_nr_sectors(): 5.16 */
static inline sector_t bdev_nr_sectors(struct block_device *bdev)
{
	return i_size_read(bdev->bd_inode) >> 9;
}
#endif

/* An open block device and what closes it. */
struct snapset_bdev {
	struct block_device *bdev;
	void *handle;
	bool write;
	bool lazy;		/* the close may come to pass later */
};

/* @holder: claims it exclusively and for writing; NULL: shared, for reading. */
static inline int snapset_bdev_open(struct snapset_bdev *b, dev_t dev, void *holder)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)	/* blk_mode_t: 6.5 */
	fmode_t mode = FMODE_READ | (holder ? FMODE_WRITE | FMODE_EXCL : 0);

	b->bdev = blkdev_get_by_dev(dev, mode, holder);
	if (IS_ERR(b->bdev))
		return PTR_ERR(b->bdev);
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)	/* bdev_file_open_by_dev(): 6.9 */
#error "no supported kernel is between 6.5 and 6.9"
#else
	struct file *file;

	file = bdev_file_open_by_dev(dev, BLK_OPEN_READ |
				     (holder ? BLK_OPEN_WRITE : 0), holder, NULL);
	if (IS_ERR(file))
		return PTR_ERR(file);
	b->bdev = file_bdev(file);
	b->handle = file;
#endif
	b->write = holder;
	return 0;
}

static inline void snapset_bdev_close(struct snapset_bdev *b)
{
	if (!b->bdev)
		return;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	blkdev_put(b->bdev, FMODE_READ | (b->write ? FMODE_WRITE | FMODE_EXCL : 0));
#else
	bdev_fput(b->handle);
	/* a kernel thread's last put is only queued: let the close be real now */
	if (!b->lazy && (current->flags & PF_KTHREAD))
		flush_delayed_fput();
#endif
	b->bdev = NULL;
}

#ifndef blk_queue_rot	/* bdev_rot(): 7.x */
static inline bool bdev_rot(struct block_device *bdev)
{
	return !blk_queue_nonrot(bdev_get_queue(bdev));
}
#endif

/* A disk of our own whose bios go to its fops; ERR_PTR() on failure. It accounts its I/O. */
static inline struct gendisk *snapset_disk_alloc(unsigned int block_size, bool rotational)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 15, 0)	/* blk_alloc_disk(): 5.15 */
	struct gendisk *disk = alloc_disk(1);

	if (!disk)
		return ERR_PTR(-ENOMEM);
	disk->queue = blk_alloc_queue(NUMA_NO_NODE);
	if (!disk->queue) {
		put_disk(disk);
		return ERR_PTR(-ENOMEM);
	}
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)	/* limits as argument: 6.9 */
	struct gendisk *disk = blk_alloc_disk(NUMA_NO_NODE);

	if (!disk)
		return ERR_PTR(-ENOMEM);
#else
	struct queue_limits lim = {
		.logical_block_size = block_size,
		.physical_block_size = max(block_size, 4096U),
		.io_min = max(block_size, 4096U),
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)	/* flags of the queue before */
		.features = BLK_FEAT_IO_STAT | (rotational ? BLK_FEAT_ROTATIONAL : 0),
#endif
	};
	struct gendisk *disk = blk_alloc_disk(&lim, NUMA_NO_NODE);

	if (IS_ERR(disk))
		return disk;
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
	blk_queue_logical_block_size(disk->queue, block_size);
	blk_queue_physical_block_size(disk->queue, max(block_size, 4096U));
	blk_queue_io_min(disk->queue, max(block_size, 4096U));
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
	blk_queue_flag_set(QUEUE_FLAG_IO_STAT, disk->queue);
	if (!rotational)
		blk_queue_flag_set(QUEUE_FLAG_NONROT, disk->queue);
#endif
	return disk;
}

/* Changes when there is another medium, or a loop device gets another file. */
static inline u64 snapset_disk_medium(const struct gendisk *disk)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 15, 0)	/* disk->diskseq: 5.15 */
	return 0;
#else
	return READ_ONCE(disk->diskseq);
#endif
}

/*
 * From 5.15 on open() and del_gendisk() exclude one another. Before, an open may
 * come late: then it sees under RCU that the disk is not up any more, and what
 * snapset_disk_del() has waited for, nobody of them uses.
 */
static inline bool snapset_disk_up(const struct gendisk *disk)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 15, 0)
	return disk->flags & GENHD_FL_UP;
#else
	return true;
#endif
}

static inline void snapset_disk_del(struct gendisk *disk)
{
	del_gendisk(disk);
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 15, 0)
	synchronize_rcu();
#endif
}

/* Before the disk was @added, or after snapset_disk_del(). */
static inline void snapset_disk_free(struct gendisk *disk, bool added)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 15, 0)
	blk_cleanup_queue(disk->queue);
	if (!added)	/* put_disk() puts the reference that adding took */
		disk->queue = NULL;
#endif
	put_disk(disk);
}

static inline int snapset_disk_add(struct gendisk *disk,
				   const struct attribute_group **groups)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 15, 0)	/* returned nothing before */
	device_add_disk(NULL, disk, groups);
	return 0;
#else
	return device_add_disk(NULL, disk, groups);
#endif
}

/*
 * Before 6.3 some drivers (brd, zram, pmem) take single pages without a bio,
 * which no bio filter sees.
 */
static inline bool snapset_disk_bypasses_bios(const struct gendisk *disk)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)	/* ->rw_page(): until 6.2 */
	return disk->fops->rw_page;
#else
	return false;
#endif
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 17, 0)	/* GENHD_FL_NO_PART: 5.17 */
#define GENHD_FL_NO_PART GENHD_FL_NO_PART_SCAN
#endif

/* The three methods of the image's disk, in each kernel's form. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define SNAPSET_DISK_OPEN(name, fn)						\
	static int name(struct block_device *bdev, fmode_t mode)		\
	{ return fn(bdev->bd_disk, mode & FMODE_WRITE); }
#define SNAPSET_DISK_RELEASE(name, fn)						\
	static void name(struct gendisk *disk, fmode_t mode)			\
	{ fn(disk); }
#else
#define SNAPSET_DISK_OPEN(name, fn)						\
	static int name(struct gendisk *disk, blk_mode_t mode)			\
	{ return fn(disk, mode & BLK_OPEN_WRITE); }
#define SNAPSET_DISK_RELEASE(name, fn)						\
	static void name(struct gendisk *disk)					\
	{ fn(disk); }
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 16, 0)	/* void since 5.16 */
#define SNAPSET_DISK_SUBMIT(name, fn)						\
	static blk_qc_t name(struct bio *bio)					\
	{ fn(bio); return BLK_QC_T_NONE; }
#else
#define SNAPSET_DISK_SUBMIT(name, fn)						\
	static void name(struct bio *bio)					\
	{ fn(bio); }
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 12, 0)	/* bio->bi_bdev: 5.12 */
#define snapset_disk_of(bio) ((bio)->bi_disk)
#else
#define snapset_disk_of(bio) ((bio)->bi_bdev->bd_disk)
#endif

/*
 * Makes @bio what one is at the hook's place. False: it would not have come there.
 * Before 5.18 the hook sees bios before the checks and the remapping of partitions.
 */
static inline bool snapset_bio_at_hook(struct bio *bio)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 18, 0)
	if (bio_end_sector(bio) > bdev_nr_sectors(bio->bi_bdev))
		return false;
	if (bdev_is_partition(bio->bi_bdev) && !bio_flagged(bio, BIO_REMAPPED)) {
		bio->bi_iter.bi_sector += bio->bi_bdev->bd_start_sect;
		bio_set_flag(bio, BIO_REMAPPED);
	}
#endif
	return true;
}

#endif
