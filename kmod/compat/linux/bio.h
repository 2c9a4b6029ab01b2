/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bio: allocation and cloning with today's arguments; where a bio points.
 */
#ifndef SNAPSET_COMPAT_BIO_H
#define SNAPSET_COMPAT_BIO_H

#include_next <linux/bio.h>
#include <linux/blk-crypto.h>
#include <linux/blkdev.h>
#include <linux/version.h>

/*
 * That a bio of one page need not be split is seen by its number of bvecs, which a
 * clone lacks; the newest kernels look at the bvec.
 */
static inline void snapset_bio_clone_vcnt(struct bio *bio, const struct bio *src)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 0, 0)	/* bio_may_need_split(): 7.0 */
	if (src->bi_vcnt == 1 && !src->bi_iter.bi_idx && !src->bi_iter.bi_bvec_done)
		bio->bi_vcnt = 1;
#endif
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 12, 0)	/* bio->bi_bdev: 5.12 */

static inline struct gendisk *snapset_bio_disk(struct bio *bio)
{
	return bio->bi_disk;
}

/* First sector on the whole disk; the caller is under rcu_read_lock(). */
static inline sector_t snapset_bio_sector(struct bio *bio)
{
	struct disk_part_tbl *tbl;
	struct hd_struct *part;

	if (!bio->bi_partno)
		return bio->bi_iter.bi_sector;
	tbl = rcu_dereference(bio->bi_disk->part_tbl);
	if (bio->bi_partno >= tbl->len)
		return bio->bi_iter.bi_sector;
	part = rcu_dereference(tbl->part[bio->bi_partno]);
	return bio->bi_iter.bi_sector + (part ? part->start_sect : 0);
}

static inline struct bio *snapset_bio_clone(struct block_device *bdev, struct bio *src,
					    gfp_t gfp, struct bio_set *bs)
{
	struct bio *bio = bio_clone_fast(src, gfp, bs);

	if (!bio)
		return NULL;
	if (bdev)
		bio_set_dev(bio, bdev);
	snapset_bio_clone_vcnt(bio, src);
	return bio;
}

static inline bool snapset_bio_clone_again(struct bio *bio, struct bio *src, gfp_t gfp,
					   struct bio_set *bs)
{
	bio_init(bio, NULL, 0);
	bio->bi_pool = bs;
	__bio_clone_fast(bio, src);
	if (bio_crypt_clone(bio, src, gfp) < 0 ||
	    (bio_integrity(src) && bio_integrity_clone(bio, src, gfp) < 0))
		return false;
	snapset_bio_clone_vcnt(bio, src);
	return true;
}

static inline struct bio *snapset_bio_alloc(struct block_device *bdev,
					    unsigned short nr, unsigned int opf,
					    gfp_t gfp, struct bio_set *bs)
{
	struct bio *bio = bio_alloc_bioset(gfp, nr, bs);

	if (bio) {
		bio_set_dev(bio, bdev);
		bio->bi_opf = opf;
	}
	return bio;
}

#else

static inline struct gendisk *snapset_bio_disk(struct bio *bio)
{
	return bio->bi_bdev->bd_disk;
}

/* First sector on the whole disk, whether the bio has been remapped or not. */
static inline sector_t snapset_bio_sector(struct bio *bio)
{
	if (bio_flagged(bio, BIO_REMAPPED))
		return bio->bi_iter.bi_sector;
	return bio->bi_iter.bi_sector + bio->bi_bdev->bd_start_sect;
}

static inline void snapset_bio_clone_to(struct block_device *bdev, struct bio *bio,
					struct bio *src)
{
	bio->bi_bdev = bdev ?: src->bi_bdev;
	if (!bdev && bio_flagged(src, BIO_REMAPPED))
		bio_set_flag(bio, BIO_REMAPPED);
	bio_clone_blkg_association(bio, src);
#ifdef CONFIG_BLK_CGROUP
	if (!bio->bi_blkg)	/* nor had @src one */
		bio_associate_blkg(bio);
#endif
	snapset_bio_clone_vcnt(bio, src);
}

/*
 * For @bdev or, if that is NULL, for where @src goes. Without a device it is not charged
 * to a cgroup when it is allocated, and again when it is cloned: once is enough.
 */
static inline struct bio *snapset_bio_clone(struct block_device *bdev, struct bio *src,
					    gfp_t gfp, struct bio_set *bs)
{
	struct bio *bio = bio_alloc_clone(NULL, src, gfp, bs);

	if (bio)
		snapset_bio_clone_to(bdev, bio, src);
	return bio;
}

/* For where @src goes, in a bio of @bs that has ended. False: it is to be put. */
static inline bool snapset_bio_clone_again(struct bio *bio, struct bio *src, gfp_t gfp,
					   struct bio_set *bs)
{
	int err = bio_init_clone(NULL, bio, src, gfp);

	bio->bi_pool = bs;
	/* taken over from @src, but it would be put where those of its own set go */
	bio->bi_opf &= ~REQ_ALLOC_CACHE;
	if (!err)
		snapset_bio_clone_to(NULL, bio, src);
	return !err;
}

static inline struct bio *snapset_bio_alloc(struct block_device *bdev,
					    unsigned short nr, blk_opf_t opf,
					    gfp_t gfp, struct bio_set *bs)
{
	return bio_alloc_bioset(bdev, nr, opf, gfp, bs);
}

#endif

/*
 * What a clone must carry over and must not. "Already throttled" is not copied
 * by the kernel (6.1 and later), and a remainder of the clone would be charged
 * again. Nobody polls for a clone; on 5.10, where the submitter polls by the cookie
 * that the clone's submission returns, a clone in the place of its original
 * keeps the flag and one sent by a worker loses it. The original is not polled
 * for either, since its end comes by the clone's interrupt.
 */
static inline void snapset_bio_clone_flags(struct bio *clone, struct bio *src,
					   bool in_place)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 16, 0)	/* bio_clear_polled(): 5.16 */
	if (!in_place)
		clone->bi_opf &= ~REQ_HIPRI;
#else
	if (clone->bi_bdev == src->bi_bdev && bio_flagged(src, BIO_BPS_THROTTLED))
		bio_set_flag(clone, BIO_BPS_THROTTLED);
	bio_clear_polled(clone);
	bio_clear_polled(src);
#endif
	if (!in_place)
		clone->bi_opf &= ~REQ_NOWAIT;
}

/* A part of a bio cannot be atomic. */
static inline void snapset_bio_piece_flags(struct bio *piece)
{
#ifdef REQ_ATOMIC	/* 6.11 */
	piece->bi_opf &= ~REQ_ATOMIC;
#endif
}

/* A bio that was taken from its submitter and is sent by a worker. */
static inline void snapset_bio_taken_flags(struct bio *bio)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 16, 0)
	bio->bi_opf &= ~REQ_HIPRI;
#else
	bio_clear_polled(bio);
#endif
	bio->bi_opf &= ~REQ_NOWAIT;
}

/* Its submitter may not sleep, or waits by polling for just this bio. */
static inline bool snapset_bio_impatient(const struct bio *bio)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 16, 0)	/* REQ_POLLED: 5.16 */
	return bio->bi_opf & (REQ_NOWAIT | REQ_HIPRI);
#else
	return bio->bi_opf & (REQ_NOWAIT | REQ_POLLED);
#endif
}

#endif
