/* SPDX-License-Identifier: GPL-2.0-only */
/* A "tree" that is a list in order of insertion: see interval_tree_generic.h. */
#ifndef SHIM_RBTREE_H
#define SHIM_RBTREE_H

#include "../shim.h"

struct rb_node {
	struct rb_node *next;
};

struct rb_root {
	struct rb_node *rb_node;
};

struct rb_root_cached {
	struct rb_root rb_root;
};

#define RB_ROOT_CACHED		((struct rb_root_cached){})
#define RB_EMPTY_ROOT(root)	(!(root)->rb_node)

#endif
