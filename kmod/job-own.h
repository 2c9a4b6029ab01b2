/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * job-own.h - what the parts of the job queue say to each other: job.c (the worker),
 * job-here.c (begun by the writer himself), job-ahead.c (by nobody), job-mem.c.
 */
#ifndef SNAPSET_JOB_OWN_H
#define SNAPSET_JOB_OWN_H

#include "job.h"

/* The engine whose granules a write now destroys, with a reference; NULL: none. */
struct snapset_cow *snapset_job_newest(struct snapset_origin *o);

/* A job for @cow, whose reference it gets; NULL: no memory. Does not sleep. */
struct snapset_job *snapset_job_new(struct snapset_origin *o, struct snapset_cow *cow);

/*
 * Asks for the granules of @r, sectors of the origin. True: they are its own now; then
 * with @here the caller goes on with it, else the worker does as soon as it is sent.
 */
bool snapset_job_begin(struct snapset_origin *o, struct snapset_job *job, struct bio *bio,
		       struct snapset_range r, bool here);

/* The worker: jobs without a bio, for windows that are dense. */
void snapset_job_ahead(struct snapset_origin *o);

enum hrtimer_restart snapset_jobs_late(struct hrtimer *timer);

#endif
