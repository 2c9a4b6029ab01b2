/* SPDX-License-Identifier: GPL-2.0-only */
/* track.h - the table of tracked devices; for origin.c and track.c. */
#ifndef SNAPSET_TRACK_H
#define SNAPSET_TRACK_H

#include <linux/hashtable.h>
#include "origin.h"

#define SNAPSET_ORIGINS_BITS	8

/* By disk. Changed in track.c, read under RCU. */
extern struct hlist_head snapset_origins[1 << SNAPSET_ORIGINS_BITS];

/* The origin's worker, and the pool for clones of its counted writes. */
void snapset_origin_work(struct work_struct *work);
int snapset_origin_make_clones(struct snapset_origin *origin);

int snapset_track_init(void);
/* After snapset_origin_exit(), which waits for every origin. */
void snapset_track_exit(void);

#endif
