// SPDX-License-Identifier: GPL-2.0-only
/*
 * A session whose turn it is not, against the fake module. The clock stands still where
 * another thread does something meanwhile.
 */
#include <errno.h>
#include <pthread.h>

#include "check.h"
#include "clock.h"
#include "fake.h"
#include "session.h"
#include "tree.h"

static void in_progress_is_not_the_end(void **state)
{
	(void)state;
	fake.fail_cmd = SNAPSET_CMD_SET_START;
	fake.fail_errno = EINPROGRESS;
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_SNAPSHOT_SET_IN_PROGRESS);
	fake.fail_cmd = 0;
	begin();
}

/* A session waits for its turn: it has asked again, and sleeps. */
static void until_it_waits(unsigned int asked)
{
	until(fake_called(SNAPSET_CMD_SET_START) >= asked + 2);
	until(clock_sleepers());
}

static void *let_go(void *arg)
{
	until_it_waits(0);
	fake_relent();
	if (arg)
		clock_pass(1000);	/* without an event */
	else
		fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	return NULL;
}

static void *abort_it(void *arg)
{
	(void)arg;
	until_it_waits(0);
	snap_abort(s);
	return NULL;
}

static void in_progress(void)
{
	fake.fail_cmd = SNAPSET_CMD_SET_START;
	fake.fail_errno = EINPROGRESS;
	fake.calls[SNAPSET_CMD_SET_START] = 0;
}

static void waits_for_its_turn(void **state)
{
	struct snap_error_info e;
	pthread_t t;
	uint64_t ms = clock_ms();

	(void)state;
	in_progress();
	assert_status(snap_set_wait(s, 150), SNAP_S_OK);
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_SNAPSHOT_SET_IN_PROGRESS);
	assert_int_equal(clock_ms() - ms, 150);

	clock_goes(false);
	in_progress();
	assert_status(snap_set_wait(s, SNAP_WAIT_FOREVER), SNAP_S_OK);
	pthread_create(&t, NULL, abort_it, NULL);
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_SNAPSHOT_SET_IN_PROGRESS);
	pthread_join(t, NULL);
	last_error(&e);
	assert_contains(e.text, "aborted");

	/* other refusals end it */
	fake.fail_errno = ENOSPC;
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_INSUFFICIENT_STORAGE);

	in_progress();
	pthread_create(&t, NULL, let_go, NULL);
	begin();
	pthread_join(t, NULL);
	assert_int_equal(clock_ms() - ms, 150);		/* the event was enough */
	assert_status(snap_set_wait(s, 0), SNAP_E_BAD_STATE);
}

static void waits_without_events(void **state)
{
	pthread_t t;

	(void)state;
	clock_goes(false);
	in_progress();
	assert_status(snap_set_wait(s, 10000), SNAP_S_OK);
	pthread_create(&t, NULL, let_go, s);
	begin();
	pthread_join(t, NULL);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(in_progress_is_not_the_end), T(waits_for_its_turn), T(waits_without_events),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
