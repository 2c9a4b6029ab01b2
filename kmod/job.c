// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything happens in the origin's one worker, except that bios arrive (hook),
 * reads end (copy.c, interrupt) and pins go (image-read.c, interrupt). The worker
 * first finishes what owns its resources, then begins what may need some, and
 * never waits for memory that only its own progress could free: without budget or
 * memory a job stays in the running list until somebody gives back.
 *
 * A job belongs to the engine that was the newest when it was made. A set may be
 * committed while it is under way: what it then keeps is right for its own engine,
 * since no write has passed, and its bio is judged again for the new one.
 */
#include <linux/blkdev.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include "chain.h"
#include "copy.h"
#include "counters.h"
#include "cow.h"
#include "fault.h"
#include "image.h"
#include "job.h"
#include "job-own.h"
#include "origin.h"

#define MUCH_NEWS	16
#define LATE_NS		(100 * NSEC_PER_USEC)

/*
 * No news is forgotten: whoever makes the first since the worker looked (it sets the
 * count to 0 before it looks) sends it or starts the timer.
 */
void snapset_jobs_tell(struct snapset_origin *o)
{
	struct snapset_jobs *jobs = &o->jobs;
	int news = atomic_inc_return(&jobs->news);

	if (news >= MUCH_NEWS || !atomic_read(&jobs->reading) || is_idle_task(current))
		snapset_origin_kick(o);
	else if (news == 1)
		hrtimer_start(&jobs->late, ns_to_ktime(LATE_NS), HRTIMER_MODE_REL);
}

enum hrtimer_restart snapset_jobs_late(struct hrtimer *timer)
{
	struct snapset_jobs *jobs = container_of(timer, struct snapset_jobs, late);

	snapset_origin_kick(container_of(jobs, struct snapset_origin, jobs));
	return HRTIMER_NORESTART;
}

void snapset_jobs_take(struct snapset_origin *o, struct bio *bio)
{
	unsigned long flags;

	spin_lock_irqsave(&o->lock, flags);
	bio_list_add(&o->jobs.taken, bio);
	spin_unlock_irqrestore(&o->lock, flags);
	snapset_jobs_tell(o);
}

/* Jobs among @granted become ready; returns what else there is (image reads). */
static void sort_granted(struct snapset_origin *o, struct list_head *granted,
			 struct list_head *pins)
{
	struct snapset_rl_node *node, *next;

	list_for_each_entry_safe(node, next, granted, granted) {
		struct snapset_job *job;

		if (node->shared) {
			list_move_tail(&node->granted, pins);
			continue;
		}
		list_del(&node->granted);
		job = container_of(node, struct snapset_job, node);
		list_add_tail(&job->ready, &o->jobs.ready);
	}
}

static void run_granted_pins(struct list_head *pins)
{
	struct snapset_rl_node *node, *next;

	list_for_each_entry_safe(node, next, pins, granted) {
		list_del(&node->granted);
		snapset_image_granted(node);
	}
}

static void job_fed(struct snapset_job *job)
{
	if (!job->lacks)
		return;
	job->lacks = false;
	if (!--job->cow->lacking)
		snapset_cow_starve(job->cow, false);
}

/* The worker lets go of a job, whose bio is judged again. */
static void job_end(struct snapset_origin *o, struct snapset_job *job)
{
	struct bio *bio = job->bio;
	LIST_HEAD(granted);
	LIST_HEAD(pins);

	job_fed(job);
	spin_lock_irq(&o->lock);
	list_del(&job->link);
	list_del_init(&job->ready);
	snapset_rl_remove(&o->rl, &job->node, &granted);
	sort_granted(o, &granted, &pins);
	spin_unlock_irq(&o->lock);
	if (bio)
		snapset_origin_resubmit(bio);
	else
		o->jobs.aheads--;
	run_granted_pins(&pins);
	snapset_cow_put(job->cow);
	snapset_job_free(o, job);
}

static bool job_complete(const struct snapset_job *job)
{
	return !job->reading && (job->cursor > job->last || snapset_cow_done(job->cow));
}

void snapset_jobs_finish(struct snapset_origin *o)
{
	struct snapset_copy *copy, *next;
	struct llist_node *list;
	struct blk_plug plug;

	/* full barrier: before the look at what there is; see snapset_jobs_tell() */
	atomic_xchg(&o->jobs.news, 0);
	list = llist_reverse_order(llist_del_all(&o->jobs.done));
	if (!list)
		return;
	blk_start_plug(&plug);
	llist_for_each_entry_safe(copy, next, list, done) {
		struct snapset_job *job = copy->job;

		snapset_copy_keep(copy);
		job->reading--;
		if (job_complete(job))
			job_end(o, job);
	}
	blk_finish_plug(&plug);
}

/* False: no budget or memory now. */
static bool job_copy(struct snapset_job *job)
{
	struct snapset_cow *cow = job->cow;
	struct snapset_map_run run;
	struct snapset_copy *copy;

	while (job->cursor <= job->last && !snapset_cow_done(cow)) {
		snapset_map_lookup(&cow->map, job->cursor,
				   job->last - job->cursor + 1, &run);
		if (run.kept) {
			job->cursor += run.len;
			continue;
		}
		copy = snapset_copy_begin(cow, job, job->cursor, run.len);
		if (IS_ERR(copy))
			break;		/* the engine is dead now */
		if (!copy)
			return false;
		job->cursor += copy->io.len;
	}
	return true;
}

/*
 * Who lacks something says so and tries once more: it may just have come back. The
 * engine starves as long as one of its jobs lacks something, also if others do not.
 */
static bool job_run(struct snapset_job *job)
{
	bool news;

	if (!job_copy(job)) {
		if (!job->bio) {	/* nobody waits for it: so much for that */
			job->cursor = job->last + 1;
			return true;
		}
		news = !job->lacks;
		job->lacks = true;
		if (news && !job->cow->lacking++)
			snapset_cow_starve(job->cow, true);
		snapset_store_push(job->cow->store);
		if (!news || !job_copy(job))
			return false;
	}
	job_fed(job);
	return true;
}

struct snapset_job *snapset_job_new(struct snapset_origin *o)
{
	struct snapset_job *job;

	job = snapset_may_lack(mempool_alloc(&o->jobs.job_pool, GFP_NOWAIT | __GFP_NOWARN));
	if (!job)
		return NULL;
	memset(job, 0, sizeof(*job));
	INIT_LIST_HEAD(&job->ready);
	snapset_made(SNAPSET_OBJ_JOB);
	return job;
}

void snapset_job_free(struct snapset_origin *o, struct snapset_job *job)
{
	mempool_free(job, &o->jobs.job_pool);
	snapset_gone(SNAPSET_OBJ_JOB);
}

/* The engine whose granules a write now destroys; NULL: there is none. */
static struct snapset_cow *newest(struct snapset_origin *o)
{
	struct snapset_cow *cow;

	cow = rcu_dereference_protected(o->newest, lockdep_is_held(&o->lock));
	return cow && !cow->dead ? cow : NULL;
}

enum snapset_job_begun snapset_job_begin(struct snapset_origin *o, struct snapset_job *job,
					 struct bio *bio, struct snapset_range r,
					 const struct snapset_cow *only, bool here)
{
	enum snapset_job_begun begun = SNAPSET_JOB_WAITS;
	struct snapset_cow *cow;
	unsigned long flags;

	job->bio = bio;
	job->node.start = snapset_range_first_granule(r);
	job->node.last = snapset_range_last_granule(r);
	job->cursor = job->node.start;
	job->last = job->node.last;
	spin_lock_irqsave(&o->lock, flags);
	cow = newest(o);
	if (!cow || (only && cow != only)) {
		spin_unlock_irqrestore(&o->lock, flags);
		return SNAPSET_JOB_NOBODY;
	}
	snapset_cow_get(cow);		/* in the chain, so its last put is still to come */
	job->cow = cow;
	if (bio && job->last - job->cursor < SNAPSET_COPY_SMALL / 2)
		snapset_ahead_note(&o->jobs.ahead, job->cursor);
	list_add_tail(&job->link, &o->jobs.all);
	if (snapset_rl_insert(&o->rl, &job->node))
		begun = SNAPSET_JOB_GRANTED;
	if (begun == SNAPSET_JOB_GRANTED && here)
		job->reading = 1;	/* or flush_done() might end it */
	else if (begun == SNAPSET_JOB_GRANTED)
		list_add_tail(&job->ready, &o->jobs.ready);
	spin_unlock_irqrestore(&o->lock, flags);
	return begun;
}

static struct snapset_range bio_range_in(struct snapset_origin *o, struct bio *bio)
{
	struct snapset_range r;

	rcu_read_lock();
	r = snapset_range_of(snapset_bio_sector(bio), bio_sectors(bio));
	rcu_read_unlock();
	r = snapset_range_clamp(r, o->range);
	r.start -= o->range.start;
	r.end -= o->range.start;
	return r;
}

/* A hint: would a job for a write that comes now be of use? */
static bool anybody(struct snapset_origin *o)
{
	struct snapset_cow *cow;
	bool any;

	rcu_read_lock();
	cow = rcu_dereference(o->newest);
	any = cow && !snapset_cow_dead(cow);
	rcu_read_unlock();
	return any;
}

/* Gives each taken bio a job, as far as jobs can be had. */
static void make_jobs(struct snapset_origin *o)
{
	struct snapset_jobs *jobs = &o->jobs;
	struct snapset_job *job = NULL;
	struct bio *bio;

	while (!bio_list_empty(&jobs->taken)) {
		if (!job && anybody(o)) {
			job = snapset_job_new(o);
			if (!job)	/* the end of a job sends the worker */
				return;
		}
		spin_lock_irq(&o->lock);
		bio = bio_list_pop(&jobs->taken);
		spin_unlock_irq(&o->lock);
		if (job && snapset_job_begin(o, job, bio, bio_range_in(o, bio), NULL,
					     false) != SNAPSET_JOB_NOBODY)
			job = NULL;
		else
			snapset_origin_submit(o, bio);	/* to be judged again */
	}
	if (job)
		snapset_job_free(o, job);
}

/* Engines have died, or left: no write waits for them any more. */
static void flush_done(struct snapset_origin *o)
{
	struct snapset_job *job, *found;

	if (!READ_ONCE(o->jobs.done_news))
		return;
	WRITE_ONCE(o->jobs.done_news, false);
	smp_mb();	/* before the look at the engines; pairs with kill_chain(), unlink_cow() */
	do {
		found = NULL;
		spin_lock_irq(&o->lock);
		list_for_each_entry(job, &o->jobs.all, link) {
			if (job->reading || !snapset_cow_done(job->cow))
				continue;
			found = job;
			break;
		}
		spin_unlock_irq(&o->lock);
		if (found)
			job_end(o, found);
	} while (found);
}

/* What is ready and can be begun; the rest stays, in its order. True: some have ended. */
static bool run_jobs(struct snapset_origin *o)
{
	struct snapset_job *job, *next;
	bool ended = false;

	spin_lock_irq(&o->lock);
	list_splice_tail_init(&o->jobs.ready, &o->jobs.running);
	spin_unlock_irq(&o->lock);
	list_for_each_entry_safe(job, next, &o->jobs.running, ready) {
		if (!snapset_cow_done(job->cow) && !job_run(job))
			continue;
		list_del_init(&job->ready);
		if (!job_complete(job))
			continue;
		job_end(o, job);
		ended = true;
	}
	return ended;
}

void snapset_jobs_start(struct snapset_origin *o)
{
	struct blk_plug plug;
	unsigned int noio;
	bool ended, more;

	noio = memalloc_noio_save();
	blk_start_plug(&plug);
	do {
		flush_done(o);
		make_jobs(o);
		snapset_job_ahead(o);
		ended = run_jobs(o);
		spin_lock_irq(&o->lock);
		more = !list_empty(&o->jobs.ready) ||
		       (ended && (!bio_list_empty(&o->jobs.taken) ||
				  snapset_ahead_any(&o->jobs.ahead)));
		spin_unlock_irq(&o->lock);
	} while (more);
	blk_finish_plug(&plug);
	memalloc_noio_restore(noio);
}

bool snapset_jobs_pin(struct snapset_origin *o, struct snapset_rl_node *node)
{
	unsigned long flags;
	bool granted;

	spin_lock_irqsave(&o->lock, flags);
	granted = snapset_rl_insert(&o->rl, node);
	spin_unlock_irqrestore(&o->lock, flags);
	return granted;
}

void snapset_jobs_unpin(struct snapset_origin *o, struct snapset_rl_node *node)
{
	unsigned long flags;
	LIST_HEAD(granted);
	LIST_HEAD(pins);
	bool kick;

	spin_lock_irqsave(&o->lock, flags);
	snapset_rl_remove(&o->rl, node, &granted);
	kick = !list_empty(&granted);
	sort_granted(o, &granted, &pins);
	spin_unlock_irqrestore(&o->lock, flags);
	/* only a job that goes can let pins in, and jobs go in the worker */
	WARN_ON_ONCE(!list_empty(&pins));
	if (kick)
		snapset_origin_kick(o);
}

void snapset_jobs_stop(struct snapset_jobs *jobs)
{
	hrtimer_cancel(&jobs->late);
}
