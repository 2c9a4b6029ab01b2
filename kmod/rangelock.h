/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rangelock.h - which job may touch which granules of an origin now.
 *
 * A job takes the granules that its write destroys. One that overlaps an earlier one
 * waits for it; order of arrival is kept, so none starves and nothing deadlocks. Pure:
 * no I/O, no allocation (nodes are embedded), no lock of its own: the caller serialises
 * all calls on one lock by a spinlock. A call takes as long as there are nodes that
 * overlap, so the caller keeps their number small.
 */
#ifndef SNAPSET_RANGELOCK_H
#define SNAPSET_RANGELOCK_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

struct snapset_rl {
	struct rb_root_cached tree;
	u64 next_seq;
};

struct snapset_rl_node {
	struct rb_node rb;
	u64 start, last;		/* granules, inclusive; set by the caller */
	u64 __subtree_last;
	u64 seq;			/* order of arrival */
	unsigned int blockers;		/* earlier overlapping nodes still there; 0: granted */
	struct list_head granted;	/* links a list filled by remove() */
};

void snapset_rl_init(struct snapset_rl *rl);
bool snapset_rl_empty(const struct snapset_rl *rl);

/* Adds @node. True: granted at once. False: some later remove() grants it. */
bool snapset_rl_insert(struct snapset_rl *rl, struct snapset_rl_node *node);

/*
 * Takes @node out, granted or still waiting, and appends each node that is
 * thereby granted to @granted; in no order, for they do not touch each other.
 */
void snapset_rl_remove(struct snapset_rl *rl, struct snapset_rl_node *node,
		       struct list_head *granted);

#endif
