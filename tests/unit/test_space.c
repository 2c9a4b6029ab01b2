// SPDX-License-Identifier: GPL-2.0-only
/* The allocator against one byte per granule. */
#include "unit.h"
#include "space.h"

#define CHUNK 32768

static struct snapset_space space;
static u8 *taken;

static void begin(u64 total)
{
	assert_int_equal(snapset_space_init(&space, total), 0);
	taken = calloc(total, 1);
}

static void end(void)
{
	snapset_space_destroy(&space);
	free(taken);
	assert_int_equal(shim_live, 0);
	assert_int_equal(shim_warnings, 0);
}

static u64 take(u64 want, u64 *start)
{
	u64 n = snapset_space_take(&space, want, start), i;

	assert_true(n <= max_t(u64, want, 1));
	if (!n) {
		assert_int_equal(space.used, space.total - space.fenced);
		return 0;
	}
	assert_true(*start < space.total && n <= space.total - *start);
	for (i = 0; i < n; i++) {
		assert_false(taken[*start + i]);
		taken[*start + i] = 1;
	}
	return n;
}

static void give(u64 start, u64 len)
{
	snapset_space_give(&space, start, len);
	memset(taken + start, 0, len);
}

static u64 count(void)
{
	u64 i, n = 0;

	for (i = 0; i < space.total; i++)
		n += taken[i];
	return n;
}

static void fills_and_empties_any_size(void **state)
{
	static const u64 sizes[] = {
		1, 2, 63, 64, 65, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 77
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u64 start, n, sum = 0, expect = 0;

		begin(sizes[i]);
		/* Sequential takes lie one after another. */
		while ((n = take(100, &start))) {
			assert_int_equal(start, expect);
			expect = start + n;
			sum += n;
		}
		assert_int_equal(sum, sizes[i]);
		/* Back in one go, across chunks, and all of it again. */
		give(0, sizes[i]);
		assert_int_equal(space.used, 0);
		for (sum = 0; (n = take(U64_MAX, &start)); sum += n)
			;
		assert_int_equal(sum, sizes[i]);
		end();
	}
}

static void holes_do_not_cut_long_runs(void **state)
{
	u64 start, i;

	(void)state;
	begin(2 * CHUNK);
	while (take(CHUNK, &start))
		;
	/* a few single holes, then enough room */
	for (i = 0; i < 20; i += 2)
		give(i, 1);
	give(1000, 256);
	assert_int_equal(take(256, &start), 256);
	assert_int_equal(start, 1000);
	/* no long run at all: the holes, and nothing is refused */
	for (i = 0; i < 10; i++)
		assert_int_equal(take(256, &start), 1);
	assert_int_equal(take(1, &start), 0);
	end();
}

static void giving_twice_is_refused(void **state)
{
	u64 start;

	(void)state;
	begin(CHUNK + 10);
	assert_int_equal(take(50, &start), 50);
	give(start + 10, 10);
	snapset_space_give(&space, start + 5, 10);
	assert_int_equal(shim_warnings, 1);
	assert_int_equal(space.used, 40);
	snapset_space_give(&space, space.total, 1);
	snapset_space_give(&space, 5, U64_MAX);
	assert_int_equal(shim_warnings, 3);
	assert_int_equal(space.used, 40);
	shim_warnings = 0;
	end();
}

static void no_memory_and_nothing(void **state)
{
	int i;

	(void)state;
	assert_int_equal(snapset_space_init(&space, 0), -EINVAL);
	snapset_space_destroy(&space);
	assert_int_equal(snapset_space_init(&space, U64_MAX), -ENOMEM);
	for (i = 0; i < 4; i++) {
		shim_fail = i;
		assert_int_equal(snapset_space_init(&space, CHUNK + 1000), -ENOMEM);
		assert_int_equal(shim_live, 0);
	}
	shim_fail = -1;
}

static void random_against_bytes(void **state)
{
	static struct { u64 start, len; } held[4096];
	u64 total = 2 * CHUNK + 501;
	unsigned int nr = 0, round, i;
	bool filling = true;

	(void)state;
	rnd_seed();
	begin(total);
	for (round = 0; round < 120000; round++) {
		if (!nr)
			filling = true;
		if (nr == ARRAY_SIZE(held) || space.used == total)
			filling = false;
		if (rnd(4) ? filling : !filling) {
			if (nr == ARRAY_SIZE(held))
				continue;
			held[nr].len = take(1 + rnd(rnd(4) ? 16 : 600), &held[nr].start);
			nr += held[nr].len > 0;
		} else if (nr) {
			u64 part;

			i = rnd(nr);
			part = 1 + rnd(held[i].len);
			give(held[i].start + held[i].len - part, part);
			held[i].len -= part;
			if (!held[i].len)
				held[i] = held[--nr];
		}
		if (round % 512 == 0)
			assert_int_equal(space.used, count());
	}
	assert_int_equal(space.used, count());
	end();
}

static void grow(u64 total)
{
	struct snapset_space_more more;

	taken = realloc(taken, total);
	memset(taken + space.total, 0, total - space.total);
	assert_int_equal(snapset_space_more(&space, total, &more), 0);
	snapset_space_grow(&space, &more);
	snapset_space_forget(&more);
	assert_int_equal(space.total, total);
}

static void fence(u64 at)
{
	snapset_space_fence(&space, at);
	taken[at] = 1;
}

/* What is there stays, what comes is free, whatever the sizes are. */
static void grows_in_use(void **state)
{
	static const u64 sizes[] = {
		1, 2, 64, 100, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 5, 5 * CHUNK
	};
	struct snapset_space_more more;
	u64 start, n, sum = 0;
	unsigned int i;

	(void)state;
	begin(sizes[0]);
	for (i = 0; ; i++) {
		while ((n = take(777, &start)))
			sum += n;
		assert_int_equal(sum, sizes[i]);
		if (i == ARRAY_SIZE(sizes) - 1)
			break;
		assert_int_equal(snapset_space_more(&space, sizes[i], &more), -EINVAL);
		/* made and not used; not made */
		assert_int_equal(snapset_space_more(&space, sizes[i + 1], &more), 0);
		snapset_space_forget(&more);
		shim_fail = 1;
		assert_int_equal(snapset_space_more(&space, sizes[i + 1], &more), -ENOMEM);
		shim_fail = -1;
		grow(sizes[i + 1]);
		assert_int_equal(space.used, sizes[i]);
	}
	give(0, space.total);
	assert_int_equal(space.used, 0);
	end();
}

/* No run crosses a fence, and nobody gets one. */
static void fences_part_runs(void **state)
{
	u64 start, n, sum = 0;

	(void)state;
	begin(1000);
	fence(0);
	fence(999);
	fence(500);
	grow(CHUNK + 2000);
	fence(1000);
	fence(CHUNK + 1999);
	while ((n = take(U64_MAX, &start))) {
		assert_true(start + n <= 500 || start > 500);
		assert_true(start + n <= 999 || start > 1000);
		sum += n;
	}
	assert_int_equal(space.fenced, 5);
	assert_int_equal(sum, CHUNK + 2000 - 5);
	give(501, 498);
	assert_int_equal(take(600, &start), 498);
	snapset_space_fence(&space, 700);
	snapset_space_fence(&space, space.total);
	assert_int_equal(shim_warnings, 2);
	shim_warnings = 0;
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_and_empties_any_size),
		cmocka_unit_test(holes_do_not_cut_long_runs),
		cmocka_unit_test(giving_twice_is_refused),
		cmocka_unit_test(no_memory_and_nothing),
		cmocka_unit_test(grows_in_use),
		cmocka_unit_test(fences_part_runs),
		cmocka_unit_test(random_against_bytes),
	};

	return cmocka_run_group_tests_name("space", tests, NULL, NULL);
}
