// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kprobes.h>
#include <linux/mutex.h>
#include <linux/rcupdate_wait.h>
#include <linux/sched.h>
#include "fault.h"
#include "look.h"

#define IDLE	(5 * HZ)

static DEFINE_MUTEX(look_mutex);	/* guards every look */

/*
 * ftrace would find it by its name as well, but goes through all functions of the kernel
 * for that, each time, and lets no other task run. A probe that is never armed is how a
 * module asks for an address.
 */
unsigned long snapset_function(const char *name)
{
	struct kprobe probe = { .symbol_name = name, .flags = KPROBE_FLAG_DISABLED };
	unsigned long address;

	if (register_kprobe(&probe))
		return 0;
	address = (unsigned long)probe.addr;
	unregister_kprobe(&probe);
	return address;
}

static bool look(struct snapset_look *l)
{
	lockdep_assert_held(&look_mutex);
	if (l->stuck)
		return false;
	if (l->there)
		return true;
	if (!l->address)
		l->address = snapset_function(l->function);
	l->there = l->address && !ftrace_set_filter_ip(&l->ops, l->address, 0, 1) &&
		   !(snapset_fault("look") ?: register_ftrace_function(&l->ops));
	if (!l->there)
		ftrace_set_filter(&l->ops, NULL, 0, 1);
	return l->there;
}

static void look_away(struct snapset_look *l)
{
	lockdep_assert_held(&look_mutex);
	if (!l->there)
		return;
	if (unregister_ftrace_function(&l->ops)) {
		l->stuck = true;
		return;
	}
	ftrace_set_filter(&l->ops, NULL, 0, 1);
	l->there = false;
	synchronize_rcu();	/* a callback may have been preempted at its last instruction */
	synchronize_rcu_tasks();
}

static void leave(struct work_struct *work)
{
	struct snapset_look *l = container_of(to_delayed_work(work), struct snapset_look, leave);

	mutex_lock(&look_mutex);
	if (!l->users)
		look_away(l);
	mutex_unlock(&look_mutex);
}

bool snapset_look_get(struct snapset_look *l)
{
	bool there;

	mutex_lock(&look_mutex);
	if (!l->leave.work.func)
		INIT_DELAYED_WORK(&l->leave, leave);
	l->users++;
	there = look(l);
	mutex_unlock(&look_mutex);
	return there;
}

void snapset_look_put(struct snapset_look *l)
{
	mutex_lock(&look_mutex);
	if (!--l->users)
		schedule_delayed_work(&l->leave, IDLE);
	mutex_unlock(&look_mutex);
}

void snapset_look_exit(struct snapset_look *l)
{
	if (!l->leave.work.func)
		return;		/* never used */
	cancel_delayed_work_sync(&l->leave);
	mutex_lock(&look_mutex);
	WARN_ON(l->users);
	look_away(l);
	mutex_unlock(&look_mutex);
	while (l->there) {	/* calls of the function still jump into our text */
		pr_crit_once("cannot be unloaded any more: reboot\n");
		schedule_timeout_uninterruptible(HZ);
	}
	ftrace_free_filter(&l->ops);
}
