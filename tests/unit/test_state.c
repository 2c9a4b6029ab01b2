// SPDX-License-Identifier: GPL-2.0-only
/* The state word: the table, and that exactly one of many decides. */
#include <pthread.h>
#include <sched.h>
#include "unit.h"
#include "state.h"

#define STATES	(SNAPSET_STATE_DELETED + 1)
#define ROUNDS	3000
#define ABORTERS 3

static bool allowed(int from, int to)
{
	switch (from) {
	case SNAPSET_STATE_OPEN:
	case SNAPSET_STATE_PREPARING:
	case SNAPSET_STATE_FREEZING:
	case SNAPSET_STATE_HOLDING:
		return to == from + 1;
	case SNAPSET_STATE_COMMITTED:
		return to == SNAPSET_STATE_CREATED || to == SNAPSET_STATE_ABORTING;
	case SNAPSET_STATE_ABORTING:
		return to == SNAPSET_STATE_FAILED || to == SNAPSET_STATE_CANCELLED;
	default:
		return false;
	}
}

static void every_pair(void **state)
{
	struct snapset_statew s;
	int from, to, is;

	(void)state;
	for (from = 0; from < STATES; from++) {
		for (to = 0; to < STATES; to++) {
			for (is = 0; is < STATES; is++) {
				bool ok = allowed(from, to) && is == from;

				shim_warnings = 0;
				atomic_set(&s.word, is);
				assert_int_equal(snapset_state_step(&s, from, to), ok);
				assert_int_equal(snapset_state_get(&s), ok ? to : is);
				assert_int_equal(shim_warnings, !allowed(from, to));
			}
		}
	}
	shim_warnings = 0;
}

static void abort_before_commit_only(void **state)
{
	struct snapset_statew s;
	enum snapset_state was;
	int is;

	(void)state;
	for (is = 0; is < STATES; is++) {
		bool early = is < SNAPSET_STATE_COMMITTED;

		atomic_set(&s.word, is);
		was = STATES;
		assert_int_equal(snapset_state_abort(&s, &was), early);
		assert_int_equal(was, is);
		assert_int_equal(snapset_state_get(&s),
				 early ? SNAPSET_STATE_ABORTING : is);
	}
}

static void which_are_final(void **state)
{
	int is;

	(void)state;
	for (is = 0; is < STATES; is++)
		assert_int_equal(snapset_state_final(is),
				 is == SNAPSET_STATE_CREATED ||
				 is == SNAPSET_STATE_FAILED ||
				 is == SNAPSET_STATE_CANCELLED);
}

/* One worker goes for the commit while timer, cancel and death abort. */
static struct snapset_statew word[ROUNDS];
static int reason[ROUNDS];	/* plain on purpose: published by the word */
static int seen[ABORTERS][ROUNDS];
static bool won[ABORTERS + 1][ROUNDS];
static pthread_barrier_t line;
static int progress;		/* the round that has begun */

static void wait_a_little(unsigned int n)
{
	while (n--)
		__asm__ __volatile__("" ::: "memory");
}

static void *aborter(void *arg)
{
	long me = (long)arg;
	int i;

	pthread_barrier_wait(&line);
	for (i = 0; i < ROUNDS; i++) {
		enum snapset_state was;

		while (__atomic_load_n(&progress, __ATOMIC_RELAXED) < i)
			sched_yield();
		wait_a_little((i * (me + 7)) % 4096);
		won[me][i] = snapset_state_abort(&word[i], &was);
		if (!won[me][i] && was >= SNAPSET_STATE_COMMITTED &&
		    was <= SNAPSET_STATE_CREATED)
			seen[me][i] = reason[i];
	}
	return NULL;
}

static void *worker(void *unused)
{
	int i, to;

	(void)unused;
	pthread_barrier_wait(&line);
	for (i = 0; i < ROUNDS; i++) {
		bool on = true;

		__atomic_store_n(&progress, i, __ATOMIC_RELAXED);
		if (i % 2)
			sched_yield();
		for (to = SNAPSET_STATE_PREPARING; on && to <= SNAPSET_STATE_COMMITTED; to++) {
			wait_a_little(i * 13 % 2048);
			if (to == SNAPSET_STATE_COMMITTED)
				reason[i] = 42;
			on = snapset_state_step(&word[i], to - 1, to);
		}
		won[ABORTERS][i] = on;
	}
	return NULL;
}

static void exactly_one_decides(void **state)
{
	pthread_t thread[ABORTERS + 1];
	int i, t, commits = 0;
	long n;

	(void)state;
	for (i = 0; i < ROUNDS; i++)
		snapset_state_init(&word[i]);
	pthread_barrier_init(&line, NULL, ABORTERS + 1);
	for (n = 0; n < ABORTERS; n++)
		assert_int_equal(pthread_create(&thread[n], NULL, aborter, (void *)n), 0);
	assert_int_equal(pthread_create(&thread[n], NULL, worker, NULL), 0);
	for (t = 0; t <= ABORTERS; t++)
		pthread_join(thread[t], NULL);
	for (i = 0; i < ROUNDS; i++) {
		int winners = 0;

		for (t = 0; t <= ABORTERS; t++)
			winners += won[t][i];
		assert_int_equal(winners, 1);
		assert_int_equal(snapset_state_get(&word[i]), won[ABORTERS][i] ?
				 SNAPSET_STATE_COMMITTED : SNAPSET_STATE_ABORTING);
		for (t = 0; t < ABORTERS; t++)
			assert_true(!seen[t][i] || seen[t][i] == 42);
		commits += won[ABORTERS][i];
	}
	assert_int_equal(shim_warnings, 0);
	pthread_barrier_destroy(&line);
	print_message("             (%d of %d committed)\n", commits, ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair),
		cmocka_unit_test(abort_before_commit_only),
		cmocka_unit_test(which_are_final),
		cmocka_unit_test(exactly_one_decides),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
