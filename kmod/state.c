// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bits.h>
#include <linux/bug.h>
#include <linux/kernel.h>
#include "state.h"

/* Steps of the one who works on the set. Aborting is not a step: see below. */
static const u16 steps[] = {
	[SNAPSET_STATE_OPEN]		= BIT(SNAPSET_STATE_PREPARING),
	[SNAPSET_STATE_PREPARING]	= BIT(SNAPSET_STATE_FREEZING),
	[SNAPSET_STATE_FREEZING]	= BIT(SNAPSET_STATE_HOLDING),
	[SNAPSET_STATE_HOLDING]		= BIT(SNAPSET_STATE_COMMITTED),
	[SNAPSET_STATE_COMMITTED]	= BIT(SNAPSET_STATE_CREATED) |
					  BIT(SNAPSET_STATE_ABORTING),
	[SNAPSET_STATE_CREATED]		= 0,
	[SNAPSET_STATE_ABORTING]	= BIT(SNAPSET_STATE_FAILED) |
					  BIT(SNAPSET_STATE_CANCELLED),
	[SNAPSET_STATE_FAILED]		= 0,
	[SNAPSET_STATE_CANCELLED]	= 0,
};

void snapset_state_init(struct snapset_statew *s)
{
	atomic_set(&s->word, SNAPSET_STATE_OPEN);
}

enum snapset_state snapset_state_get(const struct snapset_statew *s)
{
	return atomic_read_acquire(&s->word);
}

bool snapset_state_step(struct snapset_statew *s, enum snapset_state from,
			enum snapset_state to)
{
	if (WARN_ON_ONCE((unsigned int)from >= ARRAY_SIZE(steps) ||
			 (unsigned int)to >= ARRAY_SIZE(steps) ||
			 !(steps[from] & BIT(to))))
		return false;
	return atomic_cmpxchg(&s->word, from, to) == from;
}

/* The states before COMMITTED are the smallest numbers of the enum. */
bool snapset_state_abort(struct snapset_statew *s, enum snapset_state *was)
{
	int seen = atomic_read(&s->word);

	while (seen < SNAPSET_STATE_COMMITTED) {
		int found = atomic_cmpxchg(&s->word, seen,
					   SNAPSET_STATE_ABORTING);

		if (found == seen) {
			*was = seen;
			return true;
		}
		/* The worker made a step between: still not too late, perhaps. */
		seen = found;
	}
	/* Pairs with the step that decided, so that its reason is visible. */
	*was = atomic_read_acquire(&s->word);
	return false;
}

bool snapset_state_final(enum snapset_state state)
{
	return state == SNAPSET_STATE_CREATED ||
	       state == SNAPSET_STATE_FAILED ||
	       state == SNAPSET_STATE_CANCELLED;
}
