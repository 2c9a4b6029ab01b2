// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a task can be with a write W that passed the hook uncounted:
 *
 * 1. between the hook and the place where current->bio_list is set. It runs there or
 *    waits for a processor; it does not sleep (5.10 asks might_sleep() there, and what
 *    else it calls does not). So it is on a run queue.
 * 2. in the loop that submits what is on the list, W or what is left of it among that,
 *    perhaps asleep: at the entrance of a queue, or inside of one. bio_list is set.
 * 3. it has handed W to the driver, all of it: of no concern here.
 *
 * begin() notes the tasks that are in 1. or 2., or look so. One is seen in 3. when
 *
 * - it calls the hook with bio_list not set, or has ended; or
 * - it has slept, or been in user space, since it was noted, or has run for a whole second
 *   (1. is microseconds of its own; a busy softirq thread does neither of the first two):
 *   then it is not in 1., nor will it be with W; and after that bio_list is seen not
 *   set: not in 2. either.
 *
 * Whether it runs is read before bio_list, here and in begin(): a task that goes from 1.
 * to 2. and to sleep has written bio_list before it left the run queue.
 *
 * A bio that a driver keeps, or gives to a thread of its own, is in 3. A bioset's rescuer
 * and the throttle submit what they have by the hook again.
 */
#include <linux/hashtable.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include "fault.h"
#include "passing.h"

struct passer {
	struct hlist_node link;		/* readers RCU: the hook */
	struct task_struct *task;	/* with a reference */
	unsigned long slept;		/* how often when it was noted */
	u64 user, ran;			/* its time in user space, and in all: ns */
	bool passed;
	struct rcu_head rcu;
};

bool snapset_passing_on;
static DEFINE_HASHTABLE(passers, 8);	/* changed by the take worker alone */

static bool runs(const struct task_struct *task)
{
	bool is = READ_ONCE(task->on_rq);

	smp_rmb();	/* before its bio_list */
	return is;
}

static bool note(struct task_struct *task)
{
	struct passer *p;

	p = snapset_may_fail(kzalloc(sizeof(*p), GFP_ATOMIC | __GFP_NOWARN));
	if (!p)
		return false;
	p->task = task;
	get_task_struct(task);
	p->slept = READ_ONCE(task->nvcsw);
	p->user = READ_ONCE(task->utime);
	p->ran = READ_ONCE(task->se.sum_exec_runtime);
	hash_add_rcu(passers, &p->link, (unsigned long)task);
	return true;
}

int snapset_passing_begin(void)
{
	struct task_struct *process, *task;

	WRITE_ONCE(snapset_passing_on, true);
	rcu_read_lock();
	for_each_process_thread(process, task) {
		if (task == current || (!runs(task) && !READ_ONCE(task->bio_list)))
			continue;
		if (!note(task))
			goto no_memory;
	}
	rcu_read_unlock();
	return 0;

no_memory:
	rcu_read_unlock();
	snapset_passing_end();
	return -ENOMEM;
}

void snapset_passing_mark(void)
{
	struct passer *p;

	rcu_read_lock();
	hash_for_each_possible_rcu(passers, p, link, (unsigned long)current)
		if (p->task == current)
			WRITE_ONCE(p->passed, true);
	rcu_read_unlock();
}

static bool has_passed(struct passer *p)
{
	struct task_struct *task = p->task;
	bool elsewhere;

	if (READ_ONCE(p->passed) || READ_ONCE(task->exit_state))
		return true;
	elsewhere = READ_ONCE(task->nvcsw) != p->slept || READ_ONCE(task->utime) != p->user ||
		    READ_ONCE(task->se.sum_exec_runtime) - p->ran > NSEC_PER_SEC;
	elsewhere |= !runs(task);	/* last: its barrier is for both */
	return elsewhere && !READ_ONCE(task->bio_list);
}

static void forget(struct passer *p)
{
	hash_del_rcu(&p->link);
	put_task_struct(p->task);
	kfree_rcu(p, rcu);
}

unsigned int snapset_passing_left(char *name, size_t size)
{
	struct hlist_node *next;
	unsigned int left = 0;
	struct passer *p;
	int bucket;

	hash_for_each_safe(passers, bucket, next, p, link) {
		if (has_passed(p)) {
			forget(p);
			continue;
		}
		if (!left++ && name)
			snprintf(name, size, "%s (%d)", p->task->comm, task_pid_nr(p->task));
	}
	return left;
}

void snapset_passing_end(void)
{
	struct hlist_node *next;
	struct passer *p;
	int bucket;

	WRITE_ONCE(snapset_passing_on, false);
	hash_for_each_safe(passers, bucket, next, p, link)
		forget(p);
}
