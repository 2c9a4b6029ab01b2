// SPDX-License-Identifier: GPL-2.0-only
/* When "snapset monitor" makes a store larger, and by how much. */
#include "check.h"
#include "grow.h"

#define MIB	(1ull << 20)
#define GIB	(1ull << 30)
#define MUCH	(1ull << 40)

static void when_three_quarters_are_used(void **state)
{
	struct growing g = { 0 };

	(void)state;
	growing_saw(&g, 1000, 400 * MIB, 0, 0);
	assert_false(growing_is_due(&g));
	growing_saw(&g, 1000000, 400 * MIB, 299 * MIB, 0);
	assert_false(growing_is_due(&g));
	growing_saw(&g, 2000000, 400 * MIB, 301 * MIB, 0);
	assert_true(growing_is_due(&g));
	assert_false(growing_is_urgent(&g));
	growing_saw(&g, 3000000, 400 * MIB, 361 * MIB, 0);
	assert_true(growing_is_urgent(&g));
}

/* The kernel tells when as much is used, and not again. */
static void when_as_much_is_used(void **state)
{
	struct growing g = { 0 };

	(void)state;
	growing_saw(&g, 1000, 400 * MIB, 300 * MIB, 0);
	assert_true(growing_is_due(&g));
	assert_false(growing_is_urgent(&g));
	growing_saw(&g, 2000, 410 * MIB, 369 * MIB, 0);
	assert_true(growing_is_urgent(&g));
}

static void when_to_look(void **state)
{
	struct growing g = { 0 };
	unsigned int looks = 0;

	(void)state;
	/* what takes long to fill is told of in time */
	growing_saw(&g, 1000, GIB, 0, 0);
	assert_int_equal(growing_look_in(&g), GROWING_TOLD);
	growing_saw(&g, 2000, GIB, 100 * MIB, 0);
	assert_false(growing_is_due(&g));
	assert_int_equal(growing_look_in(&g), GROWING_TOLD);
	/* what would be due before it is half full is looked at */
	growing_saw(&g, 3000, GIB, 100 * MIB + 1, 150 * MIB);
	assert_false(growing_is_due(&g));
	assert_int_equal(growing_look_in(&g), 1000);
	growing_saw(&g, 4000, GIB, 250 * MIB, 160 * MIB);
	assert_false(growing_is_due(&g));
	assert_true(growing_look_in(&g) >= 330 && growing_look_in(&g) <= 340);
	growing_saw(&g, 4500, GIB, 303 * MIB, 160 * MIB);
	assert_int_equal(growing_look_in(&g), 100);
	/* but not for long when nothing comes any more, whatever the rate was */
	for (uint64_t ms = 5500; growing_look_in(&g) != GROWING_TOLD; ms += 1000) {
		growing_saw(&g, ms, GIB, 303 * MIB, 160 * MIB);
		looks++;
	}
	assert_true(looks >= 2 && looks < 10);
	/* between the half and three quarters, too */
	memset(&g, 0, sizeof(g));
	growing_saw(&g, 50000, GIB, 600 * MIB, 70 * MIB);
	assert_false(growing_is_due(&g));
	assert_int_equal(growing_look_in(&g), 1000);
	growing_saw(&g, 51000, GIB, 601 * MIB, 30 * MIB);
	for (uint64_t ms = 52000; ms < 60000; ms += 1000)
		growing_saw(&g, ms, GIB, 601 * MIB, 30 * MIB);
	assert_int_equal(growing_look_in(&g), GROWING_TOLD);
}

static void earlier_if_writers_are_fast(void **state)
{
	struct growing g = { 0 };

	(void)state;
	/* 100 MiB a second: 450 MiB come until something is done three times */
	growing_saw(&g, 1000, GIB, 0, 0);
	growing_saw(&g, 2000, GIB, 100 * MIB, 0);
	assert_int_equal(g.rate, 100 * MIB);
	assert_false(growing_is_due(&g));
	for (unsigned int i = 2; i < 6; i++)
		growing_saw(&g, 1000 + i * 1000, GIB, i * 100 * MIB, 0);
	assert_false(growing_is_due(&g));
	growing_saw(&g, 7000, GIB, 600 * MIB, 0);
	assert_true(growing_is_due(&g));
	assert_true(growing_by(&g, MIB, MUCH, MUCH) >= 890 * MIB);

	/* if that takes long, still earlier */
	growing_saw(&g, 8000, 2 * GIB, 700 * MIB, 0);
	assert_false(growing_is_due(&g));
	growing_took(&g, 5000);
	assert_true(growing_is_due(&g));
	assert_true(growing_by(&g, MIB, MUCH, MUCH) >= 3500 * MIB);
}

static void rates(void **state)
{
	struct growing g = { 0 };

	(void)state;
	growing_saw(&g, 1000, GIB, 0, 0);
	growing_saw(&g, 1010, GIB, 10 * MIB, 0);	/* 1000 MiB/s for a moment */
	assert_int_equal(g.rate, 0);
	assert_int_equal(g.used, 10 * MIB);
	growing_saw(&g, 2000, GIB, 20 * MIB, 0);
	assert_int_equal(g.rate, 20 * MIB);
	/* a pause is no end, and what was deleted no rate */
	growing_saw(&g, 3000, GIB, 20 * MIB, 0);
	assert_true(g.rate > 10 * MIB && g.rate < 20 * MIB);
	growing_saw(&g, 4000, GIB, 0, 0);
	assert_true(g.rate > 10 * MIB && g.rate < 20 * MIB);
	for (int i = 0; i < 100; i++)
		growing_saw(&g, 5000 + i * 1000u, GIB, 0, 0);
	assert_true(g.rate < 10000);
	/* what the kernel says counts at once */
	growing_saw(&g, 104001, GIB, 0, 7 * MIB);
	assert_int_equal(g.rate, 7 * MIB);
}

static void by_how_much(void **state)
{
	struct growing g = { .size = 100 * MIB, .used = 90 * MIB };

	(void)state;
	assert_int_equal(growing_by(&g, 0, MUCH, MUCH), 25 * MIB);
	assert_int_equal(growing_by(&g, 64 * MIB, MUCH, MUCH), 64 * MIB);
	assert_int_equal(growing_by(&g, 64 * MIB + 1, MUCH, MUCH), 65 * MIB);
	/* no more than there is, or than can be of use */
	assert_int_equal(growing_by(&g, 64 * MIB, 10 * MIB + 4097, MUCH), 10 * MIB + 4096);
	assert_int_equal(growing_by(&g, 64 * MIB, 4096, MUCH), 0);
	assert_int_equal(growing_by(&g, 64 * MIB, MUCH, 120 * MIB), 20 * MIB);
	assert_int_equal(growing_by(&g, 64 * MIB, MUCH, 100 * MIB), 0);
	assert_int_equal(growing_by(&g, 64 * MIB, MUCH, 50 * MIB), 0);

	/* 64 files are enough for 10 TiB from 1 MiB on */
	g.size = MIB;
	for (int i = 1; i < 64; i++)
		g.size += growing_by(&g, 0, MUCH * 100, MUCH * 100);
	assert_true(g.size > 10 * MUCH / 1024 * 100);
}

static void full_is_full(void **state)
{
	struct growing g = { .size = MIB, .used = MIB + 4096 };

	(void)state;
	assert_true(growing_is_due(&g));
	assert_true(growing_is_urgent(&g));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(when_three_quarters_are_used),
		cmocka_unit_test(when_as_much_is_used),
		cmocka_unit_test(when_to_look),
		cmocka_unit_test(earlier_if_writers_are_fast),
		cmocka_unit_test(rates),
		cmocka_unit_test(by_how_much),
		cmocka_unit_test(full_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
