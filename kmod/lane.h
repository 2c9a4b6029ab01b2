/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lane.h - who submits for others what a throttle may hold back.
 *
 * A write that has been taken or parked goes down in a context of ours. The kernel's
 * throttles make a submitter sleep for what its cgroup, or writeback, has done before:
 * the origin's one worker would then sleep, and every writer with it. Such writes go
 * down in lanes, one for each cgroup and urgency, each with a work of its own, in the
 * order in which they came.
 */
#ifndef SNAPSET_LANE_H
#define SNAPSET_LANE_H

#include <linux/bio.h>
#include <linux/list.h>
#include <linux/workqueue.h>

struct snapset_origin;

#define SNAPSET_MAX_LANES	64	/* of an origin; more cgroups than that share one */

struct snapset_lane {
	struct snapset_origin *origin;
	const void *cgroup;		/* only to be compared; NULL: the root */
	unsigned int urgency;
	struct bio_list bios;		/* origin->lock */
	bool sent;			/* its work is, or runs, and will look again: likewise */
	struct list_head link;		/* lanes->list, likewise; empty: the shared one */
	struct work_struct work;
};

struct snapset_lanes {
	struct workqueue_struct *wq;	/* not the worker's: a rescuer may sleep in a lane */
	struct list_head list;		/* those that have something to do; origin->lock */
	unsigned int nr;		/* in it */
	struct snapset_lane shared;	/* for what has no lane of its own */
	struct snapset_lane straddling;	/* for what touches several origins */
};

/* Process context. -ENOMEM. */
int snapset_lanes_init(struct snapset_origin *origin);
/* Waits for what is in them; nothing more comes. */
void snapset_lanes_destroy(struct snapset_origin *origin);

/*
 * If anything but the device may hold it up, @bio is the lane's, to be judged again and
 * submitted. False: it is still the caller's. The origin's worker.
 */
bool snapset_lane_take(struct snapset_origin *origin, struct bio *bio);

/*
 * For one that touches several origins. Without memory its pieces wait for the ends of
 * other pieces, which may be parked or taken: nothing that moves these on may wait with it.
 * Process context.
 */
void snapset_lane_straddle(struct snapset_origin *origin, struct bio *bio);

#endif
