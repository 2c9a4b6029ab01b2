// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is written to the journal, and when: libsystemd's call is caught here.
 */
#include <errno.h>
#include <sys/uio.h>

#include "check.h"
#include "clock.h"
#include "fake.h"
#include "tree.h"

static char record[4096];	/* the last one, a field a line */
static unsigned int records;

int sd_journal_sendv(const struct iovec *iov, int n)
{
	size_t used = 1;

	record[0] = '\n';
	for (int i = 0; i < n; i++) {
		memcpy(record + used, iov[i].iov_base, iov[i].iov_len);
		used += iov[i].iov_len;
		record[used++] = '\n';
	}
	record[used] = 0;
	records++;
	return -ENOENT;		/* as without journald; nobody cares */
}

static struct snap_session *s;
static struct snap_async *a;
static snap_id set, snap;

static int setup(void **state)
{
	(void)state;
	fake_reset();
	clock_begin(NULL);
	clock_goes(true);
	records = 0;
	a = NULL;
	return snap_open(0, &s);
}

static int teardown(void **state)
{
	(void)state;
	snap_async_free(a);
	snap_close(s);
	return fake_conns();
}

static void begin(void)
{
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_status(snap_add_to_snapshot_set(s, "vda1", &snap), SNAP_S_OK);
	assert_status(snap_do_snapshot_set(s, &a), SNAP_S_OK);
}

static void unexpected_answer(void **state)
{
	char id[SNAP_ID_TEXT_MAX];

	(void)state;
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	fake.fail_cmd = SNAPSET_CMD_SET_ADD;
	fake.fail_errno = EDOM;
	fake.fail_text = "pi is three";
	assert_status(snap_add_to_snapshot_set(s, "vda1", &snap),
		      SNAP_E_UNEXPECTED_PROVIDER_ERROR);
	assert_int_equal(records, 1);
	assert_contains(record, "\nMESSAGE=snapset: pi is three\n");
	assert_contains(record, "\nMESSAGE_ID=" SNAP_JOURNAL_MESSAGE_ID "\n");
	assert_contains(record, "\nPRIORITY=3\n");
	assert_contains(record, "\nSNAP_CODE=0x8004230f\n");
	assert_contains(record, "\nSNAP_CODE_NAME=SNAP_E_UNEXPECTED_PROVIDER_ERROR\n");
	assert_contains(record, "\nSNAP_VOLUME=vda1\n");
	assert_contains(record, "\nSNAP_PHASE=none\n");
	assert_contains(record, "\nSNAP_ERRNO=33\n");
	assert_contains(record, "\nSNAP_TEXT=pi is three\n");
	snap_id_format(&set, id);
	assert_contains(record, "\nSNAP_SET_ID=");
	assert_contains(record, id);
}

static void expected_answers(void **state)
{
	(void)state;
	assert_status(snap_set_budget(s, 1), SNAP_E_INVALIDARG);
	begin();
	fake_state(SNAPSET_STATE_FAILED, SNAPSET_E_HOLD_WRITES_TIMEOUT, "busy");
	assert_status(snap_async_wait(a, -1), SNAP_S_OK);
	assert_int_equal(records, 0);
}

/* A file system may be frozen: not before the set has ended. */
static void not_while_frozen(void **state)
{
	snap_status status;

	(void)state;
	begin();
	fake_state(SNAPSET_STATE_HOLDING, SNAPSET_S_ASYNC_PENDING, NULL);
	fake_overflow();			/* so it asks ... */
	fake.fail_cmd = SNAPSET_CMD_SET_GET;	/* ... and gets nonsense */
	fake.fail_errno = EDOM;
	fake.fail_text = "first";
	assert_status(snap_async_status(a, &status), SNAP_E_UNEXPECTED_PROVIDER_ERROR);
	fake.fail_text = "second";
	assert_status(snap_async_status(a, &status), SNAP_E_UNEXPECTED_PROVIDER_ERROR);
	assert_int_equal(records, 0);
	fake.fail_cmd = 0;
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	assert_status(snap_async_status(a, &status), SNAP_S_OK);
	assert_status(status, SNAP_S_ASYNC_FINISHED);
	assert_int_equal(records, 1);
	assert_contains(record, "\nSNAP_TEXT=first\n");
}

static void how_a_set_ended(void **state)
{
	(void)state;
	begin();
	fake_state(SNAPSET_STATE_HOLDING, SNAPSET_S_ASYNC_PENDING, NULL);
	fake_state(SNAPSET_STATE_FAILED, SNAPSET_E_UNEXPECTED, "it broke");
	assert_status(snap_async_wait(a, -1), SNAP_S_OK);
	assert_int_equal(records, 1);
	assert_contains(record, "\nSNAP_CODE=0x80042302\n");
	assert_contains(record, "\nSNAP_PHASE=hold\n");
}

static void close_tells_the_rest(void **state)
{
	snap_status status;

	(void)state;
	begin();
	fake_overflow();
	fake.fail_cmd = SNAPSET_CMD_SET_GET;
	fake.fail_errno = EDOM;
	assert_status(snap_async_status(a, &status), SNAP_E_UNEXPECTED_PROVIDER_ERROR);
	snap_close(s);
	s = NULL;
	assert_int_equal(records, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(unexpected_answer), T(expected_answers), T(not_while_frozen),
		T(how_a_set_ended), T(close_tells_the_rest),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
