// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs that wait for what their engine lacks, in the order in which they began to.
 *
 * How long a write waits for room has a bound (full.c), which is each write's own: however
 * often room comes and others use it up, and however many engines it must wait for, one
 * after the other.
 */
#include "cow.h"
#include "job-own.h"
#include "origin.h"

unsigned int snapset_jobs_waiting(const struct snapset_cow *cow)
{
	unsigned int have = 0, i;

	for (i = 0; i < SNAPSET_URGENCIES; i++)
		if (!list_empty(&cow->waiting[i]))
			have |= BIT(i);
	return have;
}

void snapset_job_wait(struct snapset_origin *o, struct snapset_job *job)
{
	struct snapset_cow *cow = job->cow;
	struct list_head *list = &cow->waiting[job->urgency];
	struct snapset_job *before;

	if (list_empty(&cow->hungry))
		list_add_tail(&cow->hungry, &o->jobs.hungry);
	if (!job->lacked)
		job->since = cow->ops->room_clock(cow, 0);
	job->lacked = true;
	/* behind all, but for one that has waited for another engine before */
	list_for_each_entry_reverse(before, list, ready)
		if ((long)(before->since - job->since) <= 0)
			break;
	list_add(&job->ready, &before->ready);
	snapset_cow_starve(cow, true);
	if (job->ready.prev == list)
		snapset_jobs_wait_on(cow);
}

void snapset_jobs_wait_on(struct snapset_cow *cow)
{
	struct snapset_job *job, *first = NULL;
	unsigned int i;

	if (cow->lack != SNAPSET_LACKS_ROOM)
		return;
	for (i = 0; i < SNAPSET_URGENCIES; i++) {
		job = list_first_entry_or_null(&cow->waiting[i], struct snapset_job, ready);
		if (job && (!first || (long)(job->since - first->since) < 0))
			first = job;
	}
	if (first)
		cow->ops->room_lacks(cow, first->since);
}

bool snapset_job_again(struct snapset_origin *o, struct snapset_job *job)
{
	struct snapset_cow *old = job->cow, *cow;
	unsigned long waited;
	LIST_HEAD(granted);

	if (!job->bio || !job->lacked)
		return false;
	spin_lock_irq(&o->lock);
	cow = snapset_job_newest(o);
	if (!cow || cow == old) {
		spin_unlock_irq(&o->lock);
		return false;
	}
	snapset_cow_get(cow);		/* in the chain, so its last put is still to come */
	job->cow = cow;
	job->cursor = job->node.start;
	list_del_init(&job->ready);
	/* behind those that were made for an older one, which must not find its write */
	snapset_rl_remove(&o->rl, &job->node, &granted);
	snapset_jobs_granted(o, &granted);
	if (snapset_rl_insert(&o->rl, &job->node))
		list_add_tail(&job->ready, &o->jobs.ready);
	spin_unlock_irq(&o->lock);
	waited = old->ops->room_clock(old, 0) - job->since;
	job->since = cow->ops->room_clock(cow, waited);
	snapset_jobs_fed(old);
	snapset_cow_put(old);
	return true;
}

void snapset_jobs_fed(struct snapset_cow *cow)
{
	if (!cow->starving || snapset_jobs_waiting(cow))
		return;
	list_del_init(&cow->hungry);
	snapset_cow_starve(cow, false);
}
