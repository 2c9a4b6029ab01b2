/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * expire.h - a set that is deleted by itself, so long after it was made (set.h, registry.h).
 */
#ifndef SNAPSET_EXPIRE_H
#define SNAPSET_EXPIRE_H

#include <linux/workqueue.h>

struct snapset_set;

void snapset_expire_init(struct snapset_set *set);
/* The set is created. With set_mutex, as for the next one. */
void snapset_expire_begin(struct snapset_set *set);
/* It goes. The caller has a reference. */
void snapset_expire_stop(struct snapset_set *set);

#endif
