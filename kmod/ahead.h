/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ahead.h - where writes fall so densely that what lies around them is copied before
 * it is asked for: one large copy then stands for many small ones, and the writes that
 * follow wait for nothing. Pure: no I/O; also compiles in user space (tests/unit).
 */
#ifndef SNAPSET_AHEAD_H
#define SNAPSET_AHEAD_H

#include <linux/types.h>

#define SNAPSET_AHEAD_SHIFT	8		/* a window: 256 granules, 1 MiB */
#define SNAPSET_AHEAD_WINDOW	(1U << SNAPSET_AHEAD_SHIFT)
#define SNAPSET_AHEAD_SLOTS	64
#define SNAPSET_AHEAD_WANTED	32
#define SNAPSET_AHEAD_PIECE	32		/* granules */
#define SNAPSET_AHEAD_PIECES	2		/* at once */

struct snapset_ahead {
	u32 writes;			/* ever */
	u64 next, end;			/* granules of a window that has been begun */
	unsigned int wanted_nr;
	u64 wanted[SNAPSET_AHEAD_WANTED];
	struct snapset_ahead_slot {
		u64 window;
		u32 seen;		/* writes at the last hit */
		u32 hits;		/* less one for every so many writes elsewhere */
	} slots[SNAPSET_AHEAD_SLOTS];
};

/* A write is to destroy something that is not kept, in the window of @granule. */
void snapset_ahead_note(struct snapset_ahead *ahead, u64 granule);

/*
 * The next piece of the windows that have become dense: its first granule; false: none.
 * Pieces, because whoever writes there waits for the copy of the whole piece.
 */
bool snapset_ahead_next(struct snapset_ahead *ahead, u64 *granule);

static inline bool snapset_ahead_any(const struct snapset_ahead *ahead)
{
	return ahead->next < ahead->end || ahead->wanted_nr;
}

#endif
