/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clone.h - what goes down in the place of a write that is counted.
 *
 * The original's completion belongs to somebody else: a saved bi_end_io that is called
 * by hand panics on chained bios. So a bio of ours goes in its place, whose completion
 * ends the original with bio_endio() and then uncounts. It is known again by its bioset, the
 * origin's own, wherever it comes by.
 */
#ifndef SNAPSET_CLONE_H
#define SNAPSET_CLONE_H

#include <linux/bio.h>

struct snapset_origin;
struct snapset_clone_spares;

struct snapset_clones {
	struct bio_set bios;
	struct snapset_clone_spares __percpu *spares;
};

int snapset_clones_init(struct snapset_clones *clones);
/* Gives back what is kept for reuse. Process context. */
void snapset_clones_trim(struct snapset_clones *clones);
/* No clone is under way; a zeroed object will do. */
void snapset_clones_destroy(struct snapset_clones *clones);

/*
 * The clone of @orig, which @o has counted; NULL: no memory, then it is still counted.
 * @in_place: goes down in its submitter's call, and not by a worker. Any context but an
 * interrupt; with GFP_NOIO it may sleep.
 */
struct bio *snapset_clone(struct snapset_origin *o, struct bio *orig, bool in_place,
			  gfp_t gfp);

#endif
