// SPDX-License-Identifier: GPL-2.0-only
/*
 * A node counts the nodes that came before it and conflict with it. It waits
 * for all of them, granted or not: so a reader that comes after a waiting
 * writer does not overtake it, and since everybody waits only for those who
 * came earlier, there is no circle. No list of waiters is needed: who leaves
 * finds the ones it blocked by its range.
 */
#include <linux/interval_tree_generic.h>
#include "rangelock.h"

#define START(node)	((node)->start)
#define LAST(node)	((node)->last)

INTERVAL_TREE_DEFINE(struct snapset_rl_node, rb, u64, __subtree_last,
		     START, LAST, static inline, rl_tree)

static bool conflict(const struct snapset_rl_node *a,
		     const struct snapset_rl_node *b)
{
	return !a->shared || !b->shared;
}

void snapset_rl_init(struct snapset_rl *rl)
{
	rl->tree = RB_ROOT_CACHED;
	rl->next_seq = 0;
}

bool snapset_rl_empty(const struct snapset_rl *rl)
{
	return RB_EMPTY_ROOT(&rl->tree.rb_root);
}

bool snapset_rl_insert(struct snapset_rl *rl, struct snapset_rl_node *node)
{
	struct snapset_rl_node *other;

	node->seq = rl->next_seq++;
	node->blockers = 0;
	INIT_LIST_HEAD(&node->granted);
	for (other = rl_tree_iter_first(&rl->tree, node->start, node->last);
	     other;
	     other = rl_tree_iter_next(other, node->start, node->last))
		if (conflict(node, other))
			node->blockers++;
	rl_tree_insert(node, &rl->tree);
	return !node->blockers;
}

/* The tree gives nodes by range; those granted now are wanted by arrival. */
static void append_by_seq(struct snapset_rl_node *node, struct list_head *old,
			  struct list_head *granted)
{
	struct list_head *pos = granted->prev;

	while (pos != old &&
	       list_entry(pos, struct snapset_rl_node, granted)->seq > node->seq)
		pos = pos->prev;
	list_add(&node->granted, pos);
}

void snapset_rl_remove(struct snapset_rl *rl, struct snapset_rl_node *node,
		       struct list_head *granted)
{
	struct list_head *old = granted->prev;
	struct snapset_rl_node *other;

	rl_tree_remove(node, &rl->tree);
	for (other = rl_tree_iter_first(&rl->tree, node->start, node->last);
	     other;
	     other = rl_tree_iter_next(other, node->start, node->last))
		if (other->seq > node->seq && conflict(node, other) &&
		    !--other->blockers)
			append_by_seq(other, old, granted);
}
