/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * job.h - writes that wait until what they destroy is kept; one queue of them for
 * each origin, served by the origin's one worker.
 *
 * A job takes its granules in the origin's range lock, each run of them that the
 * newest snapshot has not kept becomes a copy (one read, one store write), and when
 * the last copy is in RAM the write goes on to be judged again; the store follows.
 *
 * The worker is not sent for each write and each read that ends: on a processor that
 * has other work more of them are gathered, as long as reads are at the device, up to a
 * number and a time. A single write, or an idle processor, waits for nothing.
 */
#ifndef SNAPSET_JOB_H
#define SNAPSET_JOB_H

#include <linux/bio.h>
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mempool.h>
#include "ahead.h"
#include "range.h"
#include "rangelock.h"
#include "urgency.h"

struct snapset_cow;
struct snapset_origin;

struct snapset_job {
	struct snapset_cow *cow;	/* with a reference; the newest when it was made */
	struct bio *bio;		/* NULL: a copy ahead of all writes */
	struct snapset_rl_node node;	/* origin->lock */
	struct list_head link;		/* jobs->all; origin->lock */
	/* jobs->ready (origin->lock), its engine's waiting (the worker's), or empty */
	struct list_head ready;
	enum snapset_urgency urgency;	/* of its bio */
	/* the worker's */
	u64 cursor, last;		/* granules still to look at */
	bool lacked;			/* it has waited, since its engine's clock of room was: */
	unsigned long since;
	unsigned int reading;		/* copies under way */
};

#define SNAPSET_MAX_JOBS	512	/* of an origin: what is done under its lock is bounded */
/* of it for what is not urgent, whose copies are otherwise before all that come later */
#define SNAPSET_MAX_PATIENT	(SNAPSET_MAX_JOBS / 2)
#define SNAPSET_PATIENT_GRANULES	1024

struct snapset_jobs {
	/* origin->lock */
	struct bio_list taken[SNAPSET_URGENCIES];	/* writes without a job yet */
	struct list_head all;
	unsigned int nr;		/* in all */
	unsigned int patient;		/* of it with a bio that is not urgent */
	u64 patient_granules;		/* that those are to destroy */
	unsigned int turn;		/* of who has the next job: the worker's */
	struct list_head ready;		/* granted, with granules still to copy */
	struct snapset_ahead ahead;

	struct llist_head done;		/* copies whose read has ended */
	atomic_t reading;		/* copies whose read has not */
	atomic_t news;			/* taken or done since the worker last looked */
	struct hrtimer late;		/* sends it for too few of them */
	struct list_head hungry;	/* the worker's: engines that have jobs waiting */
	unsigned int aheads;		/* jobs without a bio: the worker's */
	bool done_news;			/* an engine has died, or left: look for its jobs */

	/* what the worker falls back on */
	mempool_t job_pool, copy_pool, page_pool;
	struct bio_set reads;		/* of old data */
};

int snapset_jobs_init(struct snapset_jobs *jobs);
/* No bio is taken, no job and no copy is left; the worker is not sent any more. */
void snapset_jobs_stop(struct snapset_jobs *jobs);
void snapset_jobs_destroy(struct snapset_jobs *jobs);

/* Ours now; judged again when its old data is kept. Under RCU, any process context. */
void snapset_jobs_take(struct snapset_origin *origin, struct bio *bio);

/*
 * Likewise, from the hook, for a write of sectors @r of the origin that @cow, the
 * newest, has not kept. If the read of what it destroys is all that has to be done and
 * needs no sleep to be begun, it is returned, to be submitted in the write's place; NULL:
 * the worker does it.
 */
struct bio *snapset_jobs_take_here(struct snapset_origin *origin, struct snapset_cow *cow,
				   struct bio *bio, struct snapset_range r);

/* Something was taken, or a read has ended: the worker is sent now or soon. Any context. */
void snapset_jobs_tell(struct snapset_origin *origin);

/* The origin's worker: reads that have ended; then what can be begun. */
void snapset_jobs_finish(struct snapset_origin *origin);
void snapset_jobs_start(struct snapset_origin *origin);

int snapset_job_init(void);
void snapset_job_exit(void);

#endif
