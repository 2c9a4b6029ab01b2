// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whatever makes a device of others says so by bd_link_disk_holder(), for sysfs: md,
 * device-mapper, bcache. To look at its calls is how a module hears of that.
 */
#include <linux/blkdev.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/rcupdate_wait.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "above.h"
#include "fault.h"
#include "look.h"

static DEFINE_MUTEX(all_mutex);		/* writers of the list */
static LIST_HEAD(all);

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

static struct snapset_look holders = SNAPSET_LOOK("bd_link_disk_holder", link_comes);

struct snapset_above *snapset_above_new(const dev_t *devs, unsigned int nr)
{
	struct snapset_above *above =
		snapset_may_fail(kzalloc(struct_size(above, devs, nr), GFP_KERNEL));

	if (!above)
		return ERR_PTR(-ENOMEM);
	above->nr = nr;
	memcpy(above->devs, devs, nr * sizeof(*devs));
	mutex_lock(&all_mutex);
	list_add_tail_rcu(&above->link, &all);
	mutex_unlock(&all_mutex);
	if (!snapset_look_get(&holders))
		above->changed = true;
	return above;
}

void snapset_above_free(struct snapset_above *above)
{
	if (!above)
		return;
	mutex_lock(&all_mutex);
	list_del_rcu(&above->link);
	mutex_unlock(&all_mutex);
	snapset_look_put(&holders);
	synchronize_rcu_expedited();	/* somebody waits for DELETE */
	kfree(above);
}

void snapset_above_exit(void)
{
	snapset_look_exit(&holders);
}
