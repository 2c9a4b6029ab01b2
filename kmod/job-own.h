/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * job-own.h - what the parts of the job queue say to each other: job.c (the worker),
 * job-wait.c (what it cannot go on with), job-here.c (begun by the writer himself),
 * job-ahead.c (by nobody), job-mem.c.
 */
#ifndef SNAPSET_JOB_OWN_H
#define SNAPSET_JOB_OWN_H

#include "job.h"

/* A job that has yet to begin; NULL: no memory. Does not sleep. */
struct snapset_job *snapset_job_new(struct snapset_origin *o);
/* The urgencies, as bits, of taken writes. */
static inline unsigned int snapset_jobs_taken(const struct snapset_jobs *jobs)
{
	unsigned int have = 0, i;

	for (i = 0; i < SNAPSET_URGENCIES; i++)
		if (!bio_list_empty(&jobs->taken[i]))
			have |= BIT(i);
	return have;
}

/* Likewise, of writes that may have a job now. */
static inline unsigned int snapset_jobs_room(const struct snapset_jobs *jobs)
{
	if (READ_ONCE(jobs->nr) >= SNAPSET_MAX_JOBS)
		return 0;
	if (READ_ONCE(jobs->patient) >= SNAPSET_MAX_PATIENT ||
	    READ_ONCE(jobs->patient_granules) >= SNAPSET_PATIENT_GRANULES)
		return BIT(SNAPSET_URGENT);
	return BIT(SNAPSET_URGENCIES) - 1;
}

/* Of one that did not begin. */
void snapset_job_free(struct snapset_origin *o, struct snapset_job *job);

enum snapset_job_begun {
	SNAPSET_JOB_GRANTED,	/* the granules are its own */
	SNAPSET_JOB_WAITS,	/* for others; then the worker goes on with it */
	SNAPSET_JOB_NOBODY,	/* nothing need be kept, or not by @only: it is the caller's */
};

/*
 * Asks for the granules of @r, sectors of the origin, for the engine that is the newest in
 * this moment, and alive; if it is @only, unless that is NULL. The engine is chosen and the
 * granules are asked for under the lock under which one becomes the newest: else a later
 * write could be judged by a later engine, and pass, before this job has read what it
 * destroys. With @here the caller goes on with a granted job, else the worker does as soon
 * as it is sent. Any context.
 */
enum snapset_job_begun snapset_job_begin(struct snapset_origin *o, struct snapset_job *job,
					 struct bio *bio, struct snapset_range r,
					 const struct snapset_cow *only, bool here);

/* The engine whose granules a write now destroys; NULL: there is none. Under origin->lock. */
struct snapset_cow *snapset_job_newest(struct snapset_origin *o);

/* Jobs among @granted, which the range lock has let go on, are ready. Under origin->lock. */
void snapset_jobs_granted(struct snapset_origin *o, struct list_head *granted);

/*
 * The worker: it waits for what its engine lacks, behind those of its urgency that have
 * waited longer.
 */
void snapset_job_wait(struct snapset_origin *o, struct snapset_job *job);
/* It was tried for one of those that wait, in vain. */
void snapset_jobs_wait_on(struct snapset_cow *cow);
/*
 * @job, which is complete, has waited for its engine. True: it is not over, since its write
 * destroys what a later one must keep: it is that one's now, and the time counts.
 */
bool snapset_job_again(struct snapset_origin *o, struct snapset_job *job);
/* The urgencies, as bits, of jobs that wait for what @cow lacks. */
unsigned int snapset_jobs_waiting(const struct snapset_cow *cow);
/* One of @cow's jobs does not wait any more; none of them? */
void snapset_jobs_fed(struct snapset_cow *cow);

/* The worker: jobs without a bio, for windows that are dense. */
void snapset_job_ahead(struct snapset_origin *o);

enum hrtimer_restart snapset_jobs_late(struct hrtimer *timer);

#endif
