/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rangelock.h - who may touch which granules of an origin now.
 *
 * A writer that copies (exclusive) and an image reader that reads the origin
 * (shared: several at once) both take the granules they need. Whoever conflicts
 * with an earlier one waits; order of arrival is kept, so nobody starves and
 * nothing deadlocks. Pure: no I/O, no allocation (nodes are embedded), no lock
 * of its own: the caller serialises all calls on one lock by a spinlock.
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
	unsigned int blockers;		/* earlier conflicting nodes still there; 0: granted */
	bool shared;			/* set by the caller */
	struct list_head granted;	/* links a list filled by remove() */
};

void snapset_rl_init(struct snapset_rl *rl);
bool snapset_rl_empty(const struct snapset_rl *rl);

/* Adds @node. True: granted at once. False: some later remove() grants it. */
bool snapset_rl_insert(struct snapset_rl *rl, struct snapset_rl_node *node);

/*
 * Takes @node out, granted or still waiting, and appends each node that is
 * thereby granted to @granted (in order of arrival).
 */
void snapset_rl_remove(struct snapset_rl *rl, struct snapset_rl_node *node,
		       struct list_head *granted);

#endif
