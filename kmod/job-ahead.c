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
	struct snapset_cow *cow = snapset_job_newest(o);
	struct snapset_range r;
	struct snapset_job *job;

	if (!cow)
		return;
	if (granule < cow->granules && may_copy_ahead(o, cow)) {
		job = snapset_job_new(o, cow);
		if (job) {
			r = snapset_range_of_granules(granule, SNAPSET_AHEAD_PIECE, cow->sectors);
			o->jobs.aheads++;
			snapset_job_begin(o, job, NULL, r, false);
			return;
		}
	}
	snapset_cow_put(cow);
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
