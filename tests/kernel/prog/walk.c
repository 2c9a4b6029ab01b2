// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "util.h"
#include "walk.h"

#define WALK_MAGIC	0x736e617077616c6bull
#define TOLD_MAX	4

struct record {
	uint64_t	magic;
	uint64_t	writer;
	uint64_t	step;
	uint64_t	payload[WALK_BLOCK / 8 - 3];
};

size_t walk_area(const struct walk *w)
{
	return (size_t)w->writers * w->slots * WALK_BLOCK;
}

static unsigned int target_of(const struct walk *w, unsigned int writer, uint64_t step)
{
	/* the walks begin far from each other */
	return (writer * w->targets / w->writers + step) % w->targets;
}

static unsigned int slot_of(const struct walk *w, uint64_t step)
{
	return step / w->targets % w->slots;
}

struct walk_place walk_place(const struct walk *w, unsigned int writer, uint64_t step)
{
	struct walk_place p = { .target = target_of(w, writer, step) };

	p.off = ((uint64_t)writer * w->slots + slot_of(w, step)) * WALK_BLOCK;
	return p;
}

static uint64_t word_of(unsigned int writer, uint64_t step)
{
	return (step * 64 + writer + 1) * 0x9e3779b97f4a7c15ull;
}

void walk_block(void *buf, unsigned int writer, uint64_t step)
{
	struct record *r = buf;
	uint64_t word = word_of(writer, step);
	size_t i;

	r->magic = WALK_MAGIC;
	r->writer = writer;
	r->step = step;
	for (i = 0; i < ARRAY_SIZE(r->payload); i++)
		r->payload[i] = word + i;
}

/* The step in a block, or -1 if it is not a whole block of this writer. */
static int64_t step_in(const void *buf, unsigned int writer)
{
	const struct record *r = buf;
	uint64_t word;
	size_t i;

	if (r->magic != WALK_MAGIC || r->writer != writer)
		return -1;
	word = word_of(writer, r->step);
	for (i = 0; i < ARRAY_SIZE(r->payload); i++)
		if (r->payload[i] != word + i)
			return -1;
	return r->step;
}

/* The latest step <= @last that went to this slot of this target; 0 if none. */
static uint64_t due(const struct walk *w, unsigned int writer, unsigned int target,
		    unsigned int slot, uint64_t last)
{
	uint64_t lap = (uint64_t)w->targets * w->slots, step;

	for (step = last; step && last - step < lap; step--)
		if (target_of(w, writer, step) == target && slot_of(w, step) == slot)
			return step;
	return 0;
}

static unsigned int judge_writer(const struct walk *w, unsigned int writer, char *const *area,
				 const char *name, uint64_t *last)
{
	unsigned int t, k, bad = 0;
	uint64_t m = 0;

	for (t = 0; t < w->targets; t++) {
		for (k = 0; k < w->slots; k++) {
			int64_t s = step_in(area[t] + ((size_t)writer * w->slots + k) * WALK_BLOCK,
					    writer);

			if (s > 0 && (uint64_t)s > m)
				m = s;
		}
	}
	*last = m;

	for (t = 0; t < w->targets; t++) {
		for (k = 0; k < w->slots; k++) {
			uint64_t want = due(w, writer, t, k, m);
			int64_t s = step_in(area[t] + ((size_t)writer * w->slots + k) * WALK_BLOCK,
					    writer);

			if (s >= 0 && (uint64_t)s == want)
				continue;
			if (bad++ >= TOLD_MAX)
				continue;
			if (s < 0)
				note("%s: writer %u, target %u, slot %u: the block is torn or foreign",
				     name, writer, t, k);
			else
				note("%s: writer %u: target %u has step %llu, but target %u, slot %u has step %lld where step %llu, which completed before, should be",
				     name, writer, target_of(w, writer, m), (unsigned long long)m,
				     t, k, (long long)s, (unsigned long long)want);
		}
	}
	return bad;
}

unsigned int walk_judge(const struct walk *w, char *const *area, const char *name, uint64_t *last)
{
	unsigned int i, bad = 0;

	for (i = 0; i < w->writers; i++)
		bad += judge_writer(w, i, area, name, &last[i]);
	return bad;
}
