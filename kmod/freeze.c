// SPDX-License-Identifier: GPL-2.0-only
/*
 * Superblocks are frozen, not block devices: freezing by device freezes nothing
 * for btrfs, external journals, f2fs' further devices and whole disks, and says
 * that it succeeded. Where the kernel knows who froze, we freeze as the kernel.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/path.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/writeback.h>
#include "counters.h"
#include "dm.h"
#include "fault.h"
#include "freeze.h"

#define THAW_WAIT	(10 * HZ)	/* a thaw that takes longer is a debt */

enum item_state {
	IDLE,
	BUSY,			/* its worker is at a step */
	ENDED,			/* the step has ended well: synced, frozen */
	FAILED,
	ABANDONED,		/* nobody waits: the worker undoes it and frees the item */
};

struct item {
	struct super_block *sb;		/* NULL: a device to sync */
	struct path path;
	struct snapset_bdev bdev;
	bool drain, noflush;
	char name[SNAPSET_NAME_MAX + 1];
	struct work_struct work;
	wait_queue_head_t *wq;		/* the set's; not to be touched once ABANDONED */
	enum snapset_freeze_step step;
	bool thaw;			/* the work is a thaw */
	atomic_t state;
	int err;
	struct list_head debt;		/* debts_lock */
};

struct snapset_freezer {
	wait_queue_head_t *wq;
	bool silent;		/* debts_lock; items may go: no name is told any more */
	unsigned int nr, frozen;
	struct item *items[];
};

static struct workqueue_struct *freeze_wq;
static struct workqueue_struct *thaw_wq;	/* never behind syncs and freezes that hang */
static DEFINE_SPINLOCK(debts_lock);	/* guards debts, and items from who tells of them */
static LIST_HEAD(debts);
static DECLARE_WAIT_QUEUE_HEAD(debts_wq);	/* woken when one is paid */
static unsigned int paid;		/* how many ever; debts_lock */

static void item_free(struct item *it)
{
	if (it->sb)
		path_put(&it->path);
	snapset_bdev_close(&it->bdev);
	kfree(it);
}

static int sync_item(struct item *it)
{
	int err = snapset_fault("sync");

	if (err)
		return err;
	if (!it->sb)
		return sync_blockdev(it->bdev.bdev);
	down_read(&it->sb->s_umount);
	err = sync_filesystem(it->sb);
	up_read(&it->sb->s_umount);
	return err;
}

static void thaw_item(struct item *it)
{
	int err;

	snapset_fault("thaw");
	err = snapset_sb_thaw(it->sb, it);
	if (err)	/* somebody else has thawed it */
		pr_warn("%s was not frozen any more when it was to be thawed: %d\n",
			it->name, err);
	snapset_gone(SNAPSET_OBJ_FROZEN);
}

static bool is_frozen(const struct item *it)
{
	return READ_ONCE(it->sb->s_writers.frozen) == SB_FREEZE_COMPLETE;
}

static int freeze_item(struct item *it)
{
	int err = snapset_fault("freeze");

	if (!err)
		err = snapset_sb_freeze(it->sb, it);
	if (err)
		return err;
	snapset_made(SNAPSET_OBJ_FROZEN);
	snapset_fault("frozen");
	if (is_frozen(it))
		return 0;
	thaw_item(it);		/* "success" for one that is not there yet or not any more */
	return -EAGAIN;
}

static void pay_debt(struct item *it)
{
	if (it->step == SNAPSET_FREEZE_FREEZE && !it->err && it->sb) {
		if (!it->thaw)
			thaw_item(it);
		pr_info("%s has been thawed late\n", it->name);
	}
	spin_lock(&debts_lock);
	list_del_init(&it->debt);
	WRITE_ONCE(paid, paid + 1);
	wake_up_all(&debts_wq);
	spin_unlock(&debts_lock);
	it->bdev.lazy = true;	/* no waiting for others on this queue */
	item_free(it);
	snapset_gone(SNAPSET_OBJ_OWED);
	module_put(THIS_MODULE);	/* exit waits for the rest of this work */
}

static void item_work(struct work_struct *work)
{
	struct item *it = container_of(work, struct item, work);

	if (it->thaw) {
		thaw_item(it);
		it->err = 0;
	} else if (it->step == SNAPSET_FREEZE_SYNC) {
		it->err = sync_item(it);
	} else if (it->step == SNAPSET_FREEZE_DRAIN) {
		it->err = snapset_dm_drain(it->bdev.bdev->bd_disk, it->noflush);
	} else if (it->sb) {
		it->err = freeze_item(it);
	}
	/*
	 * The waiter must not free the item, nor the waitqueue's owner go, before
	 * the wake-up: it looks at the state under debts_lock for that.
	 */
	spin_lock(&debts_lock);
	if (atomic_cmpxchg(&it->state, BUSY, it->err ? FAILED : ENDED) == BUSY) {
		wake_up(it->wq);
		spin_unlock(&debts_lock);
		return;
	}
	spin_unlock(&debts_lock);
	pay_debt(it);
}

static struct item *item_new(struct snapset_freezer *f, const char *name)
{
	struct item *it = snapset_may_fail(kzalloc(sizeof(*it), GFP_KERNEL));

	if (!it)
		return NULL;
	it->wq = f->wq;
	strscpy(it->name, name, sizeof(it->name));
	INIT_WORK(&it->work, item_work);
	INIT_LIST_HEAD(&it->debt);
	return it;
}

struct snapset_freezer *snapset_freezer_new(const struct snapset_freeze_arg *args,
					    unsigned int nr, wait_queue_head_t *wq)
{
	struct snapset_freezer *f;
	unsigned int i, j;
	struct item *it;

	f = snapset_may_fail(kzalloc(struct_size(f, items, nr + SNAPSET_MAX_MEMBERS),
				     GFP_KERNEL));
	if (!f)
		return ERR_PTR(-ENOMEM);
	f->wq = wq;
	for (i = 0; i < nr; i++) {
		struct super_block *sb = args[i].path.dentry->d_sb;

		for (j = 0; j < f->nr && f->items[j]->sb != sb; j++)
			;
		if (j < f->nr)
			continue;
		it = item_new(f, args[i].name);
		if (!it)
			goto free;
		if (!*args[i].name)
			scnprintf(it->name, sizeof(it->name), "the %s on %s",
				  sb->s_type->name, sb->s_id);
		it->sb = sb;
		it->path = args[i].path;
		f->items[f->nr++] = it;
	}
	f->frozen = f->nr;
	for (i = 0; i < nr; i++) {	/* the doubles' references */
		for (j = 0; j < f->nr; j++)
			if (f->items[j]->path.dentry == args[i].path.dentry &&
			    f->items[j]->path.mnt == args[i].path.mnt)
				break;
		if (j < f->nr && !f->items[j]->thaw) {
			f->items[j]->thaw = true;	/* marks: its own reference */
			continue;
		}
		path_put(&args[i].path);
	}
	for (j = 0; j < f->nr; j++)
		f->items[j]->thaw = false;
	return f;

free:
	while (f->nr--)
		kfree(f->items[f->nr]);		/* the paths stay the caller's */
	kfree(f);
	return ERR_PTR(-ENOMEM);
}

int snapset_freezer_add_bdev(struct snapset_freezer *f, dev_t dev, bool noflush,
			     const char *name)
{
	struct item *it = item_new(f, name);
	int err;

	if (!it)
		return -ENOMEM;
	err = snapset_bdev_open(&it->bdev, dev, NULL);
	if (err) {
		it->bdev.bdev = NULL;
		item_free(it);
		return err;
	}
	/* with requests the queue itself could be drained: nothing to ask then */
	it->drain = snapset_dm_is(it->bdev.bdev->bd_disk) &&
		    !queue_is_mq(bdev_get_queue(it->bdev.bdev));
	it->noflush = noflush;
	spin_lock(&debts_lock);		/* snapset_freezer_tell() */
	f->items[f->nr++] = it;
	spin_unlock(&debts_lock);
	return 0;
}

void snapset_freezer_begin(struct snapset_freezer *f, enum snapset_freeze_step step)
{
	unsigned int i;

	for (i = 0; i < f->nr; i++) {
		if (step == SNAPSET_FREEZE_DRAIN && !f->items[i]->drain)
			continue;	/* stays frozen, or whatever it is */
		f->items[i]->step = step;
		f->items[i]->err = 0;
		atomic_set(&f->items[i]->state, BUSY);
		queue_work(freeze_wq, &f->items[i]->work);
	}
}

static bool busy(const struct item *it)
{
	return atomic_read(&it->state) == BUSY;
}

bool snapset_freezer_done(const struct snapset_freezer *f)
{
	unsigned int i;

	for (i = 0; i < f->nr; i++)
		if (busy(f->items[i]))
			return false;
	return true;
}

int snapset_freezer_error(const struct snapset_freezer *f, const char **name)
{
	unsigned int i;

	for (i = 0; i < f->nr; i++) {
		if (atomic_read(&f->items[i]->state) != FAILED)
			continue;
		*name = f->items[i]->name;
		return f->items[i]->err;
	}
	return 0;
}

const char *snapset_freezer_late(const struct snapset_freezer *f)
{
	unsigned int i;

	for (i = 0; i < f->nr; i++)
		if (busy(f->items[i]))
			return f->items[i]->name;
	return NULL;
}

bool snapset_freezer_tell(struct snapset_freezer *f, char *name, size_t size)
{
	const char *late;

	spin_lock(&debts_lock);
	late = f->silent ? NULL : snapset_freezer_late(f);
	if (late)
		strscpy(name, late, size);
	spin_unlock(&debts_lock);
	return late;
}

unsigned int snapset_freezer_count(const struct snapset_freezer *f)
{
	return f->frozen;
}

/* Does this step, left alone, stop anybody until it ends? */
static bool in_the_way(const struct item *it)
{
	return it->step == SNAPSET_FREEZE_DRAIN ||
	       (it->step == SNAPSET_FREEZE_FREEZE && it->sb);
}

/*
 * Nobody waits for this one any more. False: it has ended meanwhile. A sync that
 * hangs harms nobody, so it is no debt: sets without its disk can be made.
 */
static bool abandon(struct item *it)
{
	bool abandoned;

	spin_lock(&debts_lock);
	abandoned = atomic_cmpxchg(&it->state, BUSY, ABANDONED) == BUSY;
	if (abandoned) {
		__module_get(THIS_MODULE);	/* the set has one */
		snapset_made(SNAPSET_OBJ_OWED);
		if (in_the_way(it))
			list_add_tail(&it->debt, &debts);
	}
	spin_unlock(&debts_lock);
	return abandoned;
}

/* Their thaws go on; the set, and other disks, need not wait for them. */
static void abandon_late(struct snapset_freezer *f)
{
	unsigned int i, kept = 0;

	for (i = 0; i < f->nr; i++) {
		struct item *it = f->items[i];

		if (!busy(it) || !abandon(it))
			f->items[kept++] = it;
	}
	f->nr = kept;
	f->frozen = 0;		/* which were the first of them */
}

void snapset_freezer_thaw(struct snapset_freezer *f)
{
	unsigned int i, kept = 0;

	spin_lock(&debts_lock);
	f->silent = true;
	spin_unlock(&debts_lock);
	for (i = 0; i < f->nr; i++) {
		struct item *it = f->items[i];

		if (busy(it) && abandon(it))
			continue;
		f->items[kept++] = it;
		if (it->thaw || !it->sb || it->step != SNAPSET_FREEZE_FREEZE ||
		    atomic_read(&it->state) != ENDED)
			continue;
		it->thaw = true;
		atomic_set(&it->state, BUSY);
		queue_work(thaw_wq, &it->work);
	}
	f->nr = kept;
	if (!wait_event_timeout(*f->wq, snapset_freezer_done(f), THAW_WAIT))
		abandon_late(f);
	/* a worker may still be inside its wake-up */
	spin_lock(&debts_lock);
	spin_unlock(&debts_lock);
}

void snapset_freezer_free(struct snapset_freezer *f)
{
	unsigned int i;

	if (!f)
		return;
	for (i = 0; i < f->nr; i++) {
		flush_work(&f->items[i]->work);
		item_free(f->items[i]);
	}
	kfree(f);
}

const char *snapset_freezer_thawed(const struct snapset_freezer *f)
{
	unsigned int i;

	for (i = 0; i < f->frozen; i++)
		if (!is_frozen(f->items[i]))
			return f->items[i]->name;
	return NULL;
}

bool snapset_freezer_covers(const struct snapset_freezer *f,
			    const struct block_device *bdev)
{
	unsigned int i;

	for (i = 0; i < f->frozen; i++)
		if (f->items[i]->sb->s_bdev == bdev)
			return true;
	return false;
}

/* The file system's or device's of @it is that of @debt. */
static bool owes(const struct item *debt, const struct item *it)
{
	if (debt->sb)
		return it->sb == debt->sb;
	return !it->sb && it->bdev.bdev->bd_disk == debt->bdev.bdev->bd_disk;
}

bool snapset_freezer_owed(const struct snapset_freezer *f, char *name, size_t size)
{
	struct item *debt;
	bool owed = false;
	unsigned int i;

	spin_lock(&debts_lock);
	list_for_each_entry(debt, &debts, debt) {
		for (i = 0; i < f->nr && !owed; i++)
			owed = owes(debt, f->items[i]);
		if (!owed)
			continue;
		strscpy(name, debt->name, size);
		break;
	}
	spin_unlock(&debts_lock);
	return owed;
}

void snapset_freeze_wait_debt(unsigned int ms)
{
	unsigned int was = READ_ONCE(paid);

	wait_event_timeout(debts_wq, READ_ONCE(paid) != was, msecs_to_jiffies(ms));
}

int snapset_freeze_init(void)
{
	freeze_wq = alloc_workqueue("snapset-freeze", WQ_UNBOUND | WQ_MEM_RECLAIM,
				    WQ_MAX_ACTIVE);
	if (!freeze_wq)
		return -ENOMEM;
	thaw_wq = alloc_workqueue("snapset-thaw", WQ_UNBOUND | WQ_MEM_RECLAIM, WQ_MAX_ACTIVE);
	if (thaw_wq)
		return 0;
	destroy_workqueue(freeze_wq);
	return -ENOMEM;
}

void snapset_freeze_exit(void)
{
	destroy_workqueue(thaw_wq);
	destroy_workqueue(freeze_wq);	/* waits for each late freeze and its thaw */
}
