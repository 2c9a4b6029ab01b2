/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a store is to grow, and by how much. Arithmetic only: who asks the kernel, and who
 * makes files, is enlarge.c and cmd-monitor.c.
 */
#ifndef SNAPSET_GROW_H
#define SNAPSET_GROW_H

#include <stdbool.h>
#include <stdint.h>

#define GROWING_TOLD	UINT32_MAX

struct growing {
	uint64_t	size, used;	/* bytes, as last seen */
	uint64_t	base_ms, base_used;	/* what the rate is counted from; 0: never seen */
	uint64_t	rate;		/* bytes per second: what to be prepared for */
	uint32_t	takes_ms;	/* how long it took to make it larger lately */
};

/* It is so now. @rate: what the kernel says, 0 if it does not. */
void growing_saw(struct growing *g, uint64_t now_ms, uint64_t size, uint64_t used,
		 uint64_t rate);
/* It took so long to make it larger. */
void growing_took(struct growing *g, uint32_t ms);
/* Whether it would be full before much has been done about it. */
bool growing_is_due(const struct growing *g);
/* Whether it would be so if nothing was done now. */
bool growing_is_urgent(const struct growing *g);
/*
 * Milliseconds until it should be looked at, not being due now; GROWING_TOLD: the kernel tells
 * when a half is used, and three quarters, and that is soon enough.
 */
uint32_t growing_look_in(const struct growing *g);
/*
 * Bytes that it should be larger by; 0: it cannot, or need not.
 * @minimum: the least step. @room: the most that is to be had. @most: what it can need in all.
 */
uint64_t growing_by(const struct growing *g, uint64_t minimum, uint64_t room, uint64_t most);

#endif /* SNAPSET_GROW_H */
