// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bits are cut into chunks of one page each, whose count of free granules
 * lets a search step over full ones, and no run crosses a chunk. A search
 * looks at a few runs from the cursor on and takes the first that is long
 * enough, else the longest: scattered holes then do not cut a long copy into
 * single granules while whole chunks are free, and a search stays short.
 */
#include <linux/bitmap.h>
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "fault.h"
#include "space.h"

#define CHUNK_SHIFT	15
#define CHUNK		(1U << CHUNK_SHIFT)	/* granules; fits into u16 */
#define CHUNK_BYTES	(CHUNK / BITS_PER_BYTE)
#define LOOK		16			/* runs looked at for a long one */

#define MAX_CHUNKS	(1ULL << 20)		/* 128 TiB */

static u64 chunks_of(u64 total)
{
	return total ? ((total - 1) >> CHUNK_SHIFT) + 1 : 0;
}

static u64 chunks(const struct snapset_space *space)
{
	return chunks_of(space->total);
}

static unsigned long *chunk_bits(const struct snapset_space *space, u64 chunk)
{
	return space->bits[chunk];
}

/* Granules of a chunk; the last one may be short. */
static unsigned int size_of(u64 total, u64 chunk)
{
	return min_t(u64, CHUNK, total - (chunk << CHUNK_SHIFT));
}

static unsigned int chunk_size(const struct snapset_space *space, u64 chunk)
{
	return size_of(space->total, chunk);
}

int snapset_space_init(struct snapset_space *space, u64 total)
{
	struct snapset_space_more more;
	int err;

	memset(space, 0, sizeof(*space));
	err = snapset_space_more(space, total, &more);
	if (err)
		return err;
	snapset_space_grow(space, &more);
	snapset_space_forget(&more);
	return 0;
}

void snapset_space_destroy(struct snapset_space *space)
{
	u64 i;

	for (i = 0; i < chunks(space); i++)
		kfree(space->bits[i]);
	kvfree(space->bits);
	kvfree(space->left);
	memset(space, 0, sizeof(*space));
}

int snapset_space_more(const struct snapset_space *space, u64 total,
		       struct snapset_space_more *more)
{
	u64 i;

	memset(more, 0, sizeof(*more));
	if (total <= space->total)
		return -EINVAL;
	if (total > MAX_CHUNKS << CHUNK_SHIFT)
		return -ENOMEM;
	more->total = total;
	more->from = chunks(space);
	more->chunks = chunks_of(total);
	more->bits = snapset_may_fail(kvcalloc(more->chunks, sizeof(*more->bits), GFP_KERNEL));
	more->left = snapset_may_fail(kvcalloc(more->chunks, sizeof(*more->left), GFP_KERNEL));
	if (!more->bits || !more->left)
		goto none;
	for (i = more->from; i < more->chunks; i++) {
		more->bits[i] = snapset_may_fail(kzalloc(CHUNK_BYTES, GFP_KERNEL));
		if (!more->bits[i])
			goto none;
		more->left[i] = size_of(total, i);
	}
	return 0;

none:
	snapset_space_forget(more);
	return -ENOMEM;
}

void snapset_space_grow(struct snapset_space *space, struct snapset_space_more *more)
{
	u64 had = chunks(space);

	if (had) {
		memcpy(more->bits, space->bits, had * sizeof(*more->bits));
		memcpy(more->left, space->left, had * sizeof(*more->left));
		/* the last one may have been short */
		more->left[had - 1] += size_of(more->total, had - 1) -
				       chunk_size(space, had - 1);
	}
	swap(space->bits, more->bits);
	swap(space->left, more->left);
	space->total = more->total;
	more->from = more->chunks;	/* the chunks are the space's now */
}

void snapset_space_forget(struct snapset_space_more *more)
{
	for (; more->bits && more->from < more->chunks; more->from++)
		kfree(more->bits[more->from]);
	kvfree(more->bits);
	kvfree(more->left);
	memset(more, 0, sizeof(*more));
}

void snapset_space_fence(struct snapset_space *space, u64 at)
{
	u64 chunk = at >> CHUNK_SHIFT;

	if (WARN_ON_ONCE(at >= space->total))
		return;
	if (WARN_ON_ONCE(test_bit(at & (CHUNK - 1), chunk_bits(space, chunk))))
		return;
	bitmap_set(chunk_bits(space, chunk), at & (CHUNK - 1), 1);
	space->left[chunk]--;
	space->fenced++;
}

/* A run of free granules, the best one seen by a search. */
struct best {
	u64 chunk;
	unsigned int at, len;
	unsigned int looked;
};

/* Looks at the runs of @chunk from @from on. True: the search is over. */
static bool look(const struct snapset_space *space, u64 chunk,
		 unsigned int from, unsigned int want, struct best *best)
{
	const unsigned long *bits = chunk_bits(space, chunk);
	unsigned int size = chunk_size(space, chunk);
	unsigned int at = from, end;

	for (;;) {
		at = find_next_zero_bit(bits, size, at);
		if (at >= size)
			return false;
		/* No need to know how much longer than wanted it is. */
		end = find_next_bit(bits, min(size, at + want), at);
		if (end - at > best->len) {
			best->chunk = chunk;
			best->at = at;
			best->len = end - at;
		}
		if (best->len == want || ++best->looked == LOOK)
			return true;
		/* A stream that comes to the chunk's end goes on in the next. */
		if (best->looked == 1 && at == from && end == size)
			return true;
		at = end;
	}
}

u64 snapset_space_take(struct snapset_space *space, u64 want, u64 *start)
{
	u64 first = space->cursor >> CHUNK_SHIFT, chunk = first, steps;
	unsigned int from = space->cursor & (CHUNK - 1);
	struct best best = {};

	if (space->used == space->total - space->fenced)
		return 0;
	want = clamp_t(u64, want, 1, CHUNK);
	/* One more than there are: what lies before the cursor in its own chunk. */
	for (steps = 0; steps <= chunks(space); steps++) {
		if (space->left[chunk] && look(space, chunk, from, want, &best))
			break;
		from = 0;
		if (++chunk == chunks(space))
			chunk = 0;
	}
	if (WARN_ON_ONCE(!best.len))
		return 0;

	bitmap_set(chunk_bits(space, best.chunk), best.at, best.len);
	space->left[best.chunk] -= best.len;
	space->used += best.len;
	*start = (best.chunk << CHUNK_SHIFT) + best.at;
	space->cursor = *start + best.len;
	if (space->cursor == space->total)
		space->cursor = 0;
	return best.len;
}

void snapset_space_give(struct snapset_space *space, u64 start, u64 len)
{
	if (WARN_ON_ONCE(start > space->total || len > space->total - start))
		return;
	while (len) {
		u64 chunk = start >> CHUNK_SHIFT;
		unsigned int at = start & (CHUNK - 1);
		unsigned int n = min_t(u64, len, CHUNK - at);
		unsigned long *bits = chunk_bits(space, chunk);

		/* Given back twice: better lost than handed out twice. */
		if (!WARN_ON_ONCE(find_next_zero_bit(bits, at + n, at) < at + n)) {
			bitmap_clear(bits, at, n);
			space->left[chunk] += n;
			space->used -= n;
		}
		start += n;
		len -= n;
	}
}
