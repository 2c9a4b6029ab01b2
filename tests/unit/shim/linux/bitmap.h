/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_BITMAP_H
#define SHIM_BITMAP_H

#include "../shim.h"

static inline bool shim_bit(const unsigned long *map, unsigned long i)
{
	return map[i / BITS_PER_LONG] >> (i % BITS_PER_LONG) & 1;
}

static inline unsigned long shim_find(const unsigned long *map, unsigned long size,
				      unsigned long i, bool set)
{
	while (i < size) {
		unsigned long word = map[i / BITS_PER_LONG];

		/* Whole words at once, or the tests would be slow. */
		if (!(i % BITS_PER_LONG) && word == (set ? 0 : ~0ul))
			i += BITS_PER_LONG;
		else if (shim_bit(map, i) == set)
			return i;
		else
			i++;
	}
	return size;
}

#define test_bit(i, map)	shim_bit(map, i)
#define find_next_bit(map, size, from)		shim_find(map, size, from, true)
#define find_next_zero_bit(map, size, from)	shim_find(map, size, from, false)

static inline void bitmap_set(unsigned long *map, unsigned int start, unsigned int n)
{
	for (; n; n--, start++)
		map[start / BITS_PER_LONG] |= 1ul << start % BITS_PER_LONG;
}

static inline void bitmap_clear(unsigned long *map, unsigned int start, unsigned int n)
{
	for (; n; n--, start++)
		map[start / BITS_PER_LONG] &= ~(1ul << start % BITS_PER_LONG);
}

#endif
