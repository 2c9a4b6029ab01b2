// SPDX-License-Identifier: GPL-2.0-only
/* Range arithmetic at the edges, and against a plain loop over sectors. */
#include "unit.h"
#include "range.h"

static void of_clips_overflow(void **state)
{
	struct snapset_range r = snapset_range_of(U64_MAX - 3, 8);

	(void)state;
	assert_int_equal(r.start, U64_MAX - 3);
	assert_int_equal(r.end, U64_MAX);
	r = snapset_range_of(U64_MAX, U64_MAX);
	assert_true(r.end == U64_MAX);
	r = snapset_range_of(8, 8);
	assert_int_equal(r.start, 8);
	assert_int_equal(r.end, 16);
	assert_true(snapset_range_empty(snapset_range_of(5, 0)));
	assert_true(snapset_range_empty(snapset_range_of(U64_MAX, 0)));
}

static void empty_overlaps_nothing(void **state)
{
	struct snapset_range all = { 0, U64_MAX };

	(void)state;
	assert_false(snapset_range_overlap((struct snapset_range){ 5, 5 }, all));
	assert_false(snapset_range_overlap(all, (struct snapset_range){ 9, 3 }));
	assert_false(snapset_range_overlap((struct snapset_range){ 0, 8 },
					   (struct snapset_range){ 8, 16 }));
	assert_true(snapset_range_overlap((struct snapset_range){ 0, 9 },
					  (struct snapset_range){ 8, 16 }));
}

static void clamp_past_the_end_is_empty(void **state)
{
	struct snapset_range device = { 100, 200 }, r;

	(void)state;
	r = snapset_range_clamp(snapset_range_of(200, 8), device);
	assert_true(snapset_range_empty(r));
	r = snapset_range_clamp(snapset_range_of(0, 100), device);
	assert_true(snapset_range_empty(r));
	r = snapset_range_clamp(snapset_range_of(U64_MAX - 1, 100), device);
	assert_true(snapset_range_empty(r));
	r = snapset_range_clamp(snapset_range_of(0, U64_MAX), device);
	assert_int_equal(r.start, 100);
	assert_int_equal(r.end, 200);
}

static void granules_at_the_edges(void **state)
{
	struct snapset_range r = { 7, 9 };

	(void)state;
	assert_int_equal(snapset_range_first_granule(r), 0);
	assert_int_equal(snapset_range_last_granule(r), 1);
	r = (struct snapset_range){ 8, 16 };
	assert_int_equal(snapset_range_first_granule(r), 1);
	assert_int_equal(snapset_range_last_granule(r), 1);
	r = (struct snapset_range){ U64_MAX - 1, U64_MAX };
	assert_true(snapset_range_last_granule(r) == (U64_MAX - 1) / 8);

	/* a device of 2 granules and 3 sectors */
	r = snapset_range_of_granules(1, 2, 19);
	assert_int_equal(r.start, 8);
	assert_int_equal(r.end, 19);
	r = snapset_range_of_granules(0, 2, 19);
	assert_int_equal(r.end, 16);
	assert_true(snapset_range_empty(snapset_range_of_granules(3, 1, 19)));
	assert_true(snapset_range_empty(snapset_range_of_granules(1, 0, 19)));
}

static void same_as_counting_sectors(void **state)
{
	int round;

	(void)state;
	rnd_seed();
	for (round = 0; round < 200000; round++) {
		struct snapset_range a = { rnd(40), rnd(40) };
		struct snapset_range b = { rnd(40), rnd(40) };
		struct snapset_range c = snapset_range_clamp(a, b);
		u64 s, both = 0, first = U64_MAX, last = 0;

		for (s = 0; s < 48; s++) {
			if (s < a.start || s >= a.end)
				continue;
			first = min(first, s / 8);
			last = s / 8;
			both += s >= b.start && s < b.end;
		}
		assert_int_equal(snapset_range_overlap(a, b), both > 0);
		assert_int_equal(snapset_range_empty(c), both == 0);
		if (both)
			assert_int_equal(c.end - c.start, both);
		if (first != U64_MAX) {
			assert_int_equal(snapset_range_first_granule(a), first);
			assert_int_equal(snapset_range_last_granule(a), last);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_clips_overflow),
		cmocka_unit_test(empty_overlaps_nothing),
		cmocka_unit_test(clamp_past_the_end_is_empty),
		cmocka_unit_test(granules_at_the_edges),
		cmocka_unit_test(same_as_counting_sectors),
	};

	return cmocka_run_group_tests_name("range", tests, NULL, NULL);
}
