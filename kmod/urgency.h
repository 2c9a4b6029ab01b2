/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * urgency.h - which writes go before which, where all must wait for us: as the device
 * below would have it, that never sees what we have taken. Pure.
 */
#ifndef SNAPSET_URGENCY_H
#define SNAPSET_URGENCY_H

#include <linux/bio.h>
#include <linux/blk-cgroup.h>

enum snapset_urgency {
	SNAPSET_URGENT,		/* somebody waits for just this: direct, O_DSYNC, a journal */
	SNAPSET_SYNC,		/* writeback that somebody waits for: fsync() */
	SNAPSET_ASYNC,		/* and the rest of it */
	SNAPSET_URGENCIES
};

/* The kernel's own tell-tale (block/blk-wbt.c): REQ_IDLE is what writeback does not set. */
static inline enum snapset_urgency snapset_urgency_of(const struct bio *bio)
{
	const blk_opf_t direct = REQ_SYNC | REQ_IDLE;

	if (bio_op(bio) == REQ_OP_DISCARD)
		return SNAPSET_ASYNC;
	if ((bio->bi_opf & direct) == direct || bio->bi_opf & (REQ_META | REQ_PRIO))
		return SNAPSET_URGENT;
	if (!(bio->bi_opf & REQ_SYNC))
		return SNAPSET_ASYNC;
	/* a journal's commit record, where its blocks look like writeback: ext4 before 6.8 */
	return op_is_flush(bio->bi_opf) ? SNAPSET_URGENT : SNAPSET_SYNC;
}

/*
 * Whose turn is it, of those whose bit is set in @have, which is not 0? The most urgent,
 * but every eighth time the next, and every 64th the last: none waits for ever.
 */
static inline enum snapset_urgency snapset_turn(unsigned int *turn, unsigned int have)
{
	unsigned int first = 0, u;

	++*turn;
	if (!(*turn % 8))
		first = *turn % 64 ? SNAPSET_SYNC : SNAPSET_ASYNC;
	for (u = first; u < SNAPSET_URGENCIES; u++)
		if (have & BIT(u))
			return u;
	for (u = first; u--; )
		if (have & BIT(u))
			break;
	return u;
}

/*
 * Whom a cgroup's throttle counts it for, to be compared only; NULL: the root, which none
 * holds up. bio_issue_as_root_blkg(): others wait for these.
 */
static inline const void *snapset_bio_payer(struct bio *bio)
{
	return bio->bi_opf & (REQ_META | REQ_SWAP) ? NULL : snapset_bio_cgroup(bio);
}

/*
 * May a throttle (wbt, io.cost, io.latency) make its submitter sleep, for others of its
 * kind or of its cgroup? What they let by: block/blk-wbt.c, and above.
 */
static inline bool snapset_may_be_throttled(struct bio *bio)
{
	const blk_opf_t direct = REQ_SYNC | REQ_IDLE;

	if (bio_op(bio) == REQ_OP_DISCARD || (bio->bi_opf & direct) != direct)
		return true;
	return snapset_bio_payer(bio);
}

#endif
