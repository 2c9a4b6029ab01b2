// SPDX-License-Identifier: GPL-2.0-only
/* The map against an array with one place per granule. */
#include <pthread.h>
#include <sched.h>
#include "unit.h"
#include "map.h"

#define REGION	512
#define N	(120 * REGION)
#define NONE	U64_MAX
#define NODE	(576 + 9)

static struct snapset_map map;
static u64 model[N];

static int begin(void **state)
{
	int i;

	(void)state;
	snapset_map_init(&map);
	for (i = 0; i < N; i++)
		model[i] = NONE;
	shim_fail = -1;
	return 0;
}

static int end(void **state)
{
	(void)state;
	snapset_map_destroy(&map);
	shim_rcu_barrier();
	assert_int_equal(map.bytes, 0);
	assert_int_equal(shim_live, 0);
	assert_int_equal(shim_warnings, 0);
	return 0;
}

static bool continues(u64 g)
{
	return model[g] != NONE && model[g - 1] != NONE && model[g] == model[g - 1] + 1;
}

static void check_lookup(u64 start, u64 max)
{
	struct snapset_map_run run;
	u64 g;

	snapset_map_lookup(&map, start, max, &run);
	assert_int_equal(run.start, start);
	assert_true(run.len >= 1 && run.len <= max);
	assert_int_equal(run.kept, model[start] != NONE);
	for (g = start; g < start + run.len; g++) {
		if (run.kept)
			assert_int_equal(model[g], run.place + g - start);
		else
			assert_true(model[g] == NONE);
	}
	/* As long as possible, within the region. */
	g = start + run.len;
	if (run.len < max && g % REGION)
		assert_true(run.kept ? !continues(g) : model[g] != NONE);
}

static void check_covers(u64 start, u64 len)
{
	bool all = true;
	u64 g;

	for (g = start; g < start + len; g++)
		all &= model[g] != NONE;
	assert_int_equal(snapset_map_covers(&map, start, len), all);
}

static void check_all(void)
{
	u64 g, granules = 0, extents = 0, regions = 0, nodes = 0, walked = 0;
	u64 in_node = 0;
	struct snapset_map_run run = { };

	for (g = 0; g < N; g++) {
		if (g % (64 * REGION) == 0)
			in_node = regions;
		if (g % REGION == 0 && xa_load(&map.regions, g / REGION)) {
			nodes += regions == in_node;
			regions++;
		}
		if (model[g] == NONE)
			continue;
		granules++;
		if (g % REGION == 0 || !continues(g))
			extents++;
	}
	assert_int_equal(map.granules, granules);
	assert_int_equal(map.extents, extents);
	/* a place for each granule takes no more than 254 extents did */
	assert_true(map.bytes >= nodes * NODE);
	assert_true(map.bytes - nodes * NODE <= 64 * regions + 16 * extents);
	assert_true(map.bytes - nodes * NODE <= regions * (64 + 8 * REGION));
	for (g = 0; g < N; g += run.len) {
		check_lookup(g, N - g);
		snapset_map_lookup(&map, g, N - g, &run);
	}
	for (g = 0; snapset_map_next(&map, g, &run); g = run.start + run.len) {
		for (; g < run.start; g++)
			assert_true(model[g] == NONE);
		assert_true(run.kept);
		assert_int_equal(run.place, model[run.start]);
		walked += run.len;
	}
	assert_int_equal(walked, granules);
}

static int add(u64 start, u64 len, u64 place)
{
	bool taken = false;
	u64 g;
	int err;

	for (g = start; g < start + len; g++)
		taken |= model[g] != NONE;
	err = snapset_map_add(&map, start, len, place, GFP_KERNEL);
	if (taken)
		assert_true(err == -EEXIST || (err == -ENOMEM && shim_fail >= 0));
	for (g = start; !err && g < start + len; g++)
		model[g] = place + g - start;
	return err;
}

static void joins_neighbours(void **state)
{
	(void)state;
	assert_int_equal(add(10, 5, 100), 0);
	assert_int_equal(add(20, 5, 110), 0);
	assert_int_equal(map.extents, 2);
	assert_int_equal(add(15, 5, 105), 0);	/* both sides */
	assert_int_equal(map.extents, 1);
	assert_int_equal(add(25, 1, 115), 0);	/* left */
	assert_int_equal(add(9, 1, 99), 0);	/* right */
	assert_int_equal(map.extents, 1);
	assert_int_equal(add(26, 1, 999), 0);	/* elsewhere in the store */
	assert_int_equal(add(8, 1, 99), 0);	/* a place twice is the caller's affair */
	assert_int_equal(map.extents, 3);
	assert_int_equal(map.bytes, 64 + NODE);
	check_all();
}

static void limits(void **state)
{
	u64 most = 1ull << SNAPSET_MAP_PLACE_BITS;

	(void)state;
	assert_int_equal(add(0, 1, most), -ERANGE);
	assert_int_equal(add(0, 2, most - 1), -ERANGE);
	assert_int_equal(add(0, 2, U64_MAX), -ERANGE);
	assert_int_equal(snapset_map_add(&map, U64_MAX, 2, 0, GFP_KERNEL), -ERANGE);
	assert_int_equal(map.granules, 0);
	assert_int_equal(shim_live, 0);
	assert_int_equal(add(5, 0, 5), 0);
	assert_int_equal(map.granules, 0);
	assert_int_equal(add(7, 2, most - 2), 0);
	/* whole regions: len - 1 uses all its bits */
	assert_int_equal(add(REGION, 3 * REGION, 0), 0);
	assert_int_equal(map.extents, 4);
	assert_true(snapset_map_covers(&map, REGION, 3 * REGION));
	assert_true(snapset_map_covers(&map, 0, 0));
	check_all();
}

/* Every granule of a region apart from its neighbours: the most there can be. */
static void region_full_of_single_granules(void **state)
{
	u64 g;

	(void)state;
	for (g = 0; g < REGION; g++)
		assert_int_equal(add(g * 5 % REGION, 1, g * 3), 0);
	assert_int_equal(map.extents, REGION);
	assert_int_equal(map.bytes, NODE + 32 + 8 * REGION);	/* a place for each */
	assert_int_equal(add(REGION - 1, 1, 0), -EEXIST);
	assert_true(snapset_map_covers(&map, 0, REGION));
	check_all();
}

static void occupied_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(add(3 * REGION + 5, 1, 7), 0);
	assert_int_equal(shim_live, 0);		/* the only one of its region is in the index */
	assert_int_equal(add(0, 4 * REGION, 1000), -EEXIST);
	assert_int_equal(shim_live, 0);
	assert_int_equal(shim_xa_reserved(&map.regions), 0);
	assert_int_equal(add(3 * REGION + 9, 1, 7), 0);
	assert_int_equal(add(0, 4 * REGION, 1000), -EEXIST);
	assert_int_equal(shim_live, 1);
	assert_int_equal(shim_xa_reserved(&map.regions), 0);
	check_all();
}

static u64 random_add(u64 *start, u64 *len, u64 *place)
{
	static u64 next_place;

	*start = rnd(N);
	*len = 1 + rnd(rnd(3) ? 4 : rnd(8) ? 200 : 3 * REGION);
	*len = min(*len, (u64)N - *start);
	/* Often what continues a neighbour, as sequential writers do. */
	if (*start && model[*start - 1] != NONE && rnd(2))
		*place = model[*start - 1] + 1;
	else if (*start + *len < N && model[*start + *len] != NONE &&
		 model[*start + *len] >= *len && rnd(2))
		*place = model[*start + *len] - *len;
	else
		*place = next_place;
	next_place += *len + rnd(3);
	return *place;
}

static void random_against_array(void **state)
{
	u64 start, len, place;
	int epoch, round, i;

	rnd_seed();
	for (epoch = 0; epoch < 4; epoch++) {
		begin(state);
		for (round = 0; round < 6000; round++) {
			random_add(&start, &len, &place);
			add(start, len, place);
			for (i = 0; i < 4; i++) {
				u64 g = rnd(4) ? rnd(N) : start;

				check_lookup(g, 1 + rnd(N - g));
				check_covers(g, rnd(min((u64)N - g, rnd(2) ? 8ul : 5000ul) + 1));
			}
			if (round % 1000 == 0)
				check_all();
		}
		check_all();
		end(state);
	}
	begin(state);
}

static void no_memory_changes_nothing(void **state)
{
	u64 start, len, place;
	int round, injected = 0;

	(void)state;
	rnd_seed();
	for (round = 0; round < 6000; round++) {
		long fail;
		int err;

		random_add(&start, &len, &place);
		for (fail = 0; ; fail++) {
			struct snapset_map was = map;
			long live;

			shim_rcu_barrier();
			live = shim_live;
			shim_fail = fail;
			err = add(start, len, place);
			shim_fail = -1;
			if (err != -ENOMEM)
				break;
			injected++;
			assert_int_equal(shim_live, live);
			assert_int_equal(map.granules, was.granules);
			assert_int_equal(map.extents, was.extents);
			assert_int_equal(map.bytes, was.bytes);
			assert_int_equal(shim_xa_reserved(&map.regions), 0);
			check_lookup(start, len);
			check_covers(start, len);
		}
		if (round % 50 == 0)
			check_all();
	}
	check_all();
	assert_true(injected > 300);
}

/*
 * One changer, several who look: a granule is not kept or kept at its place,
 * and once seen as kept stays so.
 */
#define LOOKERS 2
static bool done;
static pthread_barrier_t line;

static u64 place_of(u64 g)
{
	/* breaks every 4 granules, so that neighbours merge and do not; or at each */
	return g / REGION % 2 ? g * 2 - g % 4 : g * 2;
}

static void *looker(void *arg)
{
	static bool seen[LOOKERS][N];
	long me = (long)arg;
	u64 x = me + 1, wrong = 0;

	pthread_barrier_wait(&line);
	do {
		struct snapset_map_run run;
		u64 g, i;
		bool all;

		x = x * 6364136223846793005ull + 1442695040888963407ull;
		g = (x >> 33) % (N / 8);	/* a few busy regions */
		all = snapset_map_covers(&map, g, 3);
		snapset_map_lookup(&map, g, 16, &run);
		for (i = 0; i < run.len; i++) {
			if (run.kept)
				wrong += run.place + i != place_of(g + i);
			else
				wrong += seen[me][g + i] || (all && i < 3);
			seen[me][g + i] |= run.kept;
		}
	} while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE));
	return (void *)wrong;
}

static void lookups_during_changes(void **state)
{
	pthread_t thread[LOOKERS];
	u64 g, n = N / 8;
	long t;

	(void)state;
	done = false;
	pthread_barrier_init(&line, NULL, LOOKERS + 1);
	for (t = 0; t < LOOKERS; t++)
		assert_int_equal(pthread_create(&thread[t], NULL, looker, (void *)t), 0);
	pthread_barrier_wait(&line);
	for (g = 0; g < n; g++) {
		u64 at = g * 4099 % n;

		assert_int_equal(snapset_map_add(&map, at, 1, place_of(at), GFP_KERNEL), 0);
		if (g % 8 == 0)
			sched_yield();
	}
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
	for (t = 0; t < LOOKERS; t++) {
		void *wrong;

		pthread_join(thread[t], &wrong);
		assert_null(wrong);
	}
	pthread_barrier_destroy(&line);
	assert_int_equal(map.granules, n);
	/* of 15 regions 8 have a place for each granule */
	assert_int_equal(map.extents, 8 * REGION + 7 * REGION / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(joins_neighbours, begin, end),
		cmocka_unit_test_setup_teardown(limits, begin, end),
		cmocka_unit_test_setup_teardown(region_full_of_single_granules, begin, end),
		cmocka_unit_test_setup_teardown(occupied_changes_nothing, begin, end),
		cmocka_unit_test_setup_teardown(random_against_array, begin, end),
		cmocka_unit_test_setup_teardown(no_memory_changes_nothing, begin, end),
		cmocka_unit_test_setup_teardown(lookups_during_changes, begin, end),
	};

	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
