// SPDX-License-Identifier: GPL-2.0-only
/*
 * A job that the writer begins himself, in the hook: the read of the old data goes down
 * in the place of his write, at once and without a switch to the worker, who only does
 * what is left when it has ended.
 */
#include <linux/blkdev.h>
#include "copy.h"
#include "cow.h"
#include "job-own.h"
#include "origin.h"

/* A job that was begun in its submitter's context, and could not be: the worker's now. */
static void job_hand_over(struct snapset_origin *o, struct snapset_job *job)
{
	unsigned long flags;

	spin_lock_irqsave(&o->lock, flags);
	job->reading = 0;
	list_add_tail(&job->ready, &o->jobs.ready);
	spin_unlock_irqrestore(&o->lock, flags);
	snapset_origin_kick(o);
}

/*
 * In a driver that submits to the one below, our read would be put on a list of that
 * task and might wait there, behind the driver's own wait for memory, for the write
 * that waits for it.
 */
static bool may_begin_here(struct snapset_origin *o, struct bio *bio)
{
	enum snapset_urgency urgency = snapset_urgency_of(bio);

	return !current->bio_list && !snapset_bio_impatient(bio) &&
	       !atomic_read(&o->starving) && bio_list_empty(&o->jobs.taken[urgency]) &&
	       snapset_jobs_room(&o->jobs) & BIT(urgency);
}

struct bio *snapset_jobs_take_here(struct snapset_origin *o, struct snapset_cow *cow,
				   struct bio *bio, struct snapset_range r)
{
	struct snapset_map_run run;
	struct snapset_job *job;
	struct bio *read;
	u64 len;

	len = snapset_range_last_granule(r) - snapset_range_first_granule(r) + 1;
	if (len > SNAPSET_COPY_SMALL || !may_begin_here(o, bio))
		goto later;
	job = snapset_job_new(o);
	if (!job)
		goto later;
	switch (snapset_job_begin(o, job, bio, r, cow, true)) {
	case SNAPSET_JOB_GRANTED:
		break;
	case SNAPSET_JOB_WAITS:
		return NULL;	/* the worker's, when it is its turn */
	case SNAPSET_JOB_NOBODY:
		snapset_job_free(o, job);
		goto later;
	}
	snapset_map_lookup(&cow->map, job->cursor, len, &run);
	if (!run.kept && run.len == len) {
		job->cursor += len;	/* from the read's end on it is the worker's */
		read = snapset_copy_begin_here(cow, job, job->cursor - len, len);
		if (read)
			return read;
		job->cursor -= len;
	}
	job_hand_over(o, job);
	return NULL;

later:
	snapset_jobs_take(o, bio);
	return NULL;
}
