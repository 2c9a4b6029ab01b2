/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's generic interval tree as an unsorted list. Newest first, so
 * that nobody gets away with relying on an order the real one does not have.
 */
#ifndef SHIM_INTERVAL_TREE_GENERIC_H
#define SHIM_INTERVAL_TREE_GENERIC_H

#include <linux/rbtree.h>

#define INTERVAL_TREE_DEFINE(T, RB, U, SUB, START, LAST, STATIC, P)		\
STATIC void P##_insert(T *n, struct rb_root_cached *root)			\
{										\
	n->SUB = LAST(n);							\
	n->RB.next = root->rb_root.rb_node;					\
	root->rb_root.rb_node = &n->RB;						\
}										\
STATIC void P##_remove(T *n, struct rb_root_cached *root)			\
{										\
	struct rb_node **pp = &root->rb_root.rb_node;				\
										\
	while (*pp != &n->RB)							\
		pp = &(*pp)->next;						\
	*pp = n->RB.next;							\
}										\
STATIC T *P##_from(struct rb_node *rb, U start, U last)				\
{										\
	for (; rb; rb = rb->next) {						\
		T *n = container_of(rb, T, RB);					\
										\
		if (START(n) <= last && start <= LAST(n))			\
			return n;						\
	}									\
	return NULL;								\
}										\
STATIC T *P##_iter_first(struct rb_root_cached *root, U start, U last)		\
{										\
	return P##_from(root->rb_root.rb_node, start, last);			\
}										\
STATIC T *P##_iter_next(T *n, U start, U last)					\
{										\
	return P##_from(n->RB.next, start, last);				\
}

#endif
