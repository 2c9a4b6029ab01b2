// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions against the fake module: the state table, settings, members, and how they end.
 */
#include <errno.h>

#include "check.h"
#include "fake.h"
#include "session.h"
#include "tree.h"

static void wrong_order(void **state)
{
	struct snap_error_info e;
	snap_id id;

	(void)state;
	assert_status(snap_add_to_snapshot_set(s, "vda1", &id), SNAP_E_BAD_STATE);
	last_error(&e);
	assert_status(e.code, SNAP_E_BAD_STATE);
	assert_contains(e.text, "snap_start_snapshot_set()");
	assert_status(snap_do_snapshot_set(s, &a), SNAP_E_BAD_STATE);
	assert_null(a);
	assert_status(snap_abort(s), SNAP_S_OK);
	assert_status(snap_start_snapshot_set(s, NULL), SNAP_E_INVALIDARG);
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_BAD_STATE);
	assert_status(snap_set_context(s, SNAP_CTX_FILE_SHARE_BACKUP), SNAP_E_BAD_STATE);
	assert_status(snap_set_timeouts(s, 1, 1, 100), SNAP_E_BAD_STATE);
	assert_status(snap_set_budget(s, 0), SNAP_E_BAD_STATE);
	assert_status(snap_do_snapshot_set(s, &a), SNAP_E_BAD_STATE);	/* empty */
	last_error(&e);
	assert_contains(e.text, "empty");
	assert_status(snap_add_to_snapshot_set(s, "vda1", &snap), SNAP_S_OK);
	assert_status(snap_do_snapshot_set(s, NULL), SNAP_E_INVALIDARG);
	assert_status(snap_do_snapshot_set(s, &a), SNAP_S_OK);
	assert_status(snap_do_snapshot_set(s, &a), SNAP_E_BAD_STATE);
	assert_status(snap_add_to_snapshot_set(s, "vda2", &id), SNAP_E_BAD_STATE);
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	assert_end(SNAP_S_ASYNC_FINISHED);
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_BAD_STATE);
	assert_status(snap_add_to_snapshot_set(s, "vda2", &id), SNAP_E_BAD_STATE);
	assert_status(snap_abort(s), SNAP_S_OK);
	assert_int_equal(fake.calls[SNAPSET_CMD_SET_CANCEL], 0);
}

static void settings(void **state)
{
	struct snap_store store = { .size = sizeof(store), .kind = SNAP_STORE_DEVICE };

	(void)state;
	assert_status(snap_set_context(s, SNAP_CTX_BACKUP), SNAP_E_UNSUPPORTED_CONTEXT);
	assert_status(snap_set_context(s, SNAP_CTX_NAS_ROLLBACK), SNAP_E_UNSUPPORTED_CONTEXT);
	assert_status(snap_set_context(s, SNAP_CTX_APP_ROLLBACK), SNAP_E_UNSUPPORTED_CONTEXT);
	assert_status(snap_set_context(s, 0x30), SNAP_E_INVALIDARG);
	assert_status(snap_set_context(s, 0x40000010), SNAP_E_INVALIDARG);
	assert_status(snap_set_context(s, SNAP_CTX_FILE_SHARE_BACKUP |
				       SNAP_CTX_NO_AUTO_RELEASE), SNAP_S_OK);
	assert_status(snap_set_context(s, SNAP_CTX_FILE_SHARE_BACKUP), SNAP_E_BAD_STATE);
	assert_status(snap_set_timeouts(s, 10001, 0, 0), SNAP_E_INVALIDARG);
	assert_status(snap_set_timeouts(s, 0, 60001, 0), SNAP_E_INVALIDARG);
	assert_status(snap_set_timeouts(s, 0, 0, 99), SNAP_E_INVALIDARG);
	assert_status(snap_set_timeouts(s, 10000, 60000, 100), SNAP_S_OK);
	assert_status(snap_set_budget(s, 4096), SNAP_E_INVALIDARG);
	assert_status(snap_set_budget(s, 1 << 20), SNAP_S_OK);
	assert_status(snap_set_label(s, "0123456789012345678901234567890123456789012345678901234567890123"),
		      SNAP_E_INVALIDARG);
	assert_status(snap_set_label(s, "a\nb"), SNAP_E_INVALIDARG);
	assert_status(snap_set_label(s, "n\303\244chtlich"), SNAP_S_OK);
	assert_status(snap_set_expiry(s, 31622401), SNAP_E_INVALIDARG);
	assert_status(snap_set_expiry(s, 31622400), SNAP_S_OK);
	assert_status(snap_set_index_limit(s, (1 << 20) - 1), SNAP_E_INVALIDARG);
	assert_status(snap_set_index_limit(s, 1ull << 40), SNAP_S_OK);
	assert_status(snap_set_store(s, NULL), SNAP_E_INVALIDARG);
	assert_status(snap_set_store(s, &store), SNAP_E_OBJECT_NOT_FOUND);
	store.device = "vdd";
	store.limit = 1;
	assert_status(snap_set_store(s, &store), SNAP_E_INVALIDARG);
	store.limit = 0;
	assert_status(snap_set_store(s, &store), SNAP_S_OK);
	store.kind = 7;
	assert_status(snap_set_store(s, &store), SNAP_E_INVALIDARG);
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_status(snap_add_to_snapshot_set(s, "vdd", NULL), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_status(snap_add_to_snapshot_set(s, "vda1", NULL), SNAP_S_OK);
}

static void members(void **state)
{
	struct snap_error_info e;
	snap_status why;
	bool yes;

	(void)state;
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_status(snap_add_to_snapshot_set(s, "nope", &snap), SNAP_E_OBJECT_NOT_FOUND);
	last_error(&e);
	assert_string_equal(e.member, "nope");
	assert_int_equal(e.sys_errno, ENOENT);
	assert_status(snap_add_to_snapshot_set(s, "vda1", &snap), SNAP_S_OK);
	assert_status(snap_add_to_snapshot_set(s, "vda1", &snap), SNAP_E_OBJECT_ALREADY_EXISTS);
	assert_status(snap_add_to_snapshot_set(s, "vda", &snap), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_int_equal(fake.calls[SNAPSET_CMD_SET_ADD], 1);

	fake.fail_cmd = SNAPSET_CMD_SET_ADD;
	fake.fail_errno = EOPNOTSUPP;
	fake.fail_text = "vda2 is zoned";
	assert_status(snap_add_to_snapshot_set(s, "vda2", &snap), SNAP_E_VOLUME_NOT_SUPPORTED);
	last_error(&e);
	assert_string_equal(e.text, "vda2 is zoned");
	assert_string_equal(e.member, "vda2");
	assert_int_equal(e.sys_errno, EOPNOTSUPP);
	fake.fail_cmd = 0;
	assert_status(snap_add_to_snapshot_set(s, "vda2", &snap), SNAP_S_OK);

	assert_status(snap_is_volume_supported(s, "vda1", &yes, &why), SNAP_S_OK);
	assert_true(yes);
	assert_status(why, SNAP_S_OK);
	assert_status(snap_is_volume_supported(s, "nope", &yes, &why), SNAP_E_OBJECT_NOT_FOUND);
	assert_status(snap_is_volume_supported(s, "vda1", NULL, NULL), SNAP_E_INVALIDARG);
}

/* What is not answered may still be done: nothing is built on it. */
static void late_answers(void **state)
{
	struct snap_error_info e;

	(void)state;
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_status(snap_add_to_snapshot_set(s, "vda1", &snap), SNAP_S_OK);
	fake.fail_cmd = SNAPSET_CMD_SET_ADD;
	fake.fail_errno = ETIMEDOUT;
	assert_status(snap_add_to_snapshot_set(s, "vda2", &snap),
		      SNAP_E_UNEXPECTED_PROVIDER_ERROR);
	assert_int_equal(fake.state, SNAPSET_STATE_OPEN);
	fake.fail_late = true;
	assert_status(snap_add_to_snapshot_set(s, "vda2", &snap),
		      SNAP_E_UNEXPECTED_PROVIDER_ERROR);
	last_error(&e);
	assert_string_equal(e.member, "vda2");
	assert_int_equal(fake.state, SNAPSET_STATE_CANCELLED);
	fake.fail_cmd = 0;
	assert_status(snap_add_to_snapshot_set(s, "vda2", &snap), SNAP_E_BAD_STATE);
	assert_status(snap_do_snapshot_set(s, &a), SNAP_E_BAD_STATE);
}

static void late_start(void **state)
{
	(void)state;
	fake.fail_cmd = SNAPSET_CMD_SET_START;
	fake.fail_errno = ETIMEDOUT;
	fake.fail_late = true;
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_UNEXPECTED_PROVIDER_ERROR);
	fake.fail_cmd = 0;
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_BAD_STATE);
}

static void abort_ends_the_job(void **state)
{
	(void)state;
	begin();
	assert_status(snap_abort(s), SNAP_S_OK);
	assert_end(SNAP_S_ASYNC_CANCELLED);
	assert_status(snap_abort(s), SNAP_S_OK);
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_BAD_STATE);
}

static void abort_before_the_do(void **state)
{
	(void)state;
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_status(snap_abort(s), SNAP_S_OK);
	assert_int_equal(fake.state, SNAPSET_STATE_CANCELLED);
	assert_status(snap_add_to_snapshot_set(s, "vda1", &snap), SNAP_E_BAD_STATE);
}

static void close_before_free(void **state)
{
	(void)state;
	begin();
	snap_close(s);
	s = NULL;
	assert_int_equal(fake.state, SNAPSET_STATE_CANCELLED);
	assert_end(SNAP_S_ASYNC_CANCELLED);
	assert_status(snap_async_wait(a, -1), SNAP_S_OK);
	assert_status(snap_async_cancel(a), SNAP_S_ASYNC_CANCELLED);
}

static void close_keeps_what_is_created(void **state)
{
	(void)state;
	assert_status(snap_set_context(s, SNAP_CTX_FILE_SHARE_BACKUP |
				       SNAP_CTX_NO_AUTO_RELEASE), SNAP_S_OK);
	begin();
	fake.silent = true;
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	snap_close(s);
	s = NULL;
	assert_int_equal(fake.state, SNAPSET_STATE_CREATED);
	assert_end(SNAP_S_ASYNC_FINISHED);
	assert_int_equal(fake.calls[SNAPSET_CMD_DELETE], 0);
}

static void close_releases(void **state)
{
	(void)state;
	begin();
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	assert_end(SNAP_S_ASYNC_FINISHED);
	fake.snaps[0].openers = 1;
	snap_close(s);
	s = NULL;
	/* once in vain, as an image is open, once to delete it, and once to see that it has gone */
	assert_int_equal(fake.calls[SNAPSET_CMD_DELETE], 3);
	assert_true(fake.sent[SNAPSET_CMD_DELETE].has[SNAPSET_A_SET_ID]);
	assert_int_equal(fake.nr_snaps, 0);
}

static void do_refused(void **state)
{
	struct snap_error_info e;

	(void)state;
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_status(snap_add_to_snapshot_set(s, "vda1", &snap), SNAP_S_OK);
	fake.fail_cmd = SNAPSET_CMD_SET_DO;
	fake.fail_errno = ELOOP;
	fake.fail_text = "stacked";
	assert_status(snap_do_snapshot_set(s, &a), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_null(a);
	last_error(&e);
	assert_string_equal(e.text, "stacked");
	fake.fail_cmd = 0;
	assert_status(snap_do_snapshot_set(s, &a), SNAP_S_OK);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(wrong_order), T(settings), T(members), T(late_answers), T(late_start),
		T(abort_ends_the_job),
		T(abort_before_the_do), T(close_before_free), T(close_keeps_what_is_created),
		T(close_releases), T(do_refused),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
