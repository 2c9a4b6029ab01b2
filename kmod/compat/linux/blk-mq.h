/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * blk-mq and accounting: whether writes that are older than our hook are done.
 */
#ifndef SNAPSET_COMPAT_BLK_MQ_H
#define SNAPSET_COMPAT_BLK_MQ_H

#include_next <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/part_stat.h>
#include <linux/version.h>

/*
 * New requests wait outside of @q until blk_mq_unfreeze_queue(), which here has no say in
 * the caller's memalloc_noio_save(): several queues may be closed at a time. Those that
 * have entered have ended when blk_mq_freeze_queue_wait_timeout() says so.
 */
static inline void snapset_mq_unfreeze(struct request_queue *q)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)	/* memflags, lockdep: 6.14 */
	blk_mq_unfreeze_queue(q, memalloc_noio_save());
#else
	blk_mq_unfreeze_queue(q);
#endif
}

/* Does anything send requests of its own to another disk's queue? */
static inline bool snapset_requests_are_cloned(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 18, 0)	/* an option: 5.18 */
	return IS_ENABLED(CONFIG_BLK_MQ_STACKING);
#else
	return true;
#endif
}

/* That a request goes to; NULL: one that is going, or none yet. */
static inline struct gendisk *snapset_request_disk(const struct request *rq)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 17, 0)	/* rq_disk: gone in 5.17 */
	return READ_ONCE(rq->q->disk);
#else
	return rq->rq_disk;
#endif
}

/*
 * Writes that a bio-based driver has accounted as in flight on the disk, whole and
 * partitions: up to 6.12 each counts for itself. One scan over the CPUs is no
 * snapshot: it may be off by what moves meanwhile.
 */
static inline long snapset_disk_writes_inflight(struct gendisk *disk)
{
	long sum = 0;
	int cpu;
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
	struct disk_part_iter iter;
	struct hd_struct *part;

	disk_part_iter_init(&iter, disk, DISK_PITER_INCL_PART0);
	while ((part = disk_part_iter_next(&iter)))
		for_each_possible_cpu(cpu)
			sum += part_stat_local_read_cpu(part, in_flight[1], cpu);
	disk_part_iter_exit(&iter);
#else
	struct block_device *part;
	unsigned long index;

	rcu_read_lock();
	xa_for_each(&disk->part_tbl, index, part)
		for_each_possible_cpu(cpu)
			sum += part_stat_local_read_cpu(part, in_flight[1], cpu);
	rcu_read_unlock();
#endif
	return sum;
}

/* When I/O to the disk that is accounted as in flight last began or ended, in jiffies. */
static inline unsigned long snapset_disk_stamp(struct gendisk *disk)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
	return READ_ONCE(disk->part0.stamp);
#else
	return READ_ONCE(disk->part0->bd_stamp);
#endif
}

#endif
