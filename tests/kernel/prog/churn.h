/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random overwrites of a disk by many threads, with a model of what is where.
 */
#ifndef SNAPSET_TEST_CHURN_H
#define SNAPSET_TEST_CHURN_H

#include <stdbool.h>
#include <stdint.h>

#include "pat.h"

struct churn_options {
	const char	*path;
	const char	*engine;
	unsigned int	engine_flags;
	unsigned int	depth;		/* writes under way per thread */
	unsigned int	threads;
	uint64_t	min, max;	/* sizes of writes */
	uint64_t	align;		/* of their offsets; 0: the block size */
	uint64_t	from, len;	/* part of the disk; len 0: to its end */
	bool		cover;		/* overwrite everything once instead of at random */
	bool		on;		/* cover: then go on at random until it is stopped */
	uint64_t	writes;		/* stop after so many; 0: not by this */
	unsigned int	seconds;	/* stop after so long; 0: not by this */
	unsigned int	pause_ms;	/* a thread sleeps so long after each write */
	bool		noflush;	/* no flush at the end: one goes to all of a device */
	uint64_t	seed;
};

struct churn_stats {
	uint64_t	writes, bytes, again, slowest_ns;
};

struct churn;

/* The threads update @model as writes complete. */
struct churn *churn_start(const struct churn_options *o, struct model *model);

/* Nothing is under way when it returns, and nothing begins until resume. */
void churn_pause(struct churn *c);
void churn_resume(struct churn *c);

/* Where one of the threads is writing now. False if nobody is. */
bool churn_peek(struct churn *c, uint64_t *chance, uint64_t *off, uint64_t *len);

/*
 * What has been written of a part of the disk since the churn began, in granules
 * of 4 KiB, which is what a snapshot keeps: how many there are, in how many of
 * them a write has begun, and in how many one has ended.
 */
struct churn_seen {
	unsigned int	granules, begun, ended;
};

void churn_look(struct churn *c, uint64_t off, uint64_t len, struct churn_seen *seen);

void churn_progress(struct churn *c, struct churn_stats *stats);
void churn_stop(struct churn *c);		/* asks */
bool churn_done(struct churn *c);		/* all threads have ended */
void churn_wait_covered(struct churn *c);	/* cover: all that was there has been overwritten */
void churn_end(struct churn *c, struct churn_stats *stats);	/* waits; frees */

#endif
