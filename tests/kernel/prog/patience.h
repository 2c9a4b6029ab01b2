/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Time as a program has it that looks at the clock often. What the whole machine stood
 * still for counts for little: a host that is busy elsewhere is no reason for a verdict.
 */
#ifndef SNAPSET_TEST_PATIENCE_H
#define SNAPSET_TEST_PATIENCE_H

#include "util.h"

#define PATIENCE_STEP_NS	50000000ull

struct patience {
	uint64_t	last, ns;
};

static inline struct patience patience_begin(void)
{
	return (struct patience){ .last = now_ns() };
}

/* Asked for every few milliseconds; how many have gone by. */
static inline uint64_t patience_ms(struct patience *p)
{
	uint64_t now = now_ns(), step = now - p->last;

	p->ns += step < PATIENCE_STEP_NS ? step : PATIENCE_STEP_NS;
	p->last = now;
	return p->ns / 1000000;
}

#endif
