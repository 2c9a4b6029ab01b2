// SPDX-License-Identifier: GPL-2.0-only
/*
 * A set with transactions, against the fake module and the real helper: what comes
 * when, what is deleted, and that a job is pending until all is thawed or aborted. Time
 * passes when the test says so.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "check.h"
#include "clock.h"
#include "fake.h"
#include "scripts.h"
#include "tree.h"

static struct snap_session *s;
static struct snap_async *a;
static snap_id set, snap;
static snap_status status;

static int setup(void **state)
{
	(void)state;
	fake_reset();
	scripts_begin();
	snapi_helper = getenv("HELPER");
	a = NULL;
	return snap_open(0, &s);
}

static int teardown(void **state)
{
	(void)state;
	/* a test that failed may have left what nobody cancels any more, or hangs */
	if (fake.state == SNAPSET_STATE_COMMITTED)
		fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	clock_goes(true);
	snap_async_free(a);
	snap_close(s);
	s = NULL;
	scripts_end();
	return fake_conns();
}

static void begin(uint32_t ms, uint32_t window)
{
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_status(snap_add_to_snapshot_set(s, "vda1", &snap), SNAP_S_OK);
	assert_status(snap_set_transactions(s, scripts_dir(), ms, window), SNAP_S_OK);
	assert_status(snap_do_snapshot_set(s, &a), SNAP_S_OK);
}

/* The kernel has been asked to make the set. */
static void wait_for_do(void)
{
	until_seen(fake_called(SNAPSET_CMD_SET_DO), scripts_log());
	assert_int_equal(fake_called(SNAPSET_CMD_SET_DO), 1);
}

/* The job has done all that is to be done for what it was told, and sleeps. */
static void settle(void)
{
	until(fake_heard());
	until(clock_wakes_in(CLOCK_OURS, 1000));
}

/* The helper sleeps, and would for @ms; then that is over. */
static void pass(uint64_t ms)
{
	until_seen(clock_wakes_in(CLOCK_HELPERS, ms), scripts_log());
	clock_pass(ms);
}

static void assert_end(snap_status want)
{
	assert_status(snap_async_wait(a, -1), SNAP_S_OK);
	assert_status(snap_async_status(a, &status), SNAP_S_OK);
	assert_status(status, want);
}

static const char *why(snap_status want, enum snap_phase phase)
{
	static struct snap_error_info e;

	e.size = sizeof(e);
	assert_status(snap_last_error(s, &e), SNAP_S_OK);
	assert_status(e.code, want);
	assert_int_equal(e.phase, phase);
	return e.text;
}

static bool readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) > 0;
}

static enum snap_phase phase(void)
{
	struct snap_progress p = { .size = sizeof(p) };

	assert_status(snap_async_progress(a, &p), SNAP_S_OK);
	return p.phase;
}

static void arguments(void **state)
{
	(void)state;
	assert_status(snap_set_transactions(NULL, NULL, 0, 0), SNAP_E_INVALIDARG);
	assert_status(snap_set_transactions(s, "d", 0, 0), SNAP_E_INVALIDARG);
	assert_status(snap_set_transactions(s, "/no/such", 0, 0), SNAP_E_OBJECT_NOT_FOUND);
	assert_status(snap_set_transactions(s, "/etc/passwd", 0, 0), SNAP_E_INVALIDARG);
	assert_status(snap_set_transactions(s, "/", 60001, 0), SNAP_E_INVALIDARG);
	assert_status(snap_set_transactions(s, "/", 0, 600001), SNAP_E_INVALIDARG);
	assert_status(snap_set_transactions(s, "/", 0, 0), SNAP_S_OK);
	assert_status(snap_set_transactions(s, NULL, 0, 0), SNAP_S_OK);
	begin(0, 0);
	assert_status(snap_set_transactions(s, NULL, 0, 0), SNAP_E_BAD_STATE);
}

static void finishes(void **state)
{
	(void)state;
	script("10-a", "[ $verb = freeze ] && echo $SNAP_VOLUMES > $D/volumes; gate $verb");
	scripts_gate("freeze");
	scripts_gate("thaw");
	begin(5000, 0);
	assert_int_equal(phase(), SNAP_PHASE_TRANSACTION_FREEZE);
	scripts_log_becomes("10-a freeze ");
	assert_int_equal(fake_called(SNAPSET_CMD_SET_DO), 0);
	scripts_let_go("freeze");
	wait_for_do();
	assert_string_equal(scripts_log(), "10-a freeze ");
	assert_string_equal(scripts_file("volumes"), "vda1\n");
	fake_state(SNAPSET_STATE_COMMITTED, SNAPSET_S_ASYNC_PENDING, NULL);
	settle();
	assert_string_equal(scripts_log(), "10-a freeze ");
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	scripts_log_becomes("10-a freeze 10-a thaw ");
	/* it is not over before the thaw is */
	assert_status(snap_async_status(a, &status), SNAP_S_OK);
	assert_status(status, SNAP_S_ASYNC_PENDING);
	assert_int_equal(phase(), SNAP_PHASE_TRANSACTION_THAW);
	assert_false(readable(snap_async_fd(a)));
	scripts_let_go("thaw");
	assert_end(SNAP_S_ASYNC_FINISHED);
	assert_true(readable(snap_async_fd(a)));
	assert_int_equal(phase(), SNAP_PHASE_DONE);
	assert_int_equal(fake.nr_snaps, 1);
	assert_string_equal(scripts_log(), "10-a freeze 10-a thaw ");
	assert_status(snap_async_cancel(a), SNAP_S_ASYNC_FINISHED);
}

static void nobody_needs_to_pump(void **state)
{
	(void)state;
	script("10-a", "");
	fake.finish = true;
	begin(5000, 0);
	scripts_log_becomes("10-a freeze 10-a thaw ");
	assert_end(SNAP_S_ASYNC_FINISHED);
}

static void freeze_fails(void **state)
{
	(void)state;
	script("10-a", "");
	script("20-b", "echo no room; exit 1");
	begin(5000, 0);
	assert_end(SNAP_E_UNEXPECTED_WRITER_ERROR);
	assert_string_equal(why(SNAP_E_UNEXPECTED_WRITER_ERROR, SNAP_PHASE_TRANSACTION_FREEZE),
			    "20-b freeze ended with status 1: no room");
	assert_int_equal(fake.calls[SNAPSET_CMD_SET_DO], 0);
	assert_int_equal(fake.state, SNAPSET_STATE_CANCELLED);
	assert_string_equal(scripts_log(), "10-a freeze 20-b freeze 20-b abort 10-a abort ");
	assert_status(snap_async_cancel(a), SNAP_E_UNEXPECTED_WRITER_ERROR);
}

static void freeze_is_late(void **state)
{
	(void)state;
	script("10-a", "[ $verb = abort ] || exec sleep 1000");
	begin(2000, 0);
	scripts_log_becomes("10-a freeze ");
	pass(2000);
	assert_end(SNAP_E_TRANSACTION_FREEZE_TIMEOUT);
	assert_contains(why(SNAP_E_TRANSACTION_FREEZE_TIMEOUT, SNAP_PHASE_TRANSACTION_FREEZE),
			"10-a freeze");
	assert_string_equal(scripts_log(), "10-a freeze 10-a abort ");
}

static void kernel_fails(void **state)
{
	(void)state;
	script("10-a", "echo $SNAP_CODE > $D/code");
	begin(5000, 0);
	wait_for_do();
	fake_fail(SNAPSET_E_HOLD_WRITES_TIMEOUT, "vda1 was busy", SNAPSET_PHASE_HOLD, "/srv", ETIMEDOUT);
	assert_end(SNAP_E_HOLD_WRITES_TIMEOUT);
	assert_string_equal(why(SNAP_E_HOLD_WRITES_TIMEOUT, SNAP_PHASE_HOLD), "vda1 was busy");
	assert_string_equal(scripts_log(), "10-a freeze 10-a abort ");
	assert_string_equal(scripts_file("code"), "0x80042314\n");
}

static void kernel_refuses(void **state)
{
	(void)state;
	script("10-a", "");
	fake.fail_cmd = SNAPSET_CMD_SET_DO;
	fake.fail_errno = EBUSY;
	begin(5000, 0);
	assert_end(SNAP_E_PROVIDER_VETO);
	assert_string_equal(scripts_log(), "10-a freeze 10-a abort ");
}

static void thaw_fails(void **state)
{
	(void)state;
	script("10-a", "[ $verb = freeze ]");
	fake.finish = true;
	begin(5000, 0);
	assert_end(SNAP_E_UNEXPECTED_WRITER_ERROR);
	why(SNAP_E_UNEXPECTED_WRITER_ERROR, SNAP_PHASE_TRANSACTION_THAW);
	assert_int_equal(fake.nr_snaps, 0);	/* deleted */
	assert_string_equal(scripts_log(), "10-a freeze 10-a thaw ");
}

static void thaw_is_late(void **state)
{
	(void)state;
	script("10-a", "[ $verb = freeze ] || exec sleep 1000");
	fake.finish = true;
	begin(2000, 0);
	scripts_log_becomes("10-a freeze 10-a thaw ");
	pass(2000);
	assert_end(SNAP_E_TRANSACTION_THAW_TIMEOUT);
	why(SNAP_E_TRANSACTION_THAW_TIMEOUT, SNAP_PHASE_TRANSACTION_THAW);
	assert_int_equal(fake.nr_snaps, 0);
}

static void window_ends(void **state)
{
	(void)state;
	script("10-a", "");
	begin(5000, 2000);
	wait_for_do();
	pass(2000);
	assert_end(SNAP_E_TRANSACTION_FREEZE_TIMEOUT);
	assert_int_equal(fake.state, SNAPSET_STATE_CANCELLED);
	assert_string_equal(scripts_log(), "10-a freeze 10-a abort ");
}

static void window_ends_too_late_to_cancel(void **state)
{
	(void)state;
	script("10-a", "");
	begin(5000, 2000);
	wait_for_do();
	fake_state(SNAPSET_STATE_COMMITTED, SNAPSET_S_ASYNC_PENDING, NULL);
	settle();
	pass(2000);
	scripts_log_becomes("10-a freeze 10-a abort ");
	/* it has tried to, and waits for the kernel */
	until(fake_called(SNAPSET_CMD_SET_CANCEL));
	settle();
	assert_status(snap_async_wait(a, 0), SNAP_S_ASYNC_PENDING);
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	assert_end(SNAP_E_TRANSACTION_THAW_TIMEOUT);
	assert_int_equal(fake.nr_snaps, 0);
}

static void cancel_while_freezing(void **state)
{
	(void)state;
	script("10-a", "[ $verb = abort ] || exec sleep 1000");
	begin(5000, 0);
	scripts_log_becomes("10-a freeze ");
	assert_status(snap_async_cancel(a), SNAP_S_OK);
	/* all is done when it answers */
	assert_string_equal(scripts_log(), "10-a freeze 10-a abort ");
	assert_end(SNAP_S_ASYNC_CANCELLED);
	assert_status(snap_async_cancel(a), SNAP_S_ASYNC_CANCELLED);
	assert_int_equal(fake.state, SNAPSET_STATE_CANCELLED);
}

static void *cancel_it(void *arg)
{
	snap_status st = snap_async_cancel(a);

	(void)arg;
	assert_true(st == SNAP_S_OK || st == SNAP_S_ASYNC_CANCELLED);
	return st == SNAP_S_OK ? &status : NULL;
}

static void cancel_in_the_kernel(void **state)
{
	unsigned int first = 0;
	pthread_t t[3];
	void *ret;

	(void)state;
	script("10-a", "[ $verb = freeze ] || gate abort");
	scripts_gate("abort");
	begin(5000, 0);
	wait_for_do();
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, cancel_it, NULL);
	until(clock_sleepers() == 4);		/* with the job, all wait for the abort */
	scripts_let_go("abort");
	for (int i = 0; i < 3; i++) {
		pthread_join(t[i], &ret);
		first += ret != NULL;
	}
	assert_int_equal(first, 1);
	assert_string_equal(scripts_log(), "10-a freeze 10-a abort ");
	assert_end(SNAP_S_ASYNC_CANCELLED);
	assert_status(snap_abort(s), SNAP_S_OK);
}

static void *cancel_in_vain(void *arg)
{
	*(snap_status *)arg = snap_async_cancel(a);
	return NULL;
}

static void cancel_is_too_late(void **state)
{
	snap_status st;
	pthread_t t;

	(void)state;
	script("10-a", "[ $verb = freeze ] || gate thaw");
	scripts_gate("thaw");
	begin(5000, 0);
	wait_for_do();
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	scripts_log_becomes("10-a freeze 10-a thaw ");
	pthread_create(&t, NULL, cancel_in_vain, &st);
	until(clock_sleepers() == 2);		/* it and the job wait for the thaw */
	scripts_let_go("thaw");
	pthread_join(t, NULL);
	assert_status(st, SNAP_S_ASYNC_FINISHED);
	assert_int_equal(fake.nr_snaps, 1);
}

/* That it waits for the abort is seen if the abort takes a while; if not, nothing fails. */
static void close_while_freezing(void **state)
{
	(void)state;
	script("10-a", "[ $verb = abort ] || exec sleep 1000; sleep 0.2; echo done > $D/done");
	begin(5000, 0);
	scripts_log_becomes("10-a freeze ");
	snap_close(s);
	s = NULL;
	assert_string_equal(scripts_log(), "10-a freeze 10-a abort ");
	assert_string_equal(scripts_file("done"), "done\n");
	assert_end(SNAP_S_ASYNC_CANCELLED);
}

static void free_detaches(void **state)
{
	(void)state;
	script("10-a", "");
	begin(5000, 0);
	snap_async_free(a);
	a = NULL;
	wait_for_do();
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	scripts_log_becomes("10-a freeze 10-a thaw ");
}

static void close_detached(void **state)
{
	(void)state;
	script("10-a", "");
	begin(5000, 0);
	snap_async_free(a);
	a = NULL;
	wait_for_do();
	snap_close(s);
	s = NULL;
	assert_string_equal(scripts_log(), "10-a freeze 10-a abort ");
	assert_int_equal(fake.state, SNAPSET_STATE_CANCELLED);
}

static void no_helper(void **state)
{
	(void)state;
	script("10-a", "");
	snapi_helper = "/no/such/helper";
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_status(snap_add_to_snapshot_set(s, "vda1", &snap), SNAP_S_OK);
	assert_status(snap_set_transactions(s, scripts_dir(), 0, 0), SNAP_S_OK);
	assert_status(snap_do_snapshot_set(s, &a), SNAP_E_UNEXPECTED);
	assert_contains(why(SNAP_E_UNEXPECTED, SNAP_PHASE_NONE), "/no/such/helper");
	/* the set is open still */
	snapi_helper = getenv("HELPER");
	fake.finish = true;
	assert_status(snap_do_snapshot_set(s, &a), SNAP_S_OK);
	assert_end(SNAP_S_ASYNC_FINISHED);
}

static void in_one_call(void **state)
{
	static const char *const volumes[] = { "vda1" };
	struct snap_simple_options o = {
		.size = sizeof(o), .no_retry = true, .transactions = scripts_dir(),
	};
	struct snap_session *mine;

	(void)state;
	script("10-a", "");
	fake.finish = true;
	assert_status(snap_create_simple(volumes, 1, SNAP_CTX_FILE_SHARE_BACKUP, &o, &mine, NULL),
		      SNAP_S_ASYNC_FINISHED);
	assert_string_equal(scripts_log(), "10-a freeze 10-a thaw ");
	snap_close(mine);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(arguments), T(finishes), T(nobody_needs_to_pump), T(freeze_fails),
		T(freeze_is_late), T(kernel_fails), T(kernel_refuses), T(thaw_fails),
		T(thaw_is_late), T(window_ends), T(window_ends_too_late_to_cancel),
		T(cancel_while_freezing), T(cancel_in_the_kernel), T(cancel_is_too_late),
		T(close_while_freezing), T(free_detaches), T(close_detached), T(no_helper),
		T(in_one_call),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
