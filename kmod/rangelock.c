// SPDX-License-Identifier: GPL-2.0-only
/*
 * A node counts the nodes that came before it and overlap it. It waits for all of
 * them, granted or not: so a small one that comes after a large one which waits does
 * not overtake it, and since each waits only for those that came earlier, there is no
 * circle. No list of waiters is needed: a node that leaves finds those that it blocked
 * by its range.
 */
#include <linux/interval_tree_generic.h>
#include "rangelock.h"

#define START(node)	((node)->start)
#define LAST(node)	((node)->last)

INTERVAL_TREE_DEFINE(struct snapset_rl_node, rb, u64, __subtree_last,
		     START, LAST, static inline, rl_tree)

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
		node->blockers++;
	rl_tree_insert(node, &rl->tree);
	return !node->blockers;
}

void snapset_rl_remove(struct snapset_rl *rl, struct snapset_rl_node *node,
		       struct list_head *granted)
{
	struct snapset_rl_node *other;

	rl_tree_remove(node, &rl->tree);
	for (other = rl_tree_iter_first(&rl->tree, node->start, node->last);
	     other;
	     other = rl_tree_iter_next(other, node->start, node->last))
		if (other->seq > node->seq && !--other->blockers)
			list_add_tail(&other->granted, granted);
}
