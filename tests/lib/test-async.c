// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs against the fake module: their ends, the three outcomes of cancel, lost events,
 * threads.
 */
#include <errno.h>
#include <pthread.h>

#include "check.h"
#include "clock.h"
#include "fake.h"
#include "session.h"
#include "tree.h"

static void finishes(void **state)
{
	int fd;

	(void)state;
	begin();
	fd = snap_async_fd(a);
	assert_status(snap_async_status(a, &status), SNAP_S_OK);
	assert_status(status, SNAP_S_ASYNC_PENDING);
	assert_false(readable(fd));
	assert_status(snap_async_wait(a, -2), SNAP_E_INVALIDARG);
	assert_status(snap_async_wait(a, 0), SNAP_S_ASYNC_PENDING);
	assert_status(snap_async_wait(a, 20), SNAP_S_ASYNC_PENDING);
	fake_state(SNAPSET_STATE_FREEZING, SNAPSET_S_ASYNC_PENDING, NULL);
	assert_true(readable(fd));
	assert_status(snap_async_status(a, &status), SNAP_S_OK);
	assert_status(status, SNAP_S_ASYNC_PENDING);
	assert_false(readable(fd));		/* the status made it quiet */
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	assert_true(readable(fd));
	assert_status(snap_async_wait(a, -1), SNAP_S_OK);
	assert_end(SNAP_S_ASYNC_FINISHED);
	assert_true(readable(fd));		/* for good */
	assert_status(snap_async_wait(a, 0), SNAP_S_OK);
	assert_status(snap_async_cancel(a), SNAP_S_ASYNC_FINISHED);
	assert_int_equal(fake.calls[SNAPSET_CMD_SET_CANCEL], 0);
}

/* A call that any thread may make, and that fails. */
static void *does_wrong(void *arg)
{
	struct snap_error_info e;
	snap_status st;

	(void)arg;
	st = snap_set_quota(s, 1);
	last_error(&e);
	return st == SNAP_E_BAD_STATE && e.code == SNAP_E_BAD_STATE ? NULL : (void *)does_wrong;
}

static void fails(void **state)
{
	struct snap_error_info e = { .size = sizeof(e) };
	pthread_t t;
	void *wrong;

	(void)state;
	begin();
	fake_state(SNAPSET_STATE_FREEZING, SNAPSET_S_ASYNC_PENDING, NULL);
	assert_status(snap_async_error(a, &e), SNAP_S_OK);
	assert_status(e.code, SNAP_S_OK);
	fake_fail(SNAPSET_E_HOLD_WRITES_TIMEOUT, "vda1 was busy", SNAPSET_PHASE_HOLD, "/srv", ETIMEDOUT);
	assert_status(snap_async_wait(a, -1), SNAP_S_OK);	/* never the job's error */
	assert_end(SNAP_E_HOLD_WRITES_TIMEOUT);
	/* what another thread does wrong is its own business */
	assert_int_equal(pthread_create(&t, NULL, does_wrong, NULL), 0);
	assert_int_equal(pthread_join(t, &wrong), 0);
	assert_null(wrong);
	assert_status(snap_async_error(a, &e), SNAP_S_OK);
	assert_status(e.code, SNAP_E_HOLD_WRITES_TIMEOUT);
	assert_string_equal(e.member, "/srv");
	assert_int_equal(e.sys_errno, ETIMEDOUT);
	assert_int_equal(e.phase, SNAP_PHASE_HOLD);
	e.size = SIZE_MAX;
	assert_status(snap_async_error(a, &e), SNAP_E_INVALIDARG);
	e.size = sizeof(e);
	assert_status(snap_async_error(NULL, &e), SNAP_E_INVALIDARG);
	last_error(&e);
	assert_string_equal(e.member, "/srv");
	assert_status(e.code, SNAP_E_HOLD_WRITES_TIMEOUT);
	assert_string_equal(e.text, "vda1 was busy");
	assert_int_equal(e.phase, SNAP_PHASE_HOLD);
	assert_status(snap_async_cancel(a), SNAP_E_HOLD_WRITES_TIMEOUT);
	assert_status(snap_abort(s), SNAP_S_OK);
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_BAD_STATE);
}

static void cancel_wins(void **state)
{
	(void)state;
	begin();
	assert_status(snap_async_cancel(a), SNAP_S_OK);
	assert_end(SNAP_S_ASYNC_CANCELLED);
	assert_true(readable(snap_async_fd(a)));
	assert_status(snap_async_cancel(a), SNAP_S_ASYNC_CANCELLED);
	assert_status(snap_async_wait(a, -1), SNAP_S_OK);
}

static void cancel_is_too_late(void **state)
{
	(void)state;
	begin();
	fake.silent = true;		/* the library does not know it yet */
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	assert_status(snap_async_cancel(a), SNAP_S_ASYNC_FINISHED);
	assert_end(SNAP_S_ASYNC_FINISHED);
}

static void cancel_finds_it_failed(void **state)
{
	struct snap_error_info e;

	(void)state;
	begin();
	fake.silent = true;
	fake_state(SNAPSET_STATE_FAILED, SNAPSET_E_FLUSH_WRITES_TIMEOUT, "too slow");
	assert_status(snap_async_cancel(a), SNAP_E_FLUSH_WRITES_TIMEOUT);
	assert_end(SNAP_E_FLUSH_WRITES_TIMEOUT);
	last_error(&e);
	assert_string_equal(e.text, "too slow");
}

static void cancel_without_an_answer(void **state)
{
	(void)state;
	begin();
	fake.fail_cmd = SNAPSET_CMD_SET_CANCEL;
	fake.fail_errno = ENOMEM;
	assert_status(snap_async_cancel(a), SNAP_E_OUTOFMEMORY);
	assert_end(SNAP_S_ASYNC_PENDING);
	assert_status(snap_abort(s), SNAP_E_OUTOFMEMORY);
	fake.fail_cmd = 0;
	assert_status(snap_async_cancel(a), SNAP_S_OK);
}

static void events_get_lost(void **state)
{
	(void)state;
	begin();
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	fake_overflow();
	assert_true(readable(snap_async_fd(a)));
	assert_end(SNAP_S_ASYNC_FINISHED);
	assert_int_equal(fake.calls[SNAPSET_CMD_SET_GET], 1);
}

static void events_never_come(void **state)
{
	uint64_t ms = clock_ms();

	(void)state;
	begin();
	fake.silent = true;
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	assert_status(snap_async_wait(a, 100), SNAP_S_ASYNC_PENDING);
	assert_int_equal(clock_ms() - ms, 100);
	assert_status(snap_async_wait(a, 5000), SNAP_S_OK);
	assert_int_equal(clock_ms() - ms, 1100);
	assert_end(SNAP_S_ASYNC_FINISHED);
}

static void the_set_vanishes(void **state)
{
	(void)state;
	begin();
	fake.exists = false;
	fake_state(SNAPSET_STATE_DELETED, SNAPSET_S_OK, NULL);
	assert_end(SNAP_E_OBJECT_NOT_FOUND);
}

static void free_detaches(void **state)
{
	struct snap_set_props p = { .size = sizeof(p) };

	(void)state;
	begin();
	snap_async_free(a);
	a = NULL;
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	assert_status(snap_get_set_properties(s, &set, &p), SNAP_S_OK);
	assert_int_equal(p.state, SNAP_SET_CREATED);
	assert_status(p.code, SNAP_S_ASYNC_FINISHED);
	assert_int_equal(p.hold_ns, 12345);
}

static void *wait_for_ever(void *arg)
{
	struct snap_async *job = arg;
	snap_status st;

	if (snap_async_wait(job, -1) || snap_async_status(job, &st) ||
	    st != SNAP_S_ASYNC_CANCELLED)
		return job;
	return NULL;
}

static void *cancel_it(void *arg)
{
	snap_status st = snap_async_cancel(arg);

	return st == SNAP_S_OK || st == SNAP_S_ASYNC_CANCELLED ? NULL : arg;
}

static void threads(void **state)
{
	pthread_t t[8];
	void *bad;

	(void)state;
	clock_goes(false);
	begin();
	for (int i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&t[i], NULL, wait_for_ever, a), 0);
	/* before the first cancel: no set comes back to life */
	fake_state(SNAPSET_STATE_FREEZING, SNAPSET_S_ASYNC_PENDING, NULL);
	for (int i = 6; i < 8; i++)
		assert_int_equal(pthread_create(&t[i], NULL, cancel_it, a), 0);
	assert_status(snap_abort(s), SNAP_S_OK);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(pthread_join(t[i], &bad), 0);
		assert_null(bad);
	}
	assert_end(SNAP_S_ASYNC_CANCELLED);
}

static void progress(void **state)
{
	struct snap_progress p = { .size = sizeof(p) };

	(void)state;
	begin();
	assert_status(snap_async_progress(a, NULL), SNAP_E_INVALIDARG);
	assert_status(snap_async_progress(a, &p), SNAP_S_OK);
	assert_int_equal(p.phase, SNAP_PHASE_HOLD);
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	assert_status(snap_async_progress(a, &p), SNAP_S_OK);
	assert_int_equal(p.phase, SNAP_PHASE_DONE);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(finishes), T(fails), T(cancel_wins), T(cancel_is_too_late),
		T(cancel_finds_it_failed), T(cancel_without_an_answer), T(events_get_lost),
		T(events_never_come), T(the_set_vanishes), T(free_detaches), T(threads),
		T(progress),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
