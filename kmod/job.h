/* SPDX-License-Identifier: GPL-2.0-only */
/* job.h - a write that waits for copies; private to cow.c and copy.c. */
#ifndef SNAPSET_JOB_H
#define SNAPSET_JOB_H

#include <linux/list.h>
#include "rangelock.h"

struct bio;
struct snapset_cow;

struct snapset_job {
	struct snapset_cow *cow;
	struct bio *bio;
	struct snapset_rl_node node;	/* origin->lock */
	struct list_head link;		/* cow->jobs; origin->lock */
	struct list_head ready;		/* cow->ready or empty; origin->lock */
	/* the worker's */
	u64 cursor, last;		/* granules still to look at */
	unsigned int reading;		/* copies under way */
};

#endif
