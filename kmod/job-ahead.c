// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs without a write: where writes are dense (ahead.c), what lies around them.
 */
#include "cow.h"
#include "job-own.h"
#include "origin.h"
#include "store.h"

/* Copying what nobody has asked for takes nothing that others may need soon. */
static bool may_copy_ahead(struct snapset_origin *o, struct snapset_cow *cow)
{
	struct snapset_store_totals t;

	snapset_store_count(cow->store, &t);
	return !atomic_read(&o->starving) && t.used < t.size / 2 &&
	       atomic64_read(&cow->allocated) < cow->quota / 2 &&
	       atomic64_read(&cow->budget->used) < cow->budget->shared / 2;
}

static void copy_ahead(struct snapset_origin *o, u64 granule)
{
	struct snapset_job *job = NULL;
	struct snapset_cow *cow;
	struct snapset_range r;

	rcu_read_lock();	/* the engine, until the job has it */
	cow = rcu_dereference(o->newest);
	if (cow && granule < cow->granules && may_copy_ahead(o, cow))
		job = snapset_job_new(o);
	if (!job)
		goto unlock;
	r = snapset_range_of_granules(granule, SNAPSET_AHEAD_PIECE, cow->sectors);
	if (snapset_job_begin(o, job, NULL, r, cow, false) == SNAPSET_JOB_NOBODY)
		snapset_job_free(o, job);
	else
		o->jobs.aheads++;
unlock:
	rcu_read_unlock();
}

void snapset_job_ahead(struct snapset_origin *o)
{
	bool found;
	u64 granule;

	while (o->jobs.aheads < SNAPSET_AHEAD_PIECES && snapset_ahead_any(&o->jobs.ahead)) {
		spin_lock_irq(&o->lock);
		found = snapset_ahead_next(&o->jobs.ahead, &granule);
		spin_unlock_irq(&o->lock);
		if (found)
			copy_ahead(o, granule);
	}
}
