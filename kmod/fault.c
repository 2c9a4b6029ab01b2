// SPDX-License-Identifier: GPL-2.0-only
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include "fault.h"

#define NAME_MAX_LEN	63
#define BUSY_MAX_MS	100

/* A line that was written. */
struct order {
	struct list_head link;
	char name[NAME_MAX_LEN + 1];
	u64 first, count, passes, hits;
	unsigned int delay_ms;
	int err;
};

DEFINE_STATIC_KEY_FALSE(snapset_faults_on);

static DEFINE_MUTEX(write_mutex);	/* one writer at a time; outside faults_lock */
static DEFINE_SPINLOCK(faults_lock);	/* irq; guards the lists and what is in them */
static LIST_HEAD(faults);
static LIST_HEAD(orders);
static unsigned int goes;		/* how often it was said */
static DECLARE_WAIT_QUEUE_HEAD(gone_on);

static void full_name(const struct snapset_fault *fault, char *name)
{
	if (fault->func)
		snprintf(name, NAME_MAX_LEN + 1, "%s:%s:%u", fault->name, fault->func,
			 fault->line);
	else
		strscpy(name, fault->name, NAME_MAX_LEN + 1);
}

static bool means(const struct order *order, const char *name)
{
	size_t len = strlen(order->name);

	if (len && order->name[len - 1] == '*')
		return !strncmp(order->name, name, len - 1);
	return !strcmp(order->name, name);
}

int snapset_fault_pass(struct snapset_fault *fault)
{
	char name[NAME_MAX_LEN + 1];
	unsigned int delay_ms = 0;
	struct order *order;
	unsigned long flags;
	unsigned int then;
	int err = 0;

	full_name(fault, name);
	spin_lock_irqsave(&faults_lock, flags);
	then = goes;
	if (!fault->listed) {
		list_add_tail(&fault->link, &faults);
		fault->listed = true;
	}
	fault->passes++;
	list_for_each_entry(order, &orders, link) {
		if (!means(order, name) || ++order->passes < order->first ||
		    (order->count && order->passes - order->first >= order->count))
			continue;
		order->hits++;
		delay_ms = max(delay_ms, order->delay_ms);
		if (!err)
			err = order->err;
	}
	spin_unlock_irqrestore(&faults_lock, flags);
	if (delay_ms && fault->may_sleep)
		wait_event_timeout(gone_on, READ_ONCE(goes) != then, msecs_to_jiffies(delay_ms));
	else if (delay_ms)
		mdelay(min_t(unsigned int, delay_ms, BUSY_MAX_MS));
	return err;
}

static int faults_show(struct seq_file *m, void *unused)
{
	struct snapset_fault *fault;
	char name[NAME_MAX_LEN + 1];
	struct order *order;

	spin_lock_irq(&faults_lock);
	list_for_each_entry(fault, &faults, link) {
		full_name(fault, name);
		seq_printf(m, "point %s %llu\n", name, fault->passes);
	}
	list_for_each_entry(order, &orders, link)
		seq_printf(m, "fault %s %llu %llu %u %d %llu %llu\n", order->name,
			   order->first, order->count, order->delay_ms, -order->err,
			   order->passes, order->hits);
	spin_unlock_irq(&faults_lock);
	return 0;
}

static void forget(void)
{
	struct snapset_fault *fault, *next_fault;
	struct order *order, *next;
	LIST_HEAD(old);

	spin_lock_irq(&faults_lock);
	list_splice_init(&orders, &old);
	list_for_each_entry_safe(fault, next_fault, &faults, link) {
		list_del(&fault->link);
		fault->listed = false;
		fault->passes = 0;
	}
	spin_unlock_irq(&faults_lock);
	list_for_each_entry_safe(order, next, &old, link)
		kfree(order);
}

static int add_order(const char *line)
{
	struct order *order = kzalloc(sizeof(*order), GFP_KERNEL);
	int err;

	if (!order)
		return -ENOMEM;
	if (sscanf(line, "%63s %llu %llu %u %d", order->name, &order->first,
		   &order->count, &order->delay_ms, &err) != 5 ||
	    !order->first || err < 0 || err > MAX_ERRNO) {
		kfree(order);
		return -EINVAL;
	}
	order->err = -err;
	spin_lock_irq(&faults_lock);
	list_add_tail(&order->link, &orders);
	spin_unlock_irq(&faults_lock);
	return 0;
}

static ssize_t faults_write(struct file *file, const char __user *buf, size_t size,
			    loff_t *pos)
{
	char line[128];
	int err = 0;

	if (size >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, buf, size))
		return -EFAULT;
	line[size] = 0;
	mutex_lock(&write_mutex);
	if (sysfs_streq(line, "off")) {
		static_branch_disable(&snapset_faults_on);
		forget();
	} else if (sysfs_streq(line, "go")) {
		spin_lock_irq(&faults_lock);
		WRITE_ONCE(goes, goes + 1);
		spin_unlock_irq(&faults_lock);
		wake_up_all(&gone_on);
	} else {
		if (!sysfs_streq(line, "on"))
			err = add_order(line);
		if (!err)
			static_branch_enable(&snapset_faults_on);
	}
	mutex_unlock(&write_mutex);
	return err ?: size;
}

static int faults_open(struct inode *inode, struct file *file)
{
	return single_open(file, faults_show, NULL);
}

static const struct file_operations faults_fops = {
	.owner = THIS_MODULE,
	.open = faults_open,
	.read = seq_read,
	.write = faults_write,
	.llseek = seq_lseek,
	.release = single_release,
};

void snapset_fault_init(struct dentry *dir)
{
	debugfs_create_file("faults", 0600, dir, NULL, &faults_fops);
}

/* Nobody passes a point any more. */
void snapset_fault_exit(void)
{
	forget();
}
