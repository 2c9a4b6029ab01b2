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
#define CHUNK_LONGS	(CHUNK / BITS_PER_LONG)
#define LOOK		16			/* runs looked at for a long one */

static u64 chunks(const struct snapset_space *space)
{
	return ((space->total - 1) >> CHUNK_SHIFT) + 1;
}

static unsigned long *chunk_bits(const struct snapset_space *space, u64 chunk)
{
	return space->bits + chunk * CHUNK_LONGS;
}

/* Granules of a chunk; the last one may be short. */
static unsigned int chunk_size(const struct snapset_space *space, u64 chunk)
{
	return min_t(u64, CHUNK, space->total - (chunk << CHUNK_SHIFT));
}

int snapset_space_init(struct snapset_space *space, u64 total)
{
	u64 i;

	memset(space, 0, sizeof(*space));
	if (!total)
		return -EINVAL;
	space->total = total;
	/* The kernel gives no larger area: 64 TiB, with bits of 2 GiB. */
	if (chunks(space) > INT_MAX / CHUNK_BYTES)
		return -ENOMEM;
	space->bits = snapset_may_fail(kvcalloc(chunks(space), CHUNK_BYTES, GFP_KERNEL));
	space->left = snapset_may_fail(kvmalloc_array(chunks(space), sizeof(*space->left),
						      GFP_KERNEL));
	if (!space->bits || !space->left) {
		snapset_space_destroy(space);
		return -ENOMEM;
	}
	for (i = 0; i < chunks(space); i++)
		space->left[i] = chunk_size(space, i);
	return 0;
}

void snapset_space_destroy(struct snapset_space *space)
{
	kvfree(space->bits);
	kvfree(space->left);
	memset(space, 0, sizeof(*space));
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

	if (space->used == space->total)
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
