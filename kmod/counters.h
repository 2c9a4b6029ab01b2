/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * counters.h - objects alive and made, by kind: what a leak test reads
 * (SNAPSET_A_COUNTERS, debugfs snapset/counters) and what module exit checks.
 */
#ifndef SNAPSET_COUNTERS_H
#define SNAPSET_COUNTERS_H

#include <linux/types.h>

enum snapset_object {
	SNAPSET_OBJ_SESSION,
	SNAPSET_OBJ_SET,
	SNAPSET_OBJ_SNAP,
	SNAPSET_OBJ_ORIGIN,
	SNAPSET_OBJ_IMAGE,
	SNAPSET_OBJ_STORE,
	SNAPSET_OBJ_PIN,	/* files that are stores */
	SNAPSET_OBJ_FROZEN,	/* superblocks frozen by us */
	SNAPSET_OBJ_OWED,	/* steps of a take that were given up but have not ended */
	SNAPSET_OBJ_CLONE,	/* writes in flight below the hook */
	SNAPSET_OBJ_JOB,	/* writes waiting for a copy */
	SNAPSET_OBJ_LANE,	/* cgroups whose writes we submit */
	SNAPSET_OBJ_COPY,	/* copies between origin and store */
	SNAPSET_OBJ_PAGE,	/* pages of copies and of memory stores */
	SNAPSET_OBJ_PLACE,	/* granules of stores that are taken */
	SNAPSET_OBJ_KINDS,
};

/* Any context; per CPU, no shared line is written. */
void snapset_made(enum snapset_object kind);
void snapset_gone(enum snapset_object kind);
void snapset_gone_many(enum snapset_object kind, unsigned int nr);
void snapset_made_many(enum snapset_object kind, unsigned int nr);

/* Writes "name alive made\n" lines; returns the length like scnprintf(). */
int snapset_counters_print(char *buf, size_t size);

int snapset_counters_init(void);	/* also debugfs snapset/counters */
void snapset_counters_exit(void);	/* warns of what is still alive */

#endif
