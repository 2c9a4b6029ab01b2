/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * idle.h - a set that was started and forgotten keeps others from starting theirs,
 * and its members' writes counted: it is given up.
 */
#ifndef SNAPSET_IDLE_H
#define SNAPSET_IDLE_H

#include <linux/workqueue.h>

struct snapset_set;

struct snapset_idle {
	struct delayed_work work;	/* pending: has a reference of the set */
	unsigned int s;			/* set_mutex */
};

void snapset_idle_init(struct snapset_set *set);
/* It has been started; one comes to add a member; it has been added. set_mutex is held. */
void snapset_idle_started(struct snapset_set *set);
void snapset_idle_goes_on(struct snapset_set *set);
void snapset_idle_added(struct snapset_set *set);
/* It is not OPEN any more. The caller has a reference of his own. */
void snapset_idle_stop(struct snapset_set *set);

#endif
