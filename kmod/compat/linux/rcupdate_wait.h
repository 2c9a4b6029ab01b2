/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SNAPSET_COMPAT_RCUPDATE_WAIT_H
#define SNAPSET_COMPAT_RCUPDATE_WAIT_H

#include_next <linux/rcupdate_wait.h>
#include <linux/rcupdate.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0) && !defined(CONFIG_TASKS_RCU)
/* without preemption an ordinary grace period waits for every task's kernel text */
#undef synchronize_rcu_tasks
#define synchronize_rcu_tasks() synchronize_rcu()
#endif

#endif
