// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs that wait for what their engine lacks, in the order in which they began to.
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

	if (list_empty(&cow->hungry))
		list_add_tail(&cow->hungry, &o->jobs.hungry);
	list_add_tail(&job->ready, &cow->waiting[job->urgency]);
	snapset_cow_starve(cow, true);
}

void snapset_jobs_fed(struct snapset_cow *cow)
{
	if (!cow->starving || snapset_jobs_waiting(cow))
		return;
	list_del_init(&cow->hungry);
	snapset_cow_starve(cow, false);
}
