/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walks: the histories by which causal order is judged.
 *
 * A writer walks from target to target: its step s (1, 2, ...) goes to target
 * (start + s) mod T, into slot (s / T) mod K of the K slots that the writer has
 * there, and only when step s has completed does step s + 1 begin. With T = 2
 * this is "n to A, then n to B".
 *
 * Whatever instant a snapshot set shows, its images must hold a *beginning* of
 * each walk: there is a step M so that every slot of every target holds the
 * latest step <= M that went there. For two targets this says B <= A <= B + 1,
 * and more: also that no older step was lost and no newer one got in.
 */
#ifndef SNAPSET_TEST_WALK_H
#define SNAPSET_TEST_WALK_H

#include <stddef.h>
#include <stdint.h>

#define WALK_BLOCK	4096u

struct walk {
	unsigned int	writers, targets, slots;
};

/* Where a step goes. */
struct walk_place {
	unsigned int	target;
	uint64_t	off;		/* from the start of the area */
};

/* Bytes that the walks need on each target. */
size_t walk_area(const struct walk *w);
struct walk_place walk_place(const struct walk *w, unsigned int writer, uint64_t step);

/* The block that a step writes: it tells writer and step, and is all payload. */
void walk_block(void *buf, unsigned int writer, uint64_t step);

/*
 * Judges the areas of all targets, area[t] being what image t holds. Sets last[i]
 * to the last step of writer i that is in the set. Explains each violation on
 * stderr with @name in front and returns how many there are.
 */
unsigned int walk_judge(const struct walk *w, char *const *area, const char *name,
			uint64_t *last);

#endif
