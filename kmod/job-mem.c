// SPDX-License-Identifier: GPL-2.0-only
/*
 * What jobs and copies are made of. Each origin has reserves of its own, so that one
 * whose device hangs does not stop the others.
 */
#include <linux/bio.h>
#include <linux/mempool.h>
#include <linux/slab.h>
#include "copy.h"
#include "fault.h"
#include "job-own.h"

#define RESERVED_JOBS	64
#define RESERVED_COPIES	16
#define RESERVED_PAGES	(2 * SNAPSET_COPY_SMALL)
#define RESERVED_READS	4	/* each ends by itself; it has vectors of a page */

static struct kmem_cache *job_cache;
static struct kmem_cache *copy_cache;

int snapset_jobs_init(struct snapset_jobs *jobs)
{
	unsigned int i;
	int err;

	for (i = 0; i < SNAPSET_URGENCIES; i++)
		bio_list_init(&jobs->taken[i]);
	INIT_LIST_HEAD(&jobs->all);
	INIT_LIST_HEAD(&jobs->ready);
	INIT_LIST_HEAD(&jobs->hungry);
	init_llist_head(&jobs->done);
	hrtimer_setup(&jobs->late, snapset_jobs_late, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	err = snapset_may_err(mempool_init_slab_pool(&jobs->job_pool, RESERVED_JOBS,
						     job_cache));
	if (err)
		return err;
	err = snapset_may_err(mempool_init_slab_pool(&jobs->copy_pool, RESERVED_COPIES,
						     copy_cache));
	if (err)
		goto exit_jobs;
	err = snapset_may_err(mempool_init_page_pool(&jobs->page_pool, RESERVED_PAGES, 0));
	if (err)
		goto exit_copies;
	err = snapset_may_err(bioset_init(&jobs->reads, RESERVED_READS, 0, BIOSET_NEED_BVECS));
	if (err)
		goto exit_pages;
	return 0;

exit_pages:
	mempool_exit(&jobs->page_pool);
exit_copies:
	mempool_exit(&jobs->copy_pool);
exit_jobs:
	mempool_exit(&jobs->job_pool);
	return err;
}

void snapset_jobs_destroy(struct snapset_jobs *jobs)
{
	WARN_ON(snapset_jobs_taken(jobs) || !list_empty(&jobs->all) ||
		!llist_empty(&jobs->done));
	bioset_exit(&jobs->reads);
	mempool_exit(&jobs->page_pool);
	mempool_exit(&jobs->copy_pool);
	mempool_exit(&jobs->job_pool);
}

int snapset_job_init(void)
{
	job_cache = KMEM_CACHE(snapset_job, 0);
	if (!job_cache)
		return -ENOMEM;
	copy_cache = kmem_cache_create("snapset_copy",
				       sizeof(struct snapset_copy) +
				       SNAPSET_COPY_SMALL * sizeof(struct page *),
				       0, 0, NULL);
	if (copy_cache)
		return 0;
	kmem_cache_destroy(job_cache);
	return -ENOMEM;
}

void snapset_job_exit(void)
{
	kmem_cache_destroy(copy_cache);
	kmem_cache_destroy(job_cache);
}
