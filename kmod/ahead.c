// SPDX-License-Identifier: GPL-2.0-only
/*
 * A window is dense when HITS writes have hit it that nothing had been kept for, not
 * counting one for every LEAK writes that have gone elsewhere since. So a set of windows
 * that is written at random is found if each gets more than one of LEAK writes, which
 * are at most 64 MiB at a time, and writes that are spread over a larger range are not:
 * they would fill the store with what nobody overwrites. The table forgets whom it has
 * no room for, which are those that get few.
 */
#include <linux/kernel.h>
#include "ahead.h"

#define HITS	6
#define LEAK	64

static u32 hits_now(const struct snapset_ahead *a, const struct snapset_ahead_slot *s)
{
	u32 lost = (a->writes - s->seen) / LEAK;

	return s->hits > lost ? s->hits - lost : 0;
}

void snapset_ahead_note(struct snapset_ahead *a, u64 granule)
{
	u64 window = granule >> SNAPSET_AHEAD_SHIFT;
	struct snapset_ahead_slot *s = &a->slots[window % SNAPSET_AHEAD_SLOTS];
	u32 hits = hits_now(a, s);

	a->writes++;
	if (s->window != window && hits > 1) {
		s->hits = hits - 1;
		s->seen = a->writes;
		return;
	}
	s->hits = s->window == window ? hits + 1 : 1;
	s->window = window;
	s->seen = a->writes;
	if (s->hits < HITS || a->wanted_nr == SNAPSET_AHEAD_WANTED)
		return;
	s->hits = 0;
	a->wanted[a->wanted_nr++] = window;
}

bool snapset_ahead_next(struct snapset_ahead *a, u64 *granule)
{
	if (a->next == a->end) {
		if (!a->wanted_nr)
			return false;
		a->next = a->wanted[--a->wanted_nr] << SNAPSET_AHEAD_SHIFT;
		a->end = a->next + SNAPSET_AHEAD_WINDOW;
	}
	*granule = a->next;
	a->next += SNAPSET_AHEAD_PIECE;
	return true;
}
