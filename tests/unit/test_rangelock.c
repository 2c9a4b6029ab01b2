// SPDX-License-Identifier: GPL-2.0-only
/* The range lock against its definition: granted if no earlier node overlaps. */
#include "unit.h"
#include "rangelock.h"

#define NODES 48

static struct snapset_rl rl;
static struct snapset_rl_node node[NODES];
static bool present[NODES], granted[NODES];

static bool conflict(int a, int b)
{
	return node[a].start <= node[b].last && node[b].start <= node[a].last;
}

static bool should_be_granted(int n)
{
	int i;

	for (i = 0; i < NODES; i++)
		if (present[i] && node[i].seq < node[n].seq && conflict(i, n))
			return false;
	return true;
}

static void insert(int n, u64 start, u64 last)
{
	node[n].start = start;
	node[n].last = last;
	granted[n] = snapset_rl_insert(&rl, &node[n]);
	present[n] = true;
}

/* Returns how many it granted; every one is checked. */
static int take_out(int n)
{
	struct list_head list, *pos;
	int count = 0;

	INIT_LIST_HEAD(&list);
	snapset_rl_remove(&rl, &node[n], &list);
	present[n] = false;
	granted[n] = false;
	while ((pos = list.next) != &list) {
		struct snapset_rl_node *g = list_entry(pos, struct snapset_rl_node, granted);

		assert_true(present[g - node]);
		assert_false(granted[g - node]);
		granted[g - node] = true;
		list_del_init(pos);
		count++;
	}
	return count;
}

static void check_all(void)
{
	bool any = false;
	int i;

	for (i = 0; i < NODES; i++) {
		any |= present[i];
		if (!present[i])
			continue;
		assert_int_equal(granted[i], should_be_granted(i));
		assert_int_equal(granted[i], !node[i].blockers);
	}
	assert_int_equal(snapset_rl_empty(&rl), !any);
}

static int start_over(void **state)
{
	(void)state;
	snapset_rl_init(&rl);
	memset(present, 0, sizeof(present));
	memset(granted, 0, sizeof(granted));
	return 0;
}

static void small_ones_do_not_overtake(void **state)
{
	(void)state;
	insert(0, 0, 4);
	insert(1, 5, 9);
	assert_true(granted[0] && granted[1]);
	insert(2, 9, 20);
	assert_false(granted[2]);
	/* touches none that is granted, but came after one that waits for it */
	insert(3, 15, 15);
	assert_false(granted[3]);
	insert(4, 30, 30);
	assert_true(granted[4]);
	assert_int_equal(take_out(0), 0);
	assert_int_equal(take_out(1), 1);
	assert_true(granted[2]);
	assert_int_equal(take_out(2), 1);
	assert_true(granted[3]);
	take_out(3);
	take_out(4);
	check_all();
}

static void a_waiter_that_leaves_frees_those_behind(void **state)
{
	(void)state;
	insert(0, 0, 0);
	insert(1, 0, 9);
	insert(2, 5, 5);
	insert(3, 9, 9);
	assert_false(granted[1] || granted[2] || granted[3]);
	assert_int_equal(take_out(1), 2);
	assert_true(granted[2] && granted[3]);
	check_all();
}

static void whole_device_and_last_granule(void **state)
{
	(void)state;
	insert(0, U64_MAX, U64_MAX);
	insert(1, 0, U64_MAX);
	insert(2, 0, 0);
	assert_true(granted[0]);
	assert_false(granted[1] || granted[2]);
	assert_int_equal(take_out(0), 1);
	assert_int_equal(take_out(1), 1);
	check_all();
}

/* Appends to what a list already holds, behind it. */
static void list_is_appended_to(void **state)
{
	struct list_head list, before;

	(void)state;
	INIT_LIST_HEAD(&list);
	list_add(&before, &list);
	insert(0, 0, 9);
	insert(1, 5, 5);
	insert(2, 3, 3);
	snapset_rl_remove(&rl, &node[0], &list);
	assert_ptr_equal(list.next, &before);
	assert_true(before.next == &node[1].granted || before.next == &node[2].granted);
	assert_true(list.prev == &node[1].granted || list.prev == &node[2].granted);
	assert_ptr_not_equal(before.next, list.prev);
	assert_ptr_equal(before.next->next, list.prev);
}

static void random_against_definition(void **state)
{
	int round, i;

	(void)state;
	rnd_seed();
	for (round = 0; round < 60000; round++) {
		int n = rnd(NODES);
		u64 start = rnd(60);

		if (present[n])
			take_out(n);
		else
			insert(n, start, start + rnd(rnd(8) ? 4 : 40));
		check_all();
	}
	/* Nobody is forgotten: whoever is granted leaves, until all have. */
	for (round = 0; round < NODES; round++) {
		for (i = 0; i < NODES && !granted[i]; i++)
			;
		if (i == NODES)
			break;
		take_out(i);
		check_all();
	}
	assert_true(snapset_rl_empty(&rl));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(small_ones_do_not_overtake, start_over),
		cmocka_unit_test_setup(a_waiter_that_leaves_frees_those_behind, start_over),
		cmocka_unit_test_setup(whole_device_and_last_granule, start_over),
		cmocka_unit_test_setup(list_is_appended_to, start_over),
		cmocka_unit_test_setup(random_against_definition, start_over),
	};

	return cmocka_run_group_tests_name("rangelock", tests, NULL, NULL);
}
