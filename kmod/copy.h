/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * copy.h - one run of granules on its way: read from the origin, kept in RAM,
 * written to the store.
 */
#ifndef SNAPSET_COPY_H
#define SNAPSET_COPY_H

#include <linux/llist.h>
#include <linux/refcount.h>
#include "store.h"

#define SNAPSET_COPY_MAX	256	/* granules: one bio of 1 MiB */
#define SNAPSET_COPY_SMALL	16	/* granules of a copy from the reserve */

struct snapset_cow;
struct snapset_job;

struct snapset_copy {
	struct snapset_cow *cow;
	struct snapset_store *store;	/* the place's */
	struct snapset_job *job;	/* who waits for the read; cleared when it need not */
	struct llist_node done;
	u64 start;			/* granule of the origin */
	refcount_t refs;		/* its way, and each image read from RAM */
	int err;			/* of the read */
	bool small;			/* from the reserve */
	bool kept;			/* its place is no longer the copy's */
	struct snapset_store_io io;	/* place, length, pages */
	struct page *pages[];
};

/*
 * Begins to read up to @want granules from @start. NULL: nothing to be had now
 * (budget, memory), try again when the worker is sent; or ERR_PTR(): the engine
 * has been killed. Worker only; does not wait for anything of ours.
 */
struct snapset_copy *snapset_copy_begin(struct snapset_cow *cow,
					struct snapset_job *job, u64 start,
					u64 want);
/*
 * The same in the submitter's context and under RCU: the read of all of them, to be
 * submitted by the caller, or NULL. job->reading is 1 already.
 */
struct bio *snapset_copy_begin_here(struct snapset_cow *cow, struct snapset_job *job,
				    u64 start, u64 want);
/*
 * The read has ended: the granules are kept from now on, and the store write starts;
 * unless the engine is dead, or has left the chain meanwhile. Worker only.
 */
void snapset_copy_keep(struct snapset_copy *copy);
void snapset_copy_put(struct snapset_copy *copy);

/*
 * The copy in RAM whose data belongs at @place, with a reference; or NULL, and then
 * *max is cut down to what lies before the next such copy. Any context.
 */
struct snapset_copy *snapset_copy_find(struct snapset_store *store, u64 place, u64 *max);

#endif
