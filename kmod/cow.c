// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs: writes that wait until what they destroy is kept.
 *
 * Everything happens in the origin's one worker, except that bios arrive (hook),
 * reads end (copy.c, interrupt) and pins go (image.c, interrupt). The worker
 * first finishes what owns its resources, then begins what may need some, and
 * never waits for memory that only its own progress could free: without budget or
 * memory a job stays in the ready list until somebody gives back.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include "copy.h"
#include "counters.h"
#include "cow.h"
#include "image.h"
#include "job.h"
#include "origin.h"

#define RESERVED_JOBS	64
#define RESERVED_COPIES	16
#define RESERVED_PAGES	(2 * SNAPSET_COPY_SMALL)

struct workqueue_struct *snapset_tell_wq;
static struct kmem_cache *job_cache;
static struct kmem_cache *small_cache;

void snapset_budget_init(struct snapset_budget *budget, u64 limit)
{
	budget->limit = limit;
	atomic64_set(&budget->used, 0);
	atomic_set(&budget->starving, 0);
	spin_lock_init(&budget->lock);
	INIT_LIST_HEAD(&budget->engines);
}

void snapset_cow_get(struct snapset_cow *cow)
{
	atomic_inc(&cow->busy);
}

/* Under rcu_read_lock() or in the worker: cow_free() waits for both. */
void snapset_cow_put(struct snapset_cow *cow)
{
	if (atomic_dec_and_test(&cow->busy))
		wake_up(&cow->idle);
}

static void tell_death(struct work_struct *work)
{
	struct snapset_cow *cow = container_of(work, struct snapset_cow, died_work);

	pr_warn("snapshot of %s is lost: %s\n", cow->name, cow->why);
	cow->died(cow);
}

static bool first_reason(struct snapset_cow *cow, s32 code)
{
	/*
	 * Full barrier, dead is seen before the first write that passes uncopied:
	 * pairs with the one before snapset_cow_dead() when a read has its data.
	 */
	return cmpxchg(&cow->dead, 0, code) == 0;
}

void snapset_cow_kill(struct snapset_cow *cow, s32 code, const char *fmt, ...)
{
	va_list args;

	if (!first_reason(cow, code))
		return;
	va_start(args, fmt);
	vscnprintf(cow->why, sizeof(cow->why), fmt, args);
	va_end(args);
	smp_store_release(&cow->told, true);	/* after why; pairs with snap_fill() */
	queue_work(snapset_tell_wq, &cow->died_work);
	snapset_origin_kick(cow->origin);
}

enum snapset_cow_verdict snapset_cow_judge(struct snapset_cow *cow,
					   const struct bio *bio,
					   struct snapset_range r)
{
	u64 first, last;

	if (snapset_range_empty(r) || READ_ONCE(cow->dead))
		return SNAPSET_COW_PASS;
	first = snapset_range_first_granule(r);
	last = snapset_range_last_granule(r);
	if (snapset_map_covers(&cow->map, first, last - first + 1))
		return SNAPSET_COW_PASS;
	if (bio_op(bio) == REQ_OP_DISCARD && cow->absorb) {
		/*
		 * A discard promises nothing about what is read afterwards, so
		 * not doing it is a right way of doing it.
		 */
		atomic64_inc(&cow->absorbed);
		return SNAPSET_COW_ABSORB;
	}
	return SNAPSET_COW_COPY;
}

void snapset_cow_take(struct snapset_cow *cow, struct bio *bio)
{
	struct snapset_origin *o = cow->origin;
	unsigned long flags;

	snapset_cow_get(cow);
	spin_lock_irqsave(&o->lock, flags);
	bio_list_add(&cow->taken, bio);
	spin_unlock_irqrestore(&o->lock, flags);
	snapset_origin_kick(o);
}

/* Jobs among @granted become ready; returns what else there is (image reads). */
static void sort_granted(struct list_head *granted, struct list_head *pins)
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
		list_add_tail(&job->ready, &job->cow->ready);
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

/* The worker lets go of a job, whose bio is judged again. */
static void job_end(struct snapset_job *job)
{
	struct snapset_cow *cow = job->cow;
	struct snapset_origin *o = cow->origin;
	struct bio *bio = job->bio;
	LIST_HEAD(granted);
	LIST_HEAD(pins);

	spin_lock_irq(&o->lock);
	list_del(&job->link);
	if (!list_empty(&job->ready))
		list_del(&job->ready);
	snapset_rl_remove(&o->rl, &job->node, &granted);
	sort_granted(&granted, &pins);
	spin_unlock_irq(&o->lock);
	snapset_origin_submit(o, bio);
	run_granted_pins(&pins);
	mempool_free(job, &cow->jobs_pool);
	snapset_gone(SNAPSET_OBJ_JOB);
	snapset_cow_put(cow);
}

static bool job_complete(const struct snapset_job *job)
{
	return !job->reading && (job->cursor > job->last || READ_ONCE(job->cow->dead));
}

void snapset_cow_finish(struct snapset_origin *origin)
{
	struct snapset_cow *cow = READ_ONCE(origin->engine);
	struct snapset_copy *copy, *next;
	struct llist_node *list;
	struct blk_plug plug;

	if (!cow)
		return;
	list = llist_reverse_order(llist_del_all(&cow->done));
	if (!list)
		return;
	blk_start_plug(&plug);
	llist_for_each_entry_safe(copy, next, list, done) {
		struct snapset_job *job = copy->job;

		snapset_copy_keep(copy);
		job->reading--;
		if (job_complete(job))
			job_end(job);
	}
	blk_finish_plug(&plug);
}

/* False: no budget or memory now. */
static bool job_run(struct snapset_job *job)
{
	struct snapset_cow *cow = job->cow;
	struct snapset_map_run run;
	struct snapset_copy *copy;

	while (job->cursor <= job->last && !READ_ONCE(cow->dead)) {
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

static struct snapset_job *job_new(struct snapset_cow *cow)
{
	struct snapset_job *job;

	job = mempool_alloc(&cow->jobs_pool, GFP_NOWAIT | __GFP_NOWARN);
	if (!job)
		return NULL;
	memset(job, 0, sizeof(*job));
	job->cow = cow;
	INIT_LIST_HEAD(&job->ready);
	snapset_made(SNAPSET_OBJ_JOB);
	return job;
}

/* Gives each taken bio a job, as far as jobs can be had. */
static void make_jobs(struct snapset_cow *cow)
{
	struct snapset_origin *o = cow->origin;
	struct snapset_range r;
	struct snapset_job *job;
	struct bio *bio;

	while (!bio_list_empty(&cow->taken)) {
		job = job_new(cow);
		if (!job)
			return;		/* the end of a job sends the worker */
		spin_lock_irq(&o->lock);
		bio = bio_list_pop(&cow->taken);
		spin_unlock_irq(&o->lock);
		rcu_read_lock();
		r = snapset_range_of(snapset_bio_sector(bio), bio_sectors(bio));
		rcu_read_unlock();
		r = snapset_range_clamp(r, o->range);
		r.start -= o->range.start;
		r.end -= o->range.start;
		job->bio = bio;
		job->node.start = snapset_range_first_granule(r);
		job->node.last = snapset_range_last_granule(r);
		job->cursor = job->node.start;
		job->last = job->node.last;
		spin_lock_irq(&o->lock);
		list_add_tail(&job->link, &cow->jobs);
		if (snapset_rl_insert(&o->rl, &job->node))
			list_add_tail(&job->ready, &cow->ready);
		spin_unlock_irq(&o->lock);
	}
}

/* The engine is dead: nobody waits for it any more. */
static void flush_dead(struct snapset_cow *cow)
{
	struct snapset_origin *o = cow->origin;
	struct snapset_job *job;
	struct bio_list bios;
	struct bio *bio;

	spin_lock_irq(&o->lock);
	bios = cow->taken;
	bio_list_init(&cow->taken);
	spin_unlock_irq(&o->lock);
	while ((bio = bio_list_pop(&bios))) {
		snapset_origin_submit(o, bio);
		snapset_cow_put(cow);
	}
	for (;;) {
		spin_lock_irq(&o->lock);
		list_for_each_entry(job, &cow->jobs, link)
			if (!job->reading)
				break;
		if (list_entry_is_head(job, &cow->jobs, link))
			job = NULL;
		spin_unlock_irq(&o->lock);
		if (!job)
			break;
		job_end(job);
	}
}

static void starve(struct snapset_cow *cow, bool on)
{
	if (cow->starving == on)
		return;
	WRITE_ONCE(cow->starving, on);
	if (on)
		atomic_inc(&cow->budget->starving);
	else
		atomic_dec(&cow->budget->starving);
	/* before the next look at what is left; pairs with budget_give() */
	smp_mb__after_atomic();
}

void snapset_cow_start(struct snapset_origin *origin)
{
	struct snapset_cow *cow = READ_ONCE(origin->engine);
	struct snapset_job *job;
	struct blk_plug plug;
	unsigned int noio;

	if (!cow)
		return;
	noio = memalloc_noio_save();
	blk_start_plug(&plug);
	for (;;) {
		if (READ_ONCE(cow->dead)) {
			flush_dead(cow);
			break;
		}
		make_jobs(cow);
		spin_lock_irq(&origin->lock);
		job = list_first_entry_or_null(&cow->ready, struct snapset_job, ready);
		spin_unlock_irq(&origin->lock);
		if (!job)
			break;
		if (!job_run(job)) {
			if (cow->starving)
				goto out;	/* said so before this try */
			starve(cow, true);
			continue;
		}
		if (READ_ONCE(cow->dead))
			continue;
		spin_lock_irq(&origin->lock);
		list_del_init(&job->ready);
		spin_unlock_irq(&origin->lock);
		if (job_complete(job))
			job_end(job);
	}
	starve(cow, false);
out:
	blk_finish_plug(&plug);
	memalloc_noio_restore(noio);
}

bool snapset_cow_pin(struct snapset_cow *cow, struct snapset_rl_node *node)
{
	unsigned long flags;
	bool granted;

	spin_lock_irqsave(&cow->origin->lock, flags);
	granted = snapset_rl_insert(&cow->origin->rl, node);
	spin_unlock_irqrestore(&cow->origin->lock, flags);
	return granted;
}

void snapset_cow_unpin(struct snapset_cow *cow, struct snapset_rl_node *node)
{
	unsigned long flags;
	LIST_HEAD(granted);
	LIST_HEAD(pins);
	bool kick;

	spin_lock_irqsave(&cow->origin->lock, flags);
	snapset_rl_remove(&cow->origin->rl, node, &granted);
	kick = !list_empty(&granted);
	sort_granted(&granted, &pins);
	spin_unlock_irqrestore(&cow->origin->lock, flags);
	/* only a job that goes can let pins in, and jobs go in the worker */
	WARN_ON_ONCE(!list_empty(&pins));
	if (kick)
		snapset_origin_kick(cow->origin);
}

static int make_pools(struct snapset_cow *cow)
{
	int err;

	err = mempool_init_slab_pool(&cow->jobs_pool, RESERVED_JOBS, job_cache);
	if (err)
		return err;
	err = mempool_init_slab_pool(&cow->copies_pool, RESERVED_COPIES, small_cache);
	if (err)
		goto exit_jobs;
	err = mempool_init_page_pool(&cow->pages_pool,
				     cow->store->ops->adopts ? 1 : RESERVED_PAGES, 0);
	if (err)
		goto exit_copies;
	return 0;

exit_copies:
	mempool_exit(&cow->copies_pool);
exit_jobs:
	mempool_exit(&cow->jobs_pool);
	return err;
}

struct snapset_cow *snapset_cow_new(struct snapset_origin *origin,
				    struct snapset_store *store,
				    struct snapset_budget *budget,
				    const char *name,
				    void (*died)(struct snapset_cow *cow), void *owner)
{
	struct snapset_cow *cow = kzalloc(sizeof(*cow), GFP_KERNEL);
	int err;

	if (!cow)
		return ERR_PTR(-ENOMEM);
	cow->origin = origin;
	cow->store = store;
	cow->budget = budget;
	cow->died = died;
	cow->owner = owner;
	strscpy(cow->name, name, sizeof(cow->name));
	cow->sectors = origin->range.end - origin->range.start;
	cow->granules = DIV_ROUND_UP_ULL(cow->sectors, SNAPSET_GRANULE_SECTORS);
	snapset_map_init(&cow->map);
	INIT_WORK(&cow->died_work, tell_death);
	bio_list_init(&cow->taken);
	INIT_LIST_HEAD(&cow->jobs);
	INIT_LIST_HEAD(&cow->ready);
	init_llist_head(&cow->done);
	spin_lock_init(&cow->ram_lock);
	cow->ram = RB_ROOT;
	init_waitqueue_head(&cow->idle);
	err = make_pools(cow);
	if (err) {
		kfree(cow);
		return ERR_PTR(err);
	}
	spin_lock_irq(&budget->lock);
	list_add_tail(&cow->in_budget, &budget->engines);
	spin_unlock_irq(&budget->lock);
	WRITE_ONCE(origin->engine, cow);
	return cow;
}

/* What the map holds goes back to the store, which may outlive this snapshot. */
static void free_places(struct snapset_cow *cow)
{
	struct snapset_map_run run;
	u64 at;

	for (at = 0; snapset_map_next(&cow->map, at, &run); at = run.start + run.len) {
		snapset_store_free(cow->store, run.place, run.len);
		cond_resched();
	}
}

void snapset_cow_retire(struct snapset_cow *cow)
{
	first_reason(cow, SNAPSET_E_OBJECT_NOT_FOUND);	/* deleted: no event */
	snapset_origin_kick(cow->origin);
}

void snapset_cow_free(struct snapset_cow *cow)
{
	WARN_ON(!cow->dead);
	snapset_origin_kick(cow->origin);
	wait_event(cow->idle, !atomic_read(&cow->busy));
	WRITE_ONCE(cow->origin->engine, NULL);
	synchronize_rcu_expedited();	/* who brought busy to 0 */
	flush_work(&cow->origin->work);
	flush_work(&cow->died_work);
	starve(cow, false);
	spin_lock_irq(&cow->budget->lock);
	list_del(&cow->in_budget);
	spin_unlock_irq(&cow->budget->lock);
	free_places(cow);
	snapset_map_destroy(&cow->map);
	mempool_exit(&cow->pages_pool);
	mempool_exit(&cow->copies_pool);
	mempool_exit(&cow->jobs_pool);
	kfree(cow);
}

int snapset_cow_init(void)
{
	job_cache = KMEM_CACHE(snapset_job, 0);
	if (!job_cache)
		return -ENOMEM;
	small_cache = kmem_cache_create("snapset_copy",
					sizeof(struct snapset_copy) +
					SNAPSET_COPY_SMALL * sizeof(struct page *),
					0, 0, NULL);
	if (!small_cache)
		goto destroy_jobs;
	snapset_tell_wq = alloc_workqueue("snapset-tell",
					  WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!snapset_tell_wq)
		goto destroy_copies;
	return 0;

destroy_copies:
	kmem_cache_destroy(small_cache);
destroy_jobs:
	kmem_cache_destroy(job_cache);
	return -ENOMEM;
}

void snapset_cow_exit(void)
{
	destroy_workqueue(snapset_tell_wq);
	kmem_cache_destroy(small_cache);
	kmem_cache_destroy(job_cache);
}
