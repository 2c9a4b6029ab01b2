// SPDX-License-Identifier: GPL-2.0-only
#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "fault.h"
#include "origin.h"
#include "store.h"
#include "store-label.h"

/*
 * Beside the ends: VMFS is looked for at 1 and 2 MiB, the second header of LUKS2 at these and
 * 4 MiB, copies of btrfs' superblock lie at 64 MiB and 256 GiB.
 */
static const u64 looked_at[] = { 1ULL << 20, 2ULL << 20, 4ULL << 20, 64ULL << 20, 256ULL << 30 };

static void fill(void *page, u64 sector, u64 sectors, const u8 *id, const snapset_id *set)
{
	struct snapset_store_header *h = page;
	unsigned int i;

	memset(page, 0, PAGE_SIZE);
	for (i = 0; i < SNAPSET_GRANULE_SECTORS; i++) {
		struct snapset_store_label *l = page + i * SECTOR_SIZE;

		memcpy(l->magic, SNAPSET_STORE_MAGIC, sizeof(l->magic));
		memcpy(l->id, id, sizeof(l->id));
		l->sector = cpu_to_le64(sector + i);
	}
	h->version = cpu_to_le32(SNAPSET_STORE_VERSION);
	memcpy(h->set, set->b, sizeof(h->set));
	h->sectors = cpu_to_le64(sectors);
	strscpy(h->text, SNAPSET_STORE_TEXT, sizeof(h->text));
}

static int write_page(struct block_device *bdev, u64 sector, struct page *page)
{
	blk_opf_t opf = REQ_OP_WRITE | REQ_SYNC | REQ_FUA | REQ_PREFLUSH;
	struct bio *bio = snapset_io_alloc(bdev, 1, opf, GFP_KERNEL);
	int err;

	bio->bi_iter.bi_sector = sector;
	__bio_add_page(bio, page, PAGE_SIZE, 0);
	err = submit_bio_wait(bio);
	bio_put(bio);
	return err;
}

int snapset_store_label(struct block_device *bdev, u64 granules, const snapset_id *set)
{
	u64 sectors = bdev_nr_sectors(bdev), size = SNAPSET_END_GRANULES * SNAPSET_GRANULE_SECTORS;
	u64 end = (granules - SNAPSET_END_GRANULES) * SNAPSET_GRANULE_SECTORS;
	u64 last = (granules - 1) * SNAPSET_GRANULE_SECTORS;
	struct page *page = snapset_may_fail(alloc_page(GFP_KERNEL));
	u8 id[16];
	int err;

	if (!page)
		return -ENOMEM;
	get_random_bytes(id, sizeof(id));
	/*
	 * First what was written through the page cache, by who made it free for us: it would
	 * come later otherwise, over what is kept. Then what is left behind the last whole
	 * granule, too.
	 */
	err = snapset_fault("store-label") ?: sync_blockdev(bdev) ?:
	      blkdev_issue_zeroout(bdev, 0, size, GFP_KERNEL, 0) ?:
	      blkdev_issue_zeroout(bdev, end, sectors - end, GFP_KERNEL, 0);
	if (err)
		goto free;
	fill(page_address(page), last, sectors, id, set);
	err = write_page(bdev, last, page);
	if (err)
		goto free;
	fill(page_address(page), 0, sectors, id, set);
	err = write_page(bdev, 0, page);
free:
	__free_page(page);
	invalidate_bdev(bdev);
	return err;
}

void snapset_store_fence_labels(struct snapset_store *store)
{
	u64 granules = store->space.total, at;
	unsigned int i;

	spin_lock_irq(&store->lock);
	for (i = 0; i < SNAPSET_END_GRANULES; i++) {
		snapset_space_fence(&store->space, i);
		snapset_space_fence(&store->space, granules - 1 - i);
	}
	for (i = 0; i < ARRAY_SIZE(looked_at); i++) {
		at = looked_at[i] >> SNAPSET_GRANULE_SHIFT;
		if (at < granules - SNAPSET_END_GRANULES)
			snapset_space_fence(&store->space, at);
	}
	WRITE_ONCE(store->granules, granules - store->space.fenced);
	spin_unlock_irq(&store->lock);
}
