// SPDX-License-Identifier: GPL-2.0-only
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "counters.h"
#include "fault.h"
#include "origin.h"
#include "pin.h"
#include "say.h"
#include "store-disk.h"

#define UNPIN_WAIT	(5 * HZ)

struct pin {
	struct file *file;
	bool active;			/* the file system has pinned it */
	bool keep;			/* it is not removed */
	struct snapset_extent *extents;
	unsigned int nr;
};

struct snapset_pins {
	unsigned int nr;
	struct pin pin[SNAPSET_PIN_FILES];
	struct work_struct work;
};

/* Not for reclaim: nobody who frees memory waits for a file to be removed. */
static struct workqueue_struct *unpin_wq;
static atomic_t unpinning;
static DECLARE_WAIT_QUEUE_HEAD(unpinned);

static const char magic[16] = SNAPSET_STORE_MAGIC;

/* Under the lock of the inode. */
static void deactivate(struct pin *p)
{
	struct inode *inode = file_inode(p->file);

	if (inode->i_mapping->a_ops->swap_deactivate)
		inode->i_mapping->a_ops->swap_deactivate(p->file);
	inode->i_flags &= ~S_SWAPFILE;
	p->active = false;
	snapset_gone(SNAPSET_OBJ_PIN);
}

static void unpin_one(struct pin *p)
{
	struct inode *inode = file_inode(p->file);

	if (p->active) {
		inode_lock(inode);
		deactivate(p);
		inode_unlock(inode);
		if (!p->keep)
			snapset_file_remove(p->file);
	}
	kvfree(p->extents);
	fput(p->file);
}

static void unpin_work(struct work_struct *work)
{
	struct snapset_pins *pins = container_of(work, struct snapset_pins, work);
	unsigned int i;

	for (i = 0; i < pins->nr; i++)
		unpin_one(&pins->pin[i]);
	kfree(pins);
	flush_delayed_fput();	/* a kernel thread's last put is only queued */
	if (atomic_dec_and_test(&unpinning))
		wake_up_all(&unpinned);
}

void snapset_unpin(struct snapset_pins *pins, bool refused)
{
	unsigned int i;

	if (!pins)
		return;
	for (i = 0; i < pins->nr; i++)
		pins->pin[i].keep |= refused;
	atomic_inc(&unpinning);
	queue_work(unpin_wq, &pins->work);
}

void snapset_unpin_wait(void)
{
	wait_event_timeout(unpinned, !atomic_read(&unpinning), UNPIN_WAIT);
}

/*
 * Those of which it was tried that blocks stay where they are. f2fs, for one, lets its
 * garbage collection move them after all when that is short of room.
 */
static const char *const types[] = { "ext2", "ext3", "ext4", "xfs", "btrfs" };

static bool is_known(const char *type)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

static int is_mapped(const struct file *file, struct netlink_ext_ack *extack)
{
	if (!mapping_writably_mapped(file->f_mapping))
		return 0;
	return snapset_say(extack, -EBUSY, "%pD is mapped into somebody's memory", file);
}

static int may_be_pinned(struct file *file, struct netlink_ext_ack *extack)
{
	const struct inode *inode = file_inode(file);
	const char *type = inode->i_sb->s_type->name;
	loff_t size = i_size_read(inode);
	int err;

	if (!S_ISREG(inode->i_mode))
		return snapset_say(extack, -EINVAL, "%pD is no regular file", file);
	if ((file->f_mode & (FMODE_READ | FMODE_WRITE)) != (FMODE_READ | FMODE_WRITE))
		return snapset_say(extack, -EINVAL, "%pD is not open for reading and writing",
				   file);
	if (!is_known(type) || !inode->i_mapping->a_ops->swap_activate)
		return snapset_say(extack, -EOPNOTSUPP,
				   "%pD: a file system of type %s cannot say where a file lies and keep it there, as far as is known",
				   file, type);
	if (IS_SWAPFILE(inode))
		return snapset_say(extack, -EBUSY, "%pD is in use, as a store or for swapping",
				   file);
	err = is_mapped(file, extack);
	if (err)
		return err;
	if (size < 4 * PAGE_SIZE || size % PAGE_SIZE || size >> PAGE_SHIFT > UINT_MAX)
		return snapset_say(extack, -EINVAL, "%pD cannot be a store: its size is %lld",
				   file, size);
	/* Else who makes it longer has the file system write all of its last block. */
	if (size % i_blocksize(inode))
		return snapset_say(extack, -EINVAL,
				   "%pD cannot be a store: its size, %lld, is not of whole blocks of %u bytes",
				   file, size, i_blocksize(inode));
	return 0;
}

static unsigned int count(const struct rb_root *root)
{
	unsigned int n = 0;
	struct rb_node *node;

	for (node = rb_first(root); node; node = rb_next(node))
		n++;
	return n;
}

static void forget(struct rb_root *root)
{
	struct rb_node *node;

	while ((node = rb_first(root))) {
		rb_erase(node, root);
		kfree(rb_entry(node, struct swap_extent, rb_node));
	}
}

/* From the swap's tree to extents of ours; all of the device, and all of the file. */
static int get_extents(struct pin *p, struct swap_info_struct *sis,
		       struct netlink_ext_ack *extack)
{
	u64 room = bdev_nr_sectors(sis->bdev) / SNAPSET_GRANULE_SECTORS, at = 0;
	struct swap_extent *se;
	struct rb_node *node;

	p->extents = snapset_may_fail(kvcalloc(count(&sis->swap_extent_root),
					       sizeof(*p->extents), GFP_KERNEL));
	if (!p->extents)
		return -ENOMEM;
	for (node = rb_first(&sis->swap_extent_root); node; node = rb_next(node)) {
		se = rb_entry(node, struct swap_extent, rb_node);
		if (se->start_page != at || se->start_block >= room ||
		    se->nr_pages > room - se->start_block)
			return snapset_say(extack, -EIO, "%pD lies where its device has no blocks",
					   p->file);
		p->extents[p->nr].bdev = sis->bdev;
		p->extents[p->nr].sector = (sector_t)se->start_block * SNAPSET_GRANULE_SECTORS;
		p->extents[p->nr].len = se->nr_pages;
		p->nr++;
		at += se->nr_pages;
	}
	if (!p->nr)
		return snapset_say(extack, -EOPNOTSUPP, "%pD has no whole page anywhere", p->file);
	if (bdev_is_zoned(sis->bdev))
		return snapset_say(extack, -EOPNOTSUPP, "%pD lies on a zoned device", p->file);
	return 0;
}

/*
 * As swapon does it, but with a swap_info_struct that only we know. First the mark, from
 * which on no page of a mapping can become dirty, then what is dirty is written: the other
 * way round it could still be written later, onto what the store keeps by then.
 */
static int activate_locked(struct pin *p, struct swap_info_struct *sis,
			   struct netlink_ext_ack *extack)
{
	struct inode *inode = file_inode(p->file);
	sector_t span;
	int err;

	err = may_be_pinned(p->file, extack);
	if (err)
		return err;
	err = snapset_fault("pin") ?:
	      inode->i_mapping->a_ops->swap_activate(sis, p->file, &span);
	if (err < 0) {
		snapset_say(extack, err == -ENOMEM ? err : -EOPNOTSUPP,
			    "%pD cannot be a store: %s says no (error %d): it has holes, shared or compressed blocks, or is copied on write",
			    p->file, inode->i_sb->s_type->name, err);
		return err == -ENOMEM ? err : -EOPNOTSUPP;
	}
	p->active = true;
	snapset_made(SNAPSET_OBJ_PIN);
	err = get_extents(p, sis, extack);
	if (err)
		goto undo;
	snapset_fault("pin-mark");
	inode->i_flags |= S_SWAPFILE;
	/*
	 * A fault that has not seen the mark could make a page dirty when all has been
	 * written. As long as it lasts its mapping is there; who maps it now sees the mark.
	 */
	smp_mb();
	err = is_mapped(p->file, extack) ?: inode_drain_writes(inode);
	if (err)
		goto undo;
	return 0;

undo:
	deactivate(p);	/* at once: somebody else may pin it next */
	return err;
}

static int activate(struct pin *p, struct netlink_ext_ack *extack)
{
	struct inode *inode = file_inode(p->file);
	struct swap_info_struct *sis;
	int err;

	sis = snapset_may_fail(kzalloc(sizeof(*sis), GFP_KERNEL));
	if (!sis)
		return -ENOMEM;
	sis->bdev = inode->i_sb->s_bdev;
	sis->swap_file = p->file;
	sis->swap_extent_root = RB_ROOT;
	sis->max = i_size_read(inode) >> PAGE_SHIFT;
	sis->pages = sis->max - 1;
	inode_lock(inode);
	err = activate_locked(p, sis, extack);
	inode_unlock(inode);
	forget(&sis->swap_extent_root);
	kfree(sis);
	return err;
}

/* A page of the file as the disk has it. */
static int read_raw(const struct snapset_extent *e, u64 granule, struct page *page)
{
	struct bio *bio = snapset_io_alloc(e->bdev, 1, REQ_OP_READ, GFP_KERNEL);
	int err;

	bio->bi_iter.bi_sector = e->sector + granule * SNAPSET_GRANULE_SECTORS;
	__bio_add_page(bio, page, PAGE_SIZE, 0);
	err = submit_bio_wait(bio);
	bio_put(bio);
	return err;
}

/* Are these the labels of sectors that follow each other in a file? Of which, from? */
static bool read_labels(const struct page *page, const u8 *id, u64 *from)
{
	const struct snapset_store_label *l;
	unsigned int i;

	for (i = 0; i < SNAPSET_GRANULE_SECTORS; i++) {
		l = page_address(page) + i * SECTOR_SIZE;
		if (!i)
			*from = le64_to_cpu(l->sector);
		if (memcmp(l->magic, magic, sizeof(magic)) || memcmp(l->id, id, sizeof(l->id)) ||
		    le64_to_cpu(l->sector) != *from + i)
			return false;
	}
	return true;
}

/*
 * Where blocks are smaller than pages an extent may begin inside of a page of the file,
 * and what is left of that is not ours.
 */
static int check_labels(struct pin *p, struct netlink_ext_ack *extack)
{
	u64 sectors = i_size_read(file_inode(p->file)) >> SECTOR_SHIFT, first, last;
	const struct snapset_extent *end = &p->extents[p->nr - 1];
	struct snapset_store_label label;
	struct page *page;
	loff_t pos = 0;
	bool good;
	int err;

	err = kernel_read(p->file, &label, sizeof(label), &pos);
	if (err != sizeof(label))
		return snapset_say(extack, err < 0 ? err : -EIO, "%pD cannot be read",
				   p->file);
	if (memcmp(label.magic, magic, sizeof(magic)))
		return snapset_say(extack, -EINVAL, "%pD has no label of a store",
				   p->file);
	page = snapset_may_fail(alloc_page(GFP_KERNEL));
	if (!page)
		return -ENOMEM;
	err = read_raw(p->extents, 0, page);
	good = !err && read_labels(page, label.id, &first) && first < SNAPSET_GRANULE_SECTORS;
	if (!err)
		err = read_raw(end, end->len - 1, page);
	good = good && !err && read_labels(page, label.id, &last) &&
	       last > sectors - 2 * SNAPSET_GRANULE_SECTORS &&
	       last <= sectors - SNAPSET_GRANULE_SECTORS;
	__free_page(page);
	if (err)
		return snapset_say(extack, err, "the blocks of %pD cannot be read: error %d",
				   p->file, err);
	if (!good)
		return snapset_say(extack, -EOPNOTSUPP,
				   "%pD cannot be a store: its labels do not lie where %s says",
				   p->file, file_inode(p->file)->i_sb->s_type->name);
	return 0;
}

static int pin_one(struct pin *p, struct netlink_ext_ack *extack)
{
	struct super_block *sb = file_inode(p->file)->i_sb;
	int err;

	if (READ_ONCE(sb->s_writers.frozen) != SB_UNFROZEN)
		return snapset_say(extack, -EBUSY, "%pD: its file system is frozen",
				   p->file);
	err = activate(p, extack);
	return err ?: check_labels(p, extack);
}

void snapset_files_put(struct snapset_files *files)
{
	if (!files)
		return;
	while (files->nr)
		fput(files->file[--files->nr]);
	kfree(files);
	if (current->flags & PF_KTHREAD)
		flush_delayed_fput();	/* else it is only queued */
}

struct snapset_pins *snapset_pin(struct snapset_files *files,
				 struct netlink_ext_ack *extack)
{
	struct snapset_pins *pins = snapset_may_fail(kzalloc(sizeof(*pins), GFP_KERNEL));
	bool keep = files->keep;
	unsigned int i;
	int err;

	if (!pins) {
		snapset_files_put(files);
		return ERR_PTR(-ENOMEM);
	}
	INIT_WORK(&pins->work, unpin_work);
	for (i = 0; i < files->nr; i++)
		pins->pin[i].file = files->file[i];
	pins->nr = files->nr;
	kfree(files);
	for (i = 0; i < pins->nr; i++) {
		err = pin_one(&pins->pin[i], extack);
		if (err) {
			snapset_unpin(pins, true);
			snapset_unpin_wait();	/* its owner may try again */
			return ERR_PTR(err);
		}
		pins->pin[i].keep = keep;
	}
	return pins;
}

const struct snapset_extent *snapset_pin_extents(const struct snapset_pins *pins,
						 unsigned int i, unsigned int *nr)
{
	*nr = pins->pin[i].nr;
	return pins->pin[i].extents;
}

unsigned int snapset_pin_count(const struct snapset_pins *pins)
{
	return pins->nr;
}

unsigned int snapset_pins_block_size(const struct snapset_pins *pins)
{
	unsigned int i, size = SECTOR_SIZE;

	for (i = 0; i < pins->nr; i++)
		size = max_t(unsigned int, size,
			     bdev_logical_block_size(pins->pin[i].extents->bdev));
	return size;
}

bool snapset_pins_share(const struct snapset_pins *pins, const struct gendisk *disk,
			struct snapset_range range)
{
	const struct snapset_extent *e;
	unsigned int i, n;

	for (i = 0; i < pins->nr; i++)
		for (n = 0; n < pins->pin[i].nr; n++) {
			e = &pins->pin[i].extents[n];
			if (e->bdev->bd_disk == disk &&
			    snapset_range_overlap(snapset_extent_range(e), range))
				return true;
		}
	return false;
}

void snapset_pin_name(const struct snapset_pins *pins, char *name, size_t size)
{
	char *path = file_path(pins->pin[0].file, name, size);

	if (IS_ERR(path))
		*name = '\0';
	else
		memmove(name, path, strlen(path) + 1);
}

void snapset_pins_join(struct snapset_pins *pins, struct snapset_pins *more)
{
	memcpy(&pins->pin[pins->nr], more->pin, more->nr * sizeof(*more->pin));
	pins->nr += more->nr;
	kfree(more);
}

int snapset_pin_init(void)
{
	unpin_wq = alloc_workqueue("snapset-unpin", WQ_UNBOUND, WQ_MAX_ACTIVE);
	return unpin_wq ? 0 : -ENOMEM;
}

void snapset_pin_exit(void)
{
	destroy_workqueue(unpin_wq);
}
