// SPDX-License-Identifier: GPL-2.0-only
/* The real library against the running kernel, which has no module, or has. */
#include <sched.h>

#include "check.h"

static void null_is_harmless(void **state)
{
	struct snap_error_info e = { .size = sizeof(e) };
	struct snap_session *s = NULL;
	snap_status st;
	snap_id id;

	(void)state;
	assert_status(snap_open(0, NULL), SNAP_E_INVALIDARG);
	assert_status(snap_open(1, &s), SNAP_E_INVALIDARG);
	assert_null(s);
	assert_status(snap_last_error(NULL, &e), SNAP_S_OK);
	assert_status(e.code, SNAP_E_INVALIDARG);
	assert_contains(e.text, "flags");
	assert_status(snap_last_error(NULL, NULL), SNAP_E_INVALIDARG);
	e.size = 0;
	assert_status(snap_last_error(NULL, &e), SNAP_E_INVALIDARG);

	snap_close(NULL);
	snap_async_free(NULL);
	snap_iter_free(NULL);
	snap_event_close(NULL);
	assert_int_equal(snap_async_fd(NULL), -1);
	assert_int_equal(snap_event_fd(NULL), -1);
	assert_status(snap_start_snapshot_set(NULL, &id), SNAP_E_INVALIDARG);
	assert_status(snap_add_to_snapshot_set(NULL, "/", &id), SNAP_E_INVALIDARG);
	assert_status(snap_do_snapshot_set(NULL, NULL), SNAP_E_INVALIDARG);
	assert_status(snap_abort(NULL), SNAP_E_INVALIDARG);
	assert_status(snap_async_status(NULL, &st), SNAP_E_INVALIDARG);
	assert_status(snap_async_wait(NULL, 0), SNAP_E_INVALIDARG);
	assert_status(snap_async_cancel(NULL), SNAP_E_INVALIDARG);
	assert_status(snap_query(NULL, NULL, NULL), SNAP_E_INVALIDARG);
	assert_status(snap_iter_next_set(NULL, NULL), SNAP_E_INVALIDARG);
	assert_status(snap_event_next(NULL, 0, NULL), SNAP_E_INVALIDARG);
}

static void without_the_module(void **state)
{
	struct snap_error_info e = { .size = sizeof(e) };
	struct snap_session *s = NULL;
	snap_status st;

	(void)state;
	/* it may be loaded, but is not seen from another network namespace */
	assert_true(!unshare(CLONE_NEWNET) || !unshare(CLONE_NEWUSER | CLONE_NEWNET));
	st = snap_open(0, &s);
	assert_null(s);
	assert_status(snap_last_error(NULL, &e), SNAP_S_OK);
	assert_status(e.code, st);
	assert_true(e.text[0]);
	assert_status(st, SNAP_E_PROVIDER_NOT_REGISTERED);
	assert_contains(e.text, "modprobe snapset");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_is_harmless),
		cmocka_unit_test(without_the_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
