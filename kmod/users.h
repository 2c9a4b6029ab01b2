/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * users.h - the sets that use a store, and what they hear of it.
 *
 * A store lives until the last of them has left (store.h). What is called here runs in
 * works of the store, which ends them before it goes, so the sets that are found in the
 * list are there.
 */
#ifndef SNAPSET_USERS_H
#define SNAPSET_USERS_H

#include <linux/list.h>
#include <linux/spinlock.h>

struct snapset_set;
struct snapset_store;

struct snapset_users {
	spinlock_t lock;		/* irq; guards list; outside of budget->lock */
	struct list_head list;		/* snapset_set.uses, the newest last */
};

void snapset_users_init(struct snapset_users *users);
/* Any context; leave: true for the last one, who puts the store. */
void snapset_users_join(struct snapset_store *store, struct snapset_set *set);
bool snapset_users_leave(struct snapset_store *store, struct snapset_set *set);

/* Of a first store. Process context. */
/* So many percent of it are used: SNAPSET_EVENT_STORE_LOW. */
void snapset_users_are_low(struct snapset_store *store, unsigned int percent);
/* Who waits for room tries again. */
void snapset_users_have_room(struct snapset_store *store);
/* It completes nothing: writers shall not wait for it any longer. */
void snapset_users_stalled(struct snapset_store *store);

#endif
