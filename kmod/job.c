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
 * since no write has passed, and its bio is judged again for the new one; or the job
 * is the new one's, if it has waited long already (job-wait.c).
 */
#include <linux/blkdev.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include "chain.h"
#include "copy.h"
#include "counters.h"
#include "cow.h"
#include "fault.h"
#include "job.h"
#include "job-own.h"
#include "origin.h"

#define MUCH_NEWS	16
#define LATE_NS		(100 * NSEC_PER_USEC)
#define MEMORY_NS	(10 * NSEC_PER_MSEC)	/* and then it is tried again */

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
	bio_list_add(&o->jobs.taken[snapset_urgency_of(bio)], bio);
	spin_unlock_irqrestore(&o->lock, flags);
	snapset_jobs_tell(o);
}

void snapset_jobs_granted(struct snapset_origin *o, struct list_head *granted)
{
	struct snapset_rl_node *node, *next;
	struct snapset_job *job;

	lockdep_assert_held(&o->lock);
	list_for_each_entry_safe(node, next, granted, granted) {
		list_del(&node->granted);
		job = container_of(node, struct snapset_job, node);
		list_add_tail(&job->ready, &o->jobs.ready);
	}
}

/* It is one more, or less, of those that have a bound of their own. */
static void count_patient(struct snapset_jobs *jobs, const struct snapset_job *job, int by)
{
	if (!job->bio || job->urgency == SNAPSET_URGENT)
		return;
	WRITE_ONCE(jobs->patient, jobs->patient + by);
	WRITE_ONCE(jobs->patient_granules, jobs->patient_granules +
		   by * (s64)(job->node.last - job->node.start + 1));
}

/* The worker lets go of a job, whose bio is judged again; or here, if it has waited. */
static void job_end(struct snapset_origin *o, struct snapset_job *job)
{
	struct bio *bio = job->bio;
	LIST_HEAD(granted);

	if (snapset_job_again(o, job))
		return;
	spin_lock_irq(&o->lock);
	list_del(&job->link);
	o->jobs.nr--;
	count_patient(&o->jobs, job, -1);
	list_del_init(&job->ready);
	snapset_rl_remove(&o->rl, &job->node, &granted);
	snapset_jobs_granted(o, &granted);
	spin_unlock_irq(&o->lock);
	if (!bio)
		o->jobs.aheads--;
	else if (!snapset_lane_take(o, bio))
		snapset_origin_resubmit(bio);
	snapset_jobs_fed(job->cow);
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
 * False: @cow lacks something for it. What that is has been said before it was tried for
 * the last time, so whoever gives some afterwards sends the worker; or, if every try lacked
 * something else, or memory, the timer does.
 */
static bool job_run(struct snapset_origin *o, struct snapset_job *job)
{
	struct snapset_cow *cow = job->cow;
	enum snapset_lack lack = cow->lack;
	bool said = cow->starving;
	int tries;

	for (tries = 0; tries < 3; tries++) {
		if (job_copy(job))
			return true;
		if (!job->bio) {	/* no write waits for it: so much for that */
			job->cursor = job->last + 1;
			return true;
		}
		snapset_store_push(cow->store);
		if (said && cow->lack == lack)
			break;
		lack = cow->lack;
		said = true;
		snapset_cow_starve(cow, true);
		smp_mb();	/* before the next try; pairs as in snapset_cow_starve() */
	}
	/* the reserve may lie with copies at a store that hangs, and nothing tells of others */
	if (tries == 3)
		hrtimer_start(&o->jobs.late, ns_to_ktime(LATE_NS), HRTIMER_MODE_REL);
	else if (cow->lack == SNAPSET_LACKS_MEMORY && !hrtimer_active(&o->jobs.late))
		hrtimer_start(&o->jobs.late, ns_to_ktime(MEMORY_NS), HRTIMER_MODE_REL);
	return false;
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

struct snapset_cow *snapset_job_newest(struct snapset_origin *o)
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
	job->urgency = bio ? snapset_urgency_of(bio) : SNAPSET_ASYNC;
	job->node.start = snapset_range_first_granule(r);
	job->node.last = snapset_range_last_granule(r);
	job->cursor = job->node.start;
	job->last = job->node.last;
	spin_lock_irqsave(&o->lock, flags);
	cow = snapset_job_newest(o);
	if (!cow || (only && cow != only)) {
		spin_unlock_irqrestore(&o->lock, flags);
		return SNAPSET_JOB_NOBODY;
	}
	snapset_cow_get(cow);		/* in the chain, so its last put is still to come */
	job->cow = cow;
	if (bio && job->last - job->cursor < SNAPSET_COPY_SMALL / 2)
		snapset_ahead_note(&o->jobs.ahead, job->cursor);
	list_add_tail(&job->link, &o->jobs.all);
	o->jobs.nr++;
	count_patient(&o->jobs, job, 1);
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

/* Whose turn it is to have a job; NULL: no write's. */
static struct bio *next_taken(struct snapset_origin *o)
{
	struct snapset_jobs *jobs = &o->jobs;
	struct bio *bio = NULL;
	unsigned int have;

	spin_lock_irq(&o->lock);
	have = snapset_jobs_taken(jobs) & snapset_jobs_room(jobs);
	if (have)
		bio = bio_list_pop(&jobs->taken[snapset_turn(&jobs->turn, have)]);
	spin_unlock_irq(&o->lock);
	return bio;
}

/*
 * Gives each taken bio a job, as far as jobs can be had. The end of a job in this worker,
 * which is always followed by a call of this, makes place for the next.
 */
static void make_jobs(struct snapset_origin *o)
{
	struct snapset_jobs *jobs = &o->jobs;
	struct snapset_job *job = NULL;
	struct bio *bio;

	while (snapset_jobs_taken(jobs) & snapset_jobs_room(jobs)) {
		if (!job && anybody(o)) {
			job = snapset_job_new(o);
			if (!job)
				return;
		}
		bio = next_taken(o);
		if (!bio)
			break;
		snapset_fault("job-begin");
		if (job && snapset_job_begin(o, job, bio, bio_range_in(o, bio), NULL,
					     false) != SNAPSET_JOB_NOBODY)
			job = NULL;
		else if (!snapset_lane_take(o, bio))
			snapset_origin_submit(o, bio);	/* to be judged again */
	}
	if (job)
		snapset_job_free(o, job);
}

/* Engines have died, or left: no write waits for them any more. */
static void flush_done(struct snapset_origin *o)
{
	struct snapset_job *job;
	unsigned int n;

	if (!READ_ONCE(o->jobs.done_news))
		return;
	WRITE_ONCE(o->jobs.done_news, false);
	smp_mb();	/* before the look at the engines; pairs with kill_chain(), unlink_cow() */
	/* each once; those that come meanwhile are for an engine that lives */
	spin_lock_irq(&o->lock);
	for (n = o->jobs.nr; n; n--) {
		job = list_first_entry(&o->jobs.all, struct snapset_job, link);
		list_move_tail(&job->link, &o->jobs.all);
		if (job->reading || !snapset_cow_done(job->cow))
			continue;
		spin_unlock_irq(&o->lock);
		job_end(o, job);
		spin_lock_irq(&o->lock);
	}
	spin_unlock_irq(&o->lock);
}

/* One that may go on; it waits, or is over, afterwards. True: it has ended. */
static bool run_job(struct snapset_origin *o, struct snapset_job *job)
{
	struct snapset_cow *cow = job->cow;

	list_del_init(&job->ready);
	/* what those of its engine lack whose turn is before its own, it lacks, too */
	if (!snapset_cow_done(cow) &&
	    ((job->bio && snapset_jobs_waiting(cow) & (BIT(job->urgency + 1) - 1)) ||
	     !job_run(o, job))) {
		snapset_job_wait(o, job);
		return false;
	}
	snapset_jobs_fed(cow);
	if (!job_complete(job))
		return false;
	job_end(o, job);
	return true;
}

/* Those that lacked something, as long as there is some. */
static void feed_hungry(struct snapset_origin *o)
{
	struct snapset_cow *cow, *next;
	struct snapset_job *job;
	unsigned int have, u;
	u64 at;

	list_for_each_entry_safe(cow, next, &o->jobs.hungry, hungry) {
		while ((have = snapset_jobs_waiting(cow))) {
			u = snapset_turn(&cow->turn, have);
			job = list_first_entry(&cow->waiting[u], struct snapset_job, ready);
			at = job->cursor;
			if (!snapset_cow_done(cow) && !job_run(o, job)) {
				if (job->cursor == at)
					cow->turn--;	/* it is still its turn */
				snapset_jobs_wait_on(cow);
				break;
			}
			list_del_init(&job->ready);
			if (job_complete(job))
				job_end(o, job);
		}
		snapset_jobs_fed(cow);
	}
}

/* What is ready is begun, or waits. True: some have ended. */
static bool run_jobs(struct snapset_origin *o)
{
	struct snapset_job *job;
	bool ended = false;
	LIST_HEAD(ready);

	spin_lock_irq(&o->lock);
	list_splice_init(&o->jobs.ready, &ready);
	spin_unlock_irq(&o->lock);
	while (!list_empty(&ready)) {
		job = list_first_entry(&ready, struct snapset_job, ready);
		ended |= run_job(o, job);
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
	flush_done(o);
	feed_hungry(o);
	do {
		make_jobs(o);
		snapset_job_ahead(o);
		ended = run_jobs(o);
		spin_lock_irq(&o->lock);
		more = !list_empty(&o->jobs.ready) ||
		       (ended && ((snapset_jobs_taken(&o->jobs) &
				   snapset_jobs_room(&o->jobs)) ||
				  snapset_ahead_any(&o->jobs.ahead)));
		spin_unlock_irq(&o->lock);
	} while (more);
	blk_finish_plug(&plug);
	memalloc_noio_restore(noio);
}

void snapset_jobs_stop(struct snapset_jobs *jobs)
{
	hrtimer_cancel(&jobs->late);
}
