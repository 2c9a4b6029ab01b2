// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hook stands in front of submit_bio_noacct_nocheck() where the kernel has
 * it (6.0 and later) as a function of its own: submission, the throttle's dispatch and the
 * remainders of splits all pass there, after throttling, the end-of-device check
 * and the remap of partitions. Elsewhere in front of submit_bio_noacct(), which
 * 5.10's throttle enters again.
 *
 * FTRACE_OPS_FL_PERMANENT: kernel.ftrace_enabled=0 is refused while we are
 * there, and we are refused while it is 0; without the flag the hook would
 * simply stop being called and images would show new data.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/ftrace.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate_wait.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "counters.h"
#include "cow.h"
#include "fault.h"
#include "hook.h"
#include "look.h"
#include "origin.h"
#include "passing.h"
#include "say.h"

#define IDLE (5 * HZ)	/* how long the hook stays without a user */

static DEFINE_MUTEX(hook_mutex);	/* guards the four below */
static unsigned int users;
static const char *hooked;		/* NULL: none */
static bool tested_fallback;
static bool stuck;			/* it could not be taken off */

/* A function that may be hooked. */
struct target {
	const char *name;
	unsigned long address;	/* 0: not looked up yet, or not there; hook_mutex */
};

static void unhook_later(struct work_struct *work);
static DECLARE_DELAYED_WORK(unhook_work, unhook_later);

/* A read of our own on its way through the hook; it and we, who ask, hold this. */
struct probe {
	struct snapset_bdev bdev;	/* the read's, which may outlive the asker's */
	struct bio *bio;
	struct page *page;
	struct work_struct work;
	struct work_struct end_work;	/* to close a device one may have to sleep */
	struct completion submitted, done;
	refcount_t refs;
	bool seen;
	int err;		/* of the read; valid when done is complete */
};

static struct probe *probing;	/* written under hook_mutex, read by the callback */

static notrace blk_qc_t taken_stub(struct bio *bio)
{
	return BLK_QC_T_NONE;
}

/* Instead of the hooked function, outside of the callback: completions may do much. */
static notrace blk_qc_t absorbed_stub(struct bio *bio)
{
	bio_endio(bio);
	return BLK_QC_T_NONE;
}

static notrace void hook(unsigned long ip, unsigned long parent_ip,
			 struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct bio *bio = snapset_ftrace_arg0(fregs);
	struct probe *p = READ_ONCE(probing);
	struct bio *go;

	if (unlikely(p)) {
		rcu_read_lock();
		p = READ_ONCE(probing);
		if (p && p->bio == bio)
			WRITE_ONCE(p->seen, true);
		rcu_read_unlock();
	}
	snapset_passing_here();
	if (!snapset_moves_data(bio))
		return;
	go = snapset_filter(bio);
	if (go == bio) {
		snapset_fault_atomic("passes");
		return;
	}
	if (!go)
		snapset_ftrace_set_ip(fregs, taken_stub);
	else if (IS_ERR(go))
		snapset_ftrace_set_ip(fregs, absorbed_stub);
	else
		snapset_ftrace_set_arg0(fregs, go);
}

static struct ftrace_ops hook_ops = {
	.func = hook,
	.flags = SNAPSET_FTRACE_FLAGS,
};

static void unhook(void)
{
	int err;

	lockdep_assert_held(&hook_mutex);
	if (!hooked)
		return;
	err = snapset_fault("unhook") ?: unregister_ftrace_function(&hook_ops);
	stuck = err;
	if (err) {	/* ftrace has ended itself, and said so: our text must stay */
		pr_crit_once("the hook cannot be taken off, error %d: reboot\n", err);
		return;
	}
	ftrace_set_filter(&hook_ops, NULL, 0, 1);
	hooked = NULL;
	/* a callback or the stub may have been preempted at its last instruction */
	synchronize_rcu();
	synchronize_rcu_tasks();
}

static int hook_on(struct target *target, struct netlink_ext_ack *extack)
{
	const char *name = target->name;
	int err;

	lockdep_assert_held(&hook_mutex);
	if (stuck)
		return snapset_say(extack, -ENOTRECOVERABLE,
				   "the hook could not be taken off when it was last used, and may not be called any more: reboot");
	if (!target->address)
		target->address = snapset_function(name);
	err = target->address ? ftrace_set_filter_ip(&hook_ops, target->address, 0, 1) : -ENOENT;
	if (err)
		return snapset_say(extack, -EOPNOTSUPP,
				   "this kernel has no %s() that can be hooked", name);
	err = snapset_fault("hook") ?: register_ftrace_function(&hook_ops);
	if (err) {
		ftrace_set_filter(&hook_ops, NULL, 0, 1);
		if (err == -EBUSY)
			return snapset_say(extack, -EBUSY,
					   "%s() cannot be hooked: kernel.ftrace_enabled is 0, or a live patch or a BPF program sits there",
					   name);
		return snapset_say(extack, err, "%s() cannot be hooked: error %d",
				   name, err);
	}
	hooked = name;
	return 0;
}

static void probe_put(struct probe *p)
{
	if (!refcount_dec_and_test(&p->refs))
		return;
	if (p->bio)
		bio_put(p->bio);
	if (p->page)
		__free_page(p->page);
	snapset_bdev_close(&p->bdev);
	kfree(p);
}

static void probe_done(struct bio *bio)
{
	struct probe *p = bio->bi_private;

	p->err = blk_status_to_errno(bio->bi_status);
	complete_all(&p->done);
	queue_work(snapset_tell_wq, &p->end_work);
}

static void probe_ended(struct work_struct *work)
{
	probe_put(container_of(work, struct probe, end_work));
	snapset_gone(SNAPSET_OBJ_CLONE);
	snapset_text_put();
}

/* In a worker: the caller's cgroup may be throttled, and the device may make it sleep. */
static void probe_work(struct work_struct *work)
{
	struct probe *p = container_of(work, struct probe, work);

	refcount_inc(&p->refs);	/* it may end before we have said that it is sent */
	submit_bio(p->bio);
	complete(&p->submitted);
	probe_put(p);
}

static struct probe *probe_new(dev_t dev)
{
	struct probe *p = snapset_may_fail(kzalloc(sizeof(*p), GFP_KERNEL));
	int err;

	if (!p)
		return ERR_PTR(-ENOMEM);
	refcount_set(&p->refs, 1);
	init_completion(&p->submitted);
	init_completion(&p->done);
	INIT_WORK(&p->work, probe_work);
	INIT_WORK(&p->end_work, probe_ended);
	p->bdev.lazy = true;
	err = snapset_bdev_open(&p->bdev, dev, NULL);
	if (err) {
		p->bdev.bdev = NULL;
		probe_put(p);
		return ERR_PTR(err);
	}
	p->page = snapset_may_fail(alloc_page(GFP_KERNEL));
	if (!p->page) {
		probe_put(p);
		return ERR_PTR(-ENOMEM);
	}
	return p;
}

/* Once more, only when it has ended. */
static void probe_arm(struct probe *p)
{
	flush_work(&p->end_work);
	reinit_completion(&p->submitted);
	reinit_completion(&p->done);
	p->seen = false;
	if (p->bio)
		bio_put(p->bio);
	p->bio = snapset_io_alloc(p->bdev.bdev, 1, REQ_OP_READ, GFP_KERNEL);
	p->bio->bi_iter.bi_sector = 0;
	p->bio->bi_private = p;
	p->bio->bi_end_io = probe_done;
	__bio_add_page(p->bio, p->page, bdev_logical_block_size(p->bdev.bdev), 0);
}

/*
 * A read of our own must be seen. Its result does not matter, and it is not
 * waited for without end: the device may be suspended.
 */
static int probe(struct probe *p, struct netlink_ext_ack *extack)
{
	bool seen, submitted, done = false;
	int err = 0;

	lockdep_assert_held(&hook_mutex);
	probe_arm(p);
	refcount_inc(&p->refs);
	snapset_made(SNAPSET_OBJ_CLONE);
	snapset_text_get();
	WRITE_ONCE(probing, p);
	queue_work(snapset_tell_wq, &p->work);
	submitted = wait_for_completion_timeout(&p->submitted, 2 * HZ);
	/* usually at once, and then nothing of the test is left behind */
	if (submitted)
		done = wait_for_completion_timeout(&p->done, HZ / 10);
	if (done)
		err = p->err;
	seen = READ_ONCE(p->seen);
	WRITE_ONCE(probing, NULL);
	synchronize_rcu_expedited();	/* somebody waits for ADD */
	if (seen)
		return 0;
	if (!submitted)
		return snapset_say(extack, -EBUSY, "the device takes no I/O now");
	/* it may wait in a throttle in front of the hook: that says nothing of the hook */
	if (!done)
		return snapset_say(extack, -EBUSY, "a test read of the device does not come back");
	/* nor if it has been ended there */
	if (err)
		return snapset_say(extack, -EIO, "a test read of the device fails: error %d",
				   err);
	return snapset_say(extack, -EOPNOTSUPP,
			   "the hook on %s() is not called by this kernel", hooked);
}

static int hook_get(struct probe *p, struct netlink_ext_ack *extack)
{
	static struct target nocheck = { "submit_bio_noacct_nocheck" };
	static struct target noacct = { "submit_bio_noacct" };
	int err = 0;

	lockdep_assert_held(&hook_mutex);
	if (stuck)
		unhook();
	if (!hooked ? !tested_fallback : stuck)
		err = hook_on(&nocheck, stuck ? extack : NULL);
	if (!err && hooked)
		err = probe(p, extack);
	if (err == -EOPNOTSUPP || (!err && !hooked)) {
		/* inlined or not there: the outer function, with its documented gap */
		if (users)
			return err;
		unhook();
		tested_fallback = true;
		err = hook_on(&noacct, extack);
		if (!err)
			err = probe(p, extack);
	} else if (err && !hooked) {
		hook_on(&nocheck, extack);	/* once more, for the sentence */
	}
	if (err && !users)
		unhook();
	if (!err)
		users++;
	return err;
}

int snapset_hook_get(dev_t dev, struct netlink_ext_ack *extack)
{
	struct probe *p = probe_new(dev);
	int err;

	if (IS_ERR(p))
		return snapset_say(extack, PTR_ERR(p),
				   "the device cannot be read for a test: error %ld",
				   PTR_ERR(p));
	mutex_lock(&hook_mutex);
	err = hook_get(p, extack);
	mutex_unlock(&hook_mutex);
	probe_put(p);
	return err;
}

void snapset_hook_put(void)
{
	mutex_lock(&hook_mutex);
	if (!WARN_ON(!users) && !--users)
		schedule_delayed_work(&unhook_work, IDLE);
	mutex_unlock(&hook_mutex);
}

static void unhook_later(struct work_struct *work)
{
	mutex_lock(&hook_mutex);
	if (!users)
		unhook();
	mutex_unlock(&hook_mutex);
}

const char *snapset_hook_name(void)
{
	return READ_ONCE(hooked) ?: "";
}

void snapset_hook_exit(void)
{
	cancel_delayed_work_sync(&unhook_work);
	mutex_lock(&hook_mutex);
	WARN_ON(users);
	unhook();
	mutex_unlock(&hook_mutex);
	while (hooked) {	/* ftrace is dead, and bios still jump into our text */
		pr_crit_once("cannot be unloaded any more: reboot\n");
		schedule_timeout_uninterruptible(HZ);
	}
	ftrace_free_filter(&hook_ops);
	synchronize_rcu();
	synchronize_rcu_tasks();
}
