// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whatever makes a device of others says so by bd_link_disk_holder(), for sysfs: md,
 * device-mapper, bcache. A function hook in front of it is how a module hears of that; it
 * is there while it is needed, and some seconds more.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/ftrace.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/rcupdate_wait.h>
#include <linux/slab.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include "above.h"
#include "fault.h"
#include "hook.h"

#define IDLE	(5 * HZ)

static DEFINE_MUTEX(watch_mutex);	/* guards the four below; writers of the list */
static unsigned int users;
static bool watching;
static bool stuck;			/* ftrace has ended itself: nothing is seen, for ever */
static unsigned long address;		/* of the function; 0: not looked up yet, or not there */
static LIST_HEAD(all);

static void unwatch_later(struct work_struct *work);
static DECLARE_DELAYED_WORK(unwatch_work, unwatch_later);

static bool is_in(const struct snapset_above *above, dev_t dev)
{
	unsigned int i;

	for (i = 0; i < above->nr; i++)
		if (above->devs[i] == dev)
			return true;
	return false;
}

/* A member that is a whole disk may have got partitions since. */
static bool stands_on(const struct snapset_above *above, const struct block_device *lower)
{
	return is_in(above, lower->bd_dev) || above->devs[0] == disk_devt(lower->bd_disk);
}

static notrace void link_comes(unsigned long ip, unsigned long parent_ip,
			       struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	const struct block_device *lower = snapset_ftrace_arg0(fregs);
	struct gendisk *upper = snapset_ftrace_arg1(fregs);
	struct snapset_above *above;

	rcu_read_lock();
	list_for_each_entry_rcu(above, &all, link)
		if (stands_on(above, lower) || (upper && is_in(above, disk_devt(upper))))
			WRITE_ONCE(above->changed, true);
	rcu_read_unlock();
}

static struct ftrace_ops watch_ops = {
	.func = link_comes,
	.flags = SNAPSET_FTRACE_LOOK_FLAGS,
};

static bool watch(void)
{
	lockdep_assert_held(&watch_mutex);
	if (stuck)
		return false;
	if (watching)
		return true;
	if (!address)
		address = snapset_function("bd_link_disk_holder");
	watching = address && !ftrace_set_filter_ip(&watch_ops, address, 0, 1) &&
		   !(snapset_fault("watch") ?: register_ftrace_function(&watch_ops));
	if (!watching)
		ftrace_set_filter(&watch_ops, NULL, 0, 1);
	return watching;
}

static void unwatch(void)
{
	lockdep_assert_held(&watch_mutex);
	if (!watching)
		return;
	if (unregister_ftrace_function(&watch_ops)) {
		stuck = true;
		return;
	}
	ftrace_set_filter(&watch_ops, NULL, 0, 1);
	watching = false;
	synchronize_rcu();	/* a callback may have been preempted at its last instruction */
	synchronize_rcu_tasks();
}

static void unwatch_later(struct work_struct *work)
{
	mutex_lock(&watch_mutex);
	if (!users)
		unwatch();
	mutex_unlock(&watch_mutex);
}

struct snapset_above *snapset_above_new(const dev_t *devs, unsigned int nr)
{
	struct snapset_above *above =
		snapset_may_fail(kzalloc(struct_size(above, devs, nr), GFP_KERNEL));

	if (!above)
		return ERR_PTR(-ENOMEM);
	above->nr = nr;
	memcpy(above->devs, devs, nr * sizeof(*devs));
	mutex_lock(&watch_mutex);
	users++;
	list_add_tail_rcu(&above->link, &all);
	if (!watch())
		above->changed = true;
	mutex_unlock(&watch_mutex);
	return above;
}

void snapset_above_free(struct snapset_above *above)
{
	if (!above)
		return;
	mutex_lock(&watch_mutex);
	list_del_rcu(&above->link);
	if (!--users)
		schedule_delayed_work(&unwatch_work, IDLE);
	mutex_unlock(&watch_mutex);
	synchronize_rcu_expedited();	/* somebody waits for DELETE */
	kfree(above);
}

void snapset_above_exit(void)
{
	cancel_delayed_work_sync(&unwatch_work);
	mutex_lock(&watch_mutex);
	WARN_ON(users);
	unwatch();
	mutex_unlock(&watch_mutex);
	while (watching) {	/* calls of the function still jump into our text */
		pr_crit_once("cannot be unloaded any more: reboot\n");
		schedule_timeout_uninterruptible(HZ);
	}
	ftrace_free_filter(&watch_ops);
}
