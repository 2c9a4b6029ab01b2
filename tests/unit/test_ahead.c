// SPDX-License-Identifier: GPL-2.0-only
/* What is found to be dense, and what is not. */
#include "unit.h"
#include "ahead.h"

/* Writes to windows at random, each of @range granules at most once; wanted ones are counted. */
static unsigned int run(u64 range, unsigned int writes, unsigned int *first)
{
	struct snapset_ahead a = {};
	unsigned int i, found = 0;
	u64 granule;

	for (i = 0; i < writes; i++) {
		snapset_ahead_note(&a, rnd(range));
		while (snapset_ahead_next(&a, &granule)) {
			assert_int_equal(granule % SNAPSET_AHEAD_PIECE, 0);
			assert_true(granule < range);
			if (granule % SNAPSET_AHEAD_WINDOW)
				continue;
			if (!found++ && first)
				*first = i;
		}
	}
	return found;
}

/* 16 MiB written at random: all windows are found before a tenth of it is written. */
static void dense_range(void **state)
{
	unsigned int first = 0;

	(void)state;
	assert_true(run(4096, 400, &first) >= 16);
	assert_true(first < 100);
}

/* 32 MiB of writes over 512 MiB and more: next to nothing is copied for nothing. */
static void sparse_range(void **state)
{
	(void)state;
	assert_true(run(131072, 8192, NULL) <= 2);
	assert_int_equal(run(131072 * 16, 8192 * 16, NULL), 0);
}

/* A hot place is found among writes all over the device. */
static void hot_among_sparse(void **state)
{
	struct snapset_ahead a = {};
	unsigned int i, hot = 0, cold = 0;
	u64 granule;

	(void)state;
	for (i = 0; i < 4096; i++) {
		snapset_ahead_note(&a, i % 8 ? rnd(1 << 24) : (1 << 20) + rnd(256));
		while (snapset_ahead_next(&a, &granule))
			*(granule >> SNAPSET_AHEAD_SHIFT == 1 << 12 ? &hot : &cold) += 1;
	}
	assert_true(hot > 0);
	assert_int_equal(cold, 0);
}

/* Nobody takes what is wanted: nothing is overrun, and later ones are found again. */
static void nobody_asks(void **state)
{
	struct snapset_ahead a = {};
	unsigned int i, n = 0;
	u64 granule;

	(void)state;
	for (i = 0; i < 20000; i++)
		snapset_ahead_note(&a, rnd(16384));
	while (snapset_ahead_next(&a, &granule))
		n++;
	assert_int_equal(n, SNAPSET_AHEAD_WANTED * SNAPSET_AHEAD_WINDOW / SNAPSET_AHEAD_PIECE);
	for (i = 0; i < 2000; i++)
		snapset_ahead_note(&a, 42);
	assert_true(snapset_ahead_next(&a, &granule));
	assert_int_equal(granule, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dense_range),
		cmocka_unit_test(sparse_range),
		cmocka_unit_test(hot_among_sparse),
		cmocka_unit_test(nobody_asks),
	};

	rnd_seed();
	return cmocka_run_group_tests_name("ahead", tests, NULL, NULL);
}
