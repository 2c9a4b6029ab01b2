// SPDX-License-Identifier: GPL-2.0-only
/*
 * A store is to grow when what is free in it lasts for less than three times what to hear of
 * it and making it larger take, at the highest rate that was seen lately; or else when
 * three quarters of it are used. It then grows by what lasts for six times that, by the
 * minimum, or by a quarter, whatever is most: the quarter since a store has 64 files at
 * most.
 */
#include "grow.h"

#define MIB	(1ull << 20)
#define PAGE	4096ull
#define LEAST	(64ull << 10)	/* a file of less is none */
#define LOOK_MS	1000		/* from one look to the next, while that matters */
#define SOON_MS	100		/* what happens in less says little of a rate */
#define LEAST_MS 500		/* what making it larger takes, if nothing is known */

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What comes in @times as long as it takes to react. */
static uint64_t comes(const struct growing *g, unsigned int times)
{
	uint64_t ms = (LOOK_MS + max(g->takes_ms, LEAST_MS)) * times;

	return g->rate / 1000 * ms;
}

void growing_saw(struct growing *g, uint64_t now_ms, uint64_t size, uint64_t used,
		 uint64_t rate)
{
	uint64_t ms = g->base_ms ? now_ms - g->base_ms : 0;

	/* The kernel's is that of the last writes, and stays when there are no more. */
	if (ms >= SOON_MS && used == g->base_used)
		rate = 0;
	g->size = size;
	g->used = used;
	if (rate > g->rate)
		g->rate = rate;
	/* What has gone to the store in a moment says little of the next second. */
	if (g->base_ms && ms < SOON_MS)
		return;
	if (ms && used > g->base_used)
		rate = max(rate, (used - g->base_used) * 1000 / ms);
	g->rate = max(rate, g->rate - g->rate / 8);
	g->base_ms = now_ms;
	g->base_used = used;
}

void growing_took(struct growing *g, uint32_t ms)
{
	g->takes_ms = ms;
}

static uint64_t left(const struct growing *g)
{
	return g->size > g->used ? g->size - g->used : 0;
}

/* Not less, but as much: the kernel tells of three quarters and of nine tenths but once. */
bool growing_is_due(const struct growing *g)
{
	return left(g) <= max(g->size / 4, comes(g, 3));
}

bool growing_is_urgent(const struct growing *g)
{
	return left(g) <= max(g->size / 10, comes(g, 1));
}

uint32_t growing_look_in(const struct growing *g)
{
	uint64_t told = g->used < g->size / 2 ? g->size / 2 : g->size / 4, ms;

	if (comes(g, 3) <= told)
		return GROWING_TOLD;
	ms = left(g) > comes(g, 3) ? (left(g) - comes(g, 3)) / (g->rate / 1000) : 0;
	/* Writers may become faster. */
	return ms < SOON_MS ? SOON_MS : ms < LOOK_MS ? (uint32_t)ms : LOOK_MS;
}

uint64_t growing_by(const struct growing *g, uint64_t minimum, uint64_t room, uint64_t most)
{
	uint64_t by = max(max(minimum, g->size / 4), comes(g, 6));

	if (by > (g->size < most ? most - g->size : 0))
		by = g->size < most ? most - g->size : 0;
	by = (by + MIB - 1) & ~(MIB - 1);
	if (by > room)
		by = room & ~(PAGE - 1);
	return by >= LEAST ? by : 0;
}
