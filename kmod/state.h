/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * state.h - the one word of a set that decides commit, cancel, time and death.
 *
 * Whoever wants to move a set on does so by compare-and-exchange; of several
 * who want to decide at the same moment exactly one wins and the others learn
 * what has become of it. Pure: any context, no lock. Also compiles in user space.
 */
#ifndef SNAPSET_STATE_H
#define SNAPSET_STATE_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <uapi/linux/snapset.h>

struct snapset_statew {
	atomic_t word;		/* enum snapset_state */
};

void snapset_state_init(struct snapset_statew *s);	/* OPEN */
enum snapset_state snapset_state_get(const struct snapset_statew *s);	/* acquire */

/*
 * OPEN -> PREPARING -> FREEZING -> HOLDING -> COMMITTED -> CREATED, one step;
 * COMMITTED -> ABORTING (its images could not be shown); ABORTING -> FAILED or
 * CANCELLED. False if the word is not @from any more; WARNs at a step that is
 * not in the table. Full barrier when it succeeds.
 */
bool snapset_state_step(struct snapset_statew *s, enum snapset_state from,
			enum snapset_state to);

/*
 * From any state before COMMITTED to ABORTING. True for the one caller who did it;
 * false if it was too late or somebody else had. @was: the state found.
 */
bool snapset_state_abort(struct snapset_statew *s, enum snapset_state *was);

/* Has an outcome that never changes: CREATED, FAILED or CANCELLED. */
bool snapset_state_final(enum snapset_state state);

#endif
