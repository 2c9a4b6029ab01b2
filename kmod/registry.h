/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * registry.h - the registry of sets, for set.c and the calls of control.h
 * (control.c, delete.c, query.c) only.
 */
#ifndef SNAPSET_REGISTRY_H
#define SNAPSET_REGISTRY_H

#include <linux/list.h>
#include "set.h"

/* set_mutex guards both */
extern struct list_head snapset_sets;		/* by serial */
extern struct snapset_set *snapset_making;	/* not yet ended; NULL: none */

/* Takes set_mutex, for a command: 0, or -EINTR if its task is killed meanwhile. */
int snapset_set_lock(void);

/* With set_mutex held, here and in the next three. NULL: there is none. */
struct snapset_set *snapset_set_find(const snapset_id *id);
struct snapset_snap *snapset_snap_find(const snapset_id *id);
/* The session's own set; ERR_PTR() with a sentence. */
struct snapset_set *snapset_set_find_own(u64 session, const snapset_id *id,
					 struct netlink_ext_ack *extack);
/* Out of the registry; the caller puts the registry's reference. */
void snapset_set_unlist(struct snapset_set *set);

/*
 * Aborts @set, of which the caller has a reference, and sees it to its end. Without
 * set_mutex; not for a command.
 */
void snapset_set_abort_and_wait(struct snapset_set *set, s32 code, const char *why);
/*
 * control-store.c: opens the store that the set's params say, if it is not another set's,
 * and takes over their pins when it does. May wait for a device: without set_mutex.
 */
int snapset_set_open_store(struct snapset_set *set, struct netlink_ext_ack *extack);
/* Then, with set_mutex, and only then it is the set's. Refuses what lies on a member. */
int snapset_set_join_store(struct snapset_set *set, struct netlink_ext_ack *extack);
/* May the store be that of this member, and do all stores let it be one? */
int snapset_snap_fits_stores(struct snapset_snap *snap, struct netlink_ext_ack *extack);

/*
 * Tears down @snaps, which are off their set's list, and empties it. Waits, but
 * not for ever. Takes no lock: set_mutex may be held.
 */
void snapset_snaps_reap(struct list_head *snaps);

/*
 * delete.c: a snapshot that is deleted, by its ids, until nothing of it is left: for those
 * who ask whether that is so. Made with the snapshot, and ended by its teardown.
 */
struct snapset_grave {
	struct list_head link;		/* empty: it was not deleted, or never was one */
	snapset_id id, set_id;
};

void snapset_grave_close(struct snapset_grave *grave);

#endif
