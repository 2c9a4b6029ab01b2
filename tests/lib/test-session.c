// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions, jobs, lists and events against the fake module: the state table,
 * the three outcomes of cancel, lost events, threads. The clock goes by itself where one
 * thread waits, and stands still where another one does something meanwhile.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "check.h"
#include "clock.h"
#include "fake.h"
#include "tree.h"

static struct snap_session *s;
static struct snap_async *a;
static snap_id set, snap;
static snap_status status;

static void last_error(struct snap_error_info *e)
{
	memset(e, 0, sizeof(*e));
	e->size = sizeof(*e);
	assert_status(snap_last_error(s, e), SNAP_S_OK);
}

static int setup(void **state)
{
	(void)state;
	fake_reset();
	clock_begin(NULL);
	clock_goes(true);
	a = NULL;
	return snap_open(0, &s);
}

static int teardown(void **state)
{
	(void)state;
	snap_async_free(a);
	snap_close(s);
	a = NULL;
	s = NULL;
	return fake_conns();
}

static void begin(void)
{
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_status(snap_add_to_snapshot_set(s, "vda1", &snap), SNAP_S_OK);
	assert_status(snap_do_snapshot_set(s, &a), SNAP_S_OK);
}

static void assert_end(snap_status want)
{
	for (int i = 0; i < 3; i++) {		/* sticky */
		status = SNAP_E_UNEXPECTED;
		assert_status(snap_async_status(a, &status), SNAP_S_OK);
		assert_status(status, want);
	}
}

static bool readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) > 0;
}

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

static void in_progress_is_not_the_end(void **state)
{
	(void)state;
	fake.fail_cmd = SNAPSET_CMD_SET_START;
	fake.fail_errno = EINPROGRESS;
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_SNAPSHOT_SET_IN_PROGRESS);
	fake.fail_cmd = 0;
	begin();
}

/* Somebody waits for his turn: he has asked again, and sleeps. */
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
	fake_state(SNAPSET_STATE_HOLDING, SNAPSET_S_ASYNC_PENDING, NULL);
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

static void fails(void **state)
{
	struct snap_error_info e;

	(void)state;
	begin();
	fake_state(SNAPSET_STATE_FREEZING, SNAPSET_S_ASYNC_PENDING, NULL);
	fake_state(SNAPSET_STATE_HOLDING, SNAPSET_S_ASYNC_PENDING, NULL);
	fake_state(SNAPSET_STATE_ABORTING, SNAPSET_S_ASYNC_PENDING, NULL);
	fake_state(SNAPSET_STATE_FAILED, SNAPSET_E_HOLD_WRITES_TIMEOUT, "vda1 was busy");
	assert_status(snap_async_wait(a, -1), SNAP_S_OK);	/* never the job's error */
	assert_end(SNAP_E_HOLD_WRITES_TIMEOUT);
	last_error(&e);
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
	assert_int_equal(fake.calls[SNAPSET_CMD_DELETE], 1);
	assert_int_equal(fake.nr_snaps, 0);
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
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&t[i], NULL, i < 6 ? wait_for_ever : cancel_it, a), 0);
	fake_state(SNAPSET_STATE_HOLDING, SNAPSET_S_ASYNC_PENDING, NULL);
	assert_status(snap_abort(s), SNAP_S_OK);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(pthread_join(t[i], &bad), 0);
		assert_null(bad);
	}
	assert_end(SNAP_S_ASYNC_CANCELLED);
}

static void properties(void **state)
{
	struct snap_snapshot_props p = { .size = sizeof(p) };
	snap_id other = { { 0xff } };

	(void)state;
	begin();
	assert_status(snap_get_snapshot_properties(s, &snap, &p), SNAP_E_OBJECT_NOT_FOUND);
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	assert_status(snap_get_snapshot_properties(s, &snap, &p), SNAP_S_OK);
	assert_string_equal(p.volume, "vda1");
	assert_string_equal(p.origin, "/dev/vda1");
	assert_string_equal(p.device, "/dev/snapset0");
	assert_int_equal(p.set_members, 1);
	assert_true(snap_id_equal(&p.set_id, &set));
	assert_true(p.created_ns == 1700000000000000001ull);
	assert_status(snap_get_snapshot_properties(s, &other, &p), SNAP_E_OBJECT_NOT_FOUND);
	assert_status(snap_get_snapshot_properties(s, NULL, &p), SNAP_E_INVALIDARG);
	p.size = 0;
	assert_status(snap_get_snapshot_properties(s, &snap, &p), SNAP_E_INVALIDARG);
}

static unsigned int count(struct snap_filter *f, snap_status want)
{
	struct snap_snapshot_props p = { .size = sizeof(p) };
	struct snap_set_props sp = { .size = sizeof(sp) };
	struct snap_iter *it = NULL;
	unsigned int n = 0;

	f->size = sizeof(*f);
	assert_status(snap_query(s, f, &it), want);
	if (SNAP_FAILED(want))
		return 0;
	if (f->object == SNAP_OBJECT_SNAPSHOT) {
		assert_status(snap_iter_next_set(it, &sp), SNAP_E_INVALIDARG);
		while (snap_iter_next_snapshot(it, &p) == SNAP_S_OK)
			n++;
		assert_status(snap_iter_next_snapshot(it, &p), SNAP_S_FALSE);
	} else {
		while (snap_iter_next_set(it, &sp) == SNAP_S_OK)
			n++;
	}
	snap_iter_free(it);
	return n;
}

static void lists(void **state)
{
	struct snap_filter all = { .object = SNAP_OBJECT_SNAPSHOT };
	struct snap_filter sets = { .object = SNAP_OBJECT_SNAPSHOT_SET };
	struct snap_filter none = { .object = SNAP_OBJECT_NONE };

	(void)state;
	assert_int_equal(count(&all, SNAP_S_FALSE), 0);
	assert_int_equal(count(&sets, SNAP_S_FALSE), 0);
	count(&none, SNAP_E_INVALIDARG);
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_int_equal(count(&sets, SNAP_S_FALSE), 0);
	sets.unfinished = true;
	assert_int_equal(count(&sets, SNAP_S_OK), 1);
	assert_status(snap_add_to_snapshot_set(s, "vda1", NULL), SNAP_S_OK);
	assert_status(snap_add_to_snapshot_set(s, "vda2", NULL), SNAP_S_OK);
	assert_int_equal(count(&all, SNAP_S_FALSE), 0);
	all.unfinished = true;
	assert_int_equal(count(&all, SNAP_S_OK), 2);
	assert_int_equal(count(&sets, SNAP_S_OK), 1);
	all.unfinished = sets.unfinished = false;
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	fake.interrupt = 3;
	assert_int_equal(count(&all, SNAP_S_OK), 2);
	assert_int_equal(count(&sets, SNAP_S_OK), 1);
	all.volume = "vda2";
	assert_int_equal(count(&all, SNAP_S_OK), 1);
	all.volume = "vdd";
	assert_int_equal(count(&all, SNAP_S_FALSE), 0);
	all.volume = "nope";
	count(&all, SNAP_E_OBJECT_NOT_FOUND);
	all.volume = NULL;
	all.set_id = set;
	assert_int_equal(count(&all, SNAP_S_OK), 2);
	fake.interrupt = 100;
	count(&all, SNAP_E_UNEXPECTED);
}

static void deletion(void **state)
{
	unsigned int deleted = 9;
	snap_id other = { { 0xff } }, left = other;

	(void)state;
	begin();
	assert_status(snap_delete_snapshots(s, &other, SNAP_OBJECT_SNAPSHOT, false,
					    &deleted, &left), SNAP_E_OBJECT_NOT_FOUND);
	assert_int_equal(deleted, 0);
	assert_true(snap_id_equal(&left, &other));
	fake.snaps[0].openers = 1;
	assert_status(snap_delete_snapshots(s, &set, SNAP_OBJECT_SNAPSHOT_SET, false,
					    &deleted, &left), SNAP_E_VOLUME_IN_USE);
	assert_true(snap_id_equal(&left, &snap));
	assert_status(snap_delete_snapshots(s, &set, SNAP_OBJECT_NONE, true, NULL, NULL),
		      SNAP_E_INVALIDARG);
	assert_status(snap_delete_snapshots(s, &set, SNAP_OBJECT_SNAPSHOT_SET, true,
					    &deleted, &left), SNAP_S_OK);
	assert_int_equal(deleted, 1);
	assert_true(snap_id_is_null(&left));
}

static void events(void **state)
{
	struct snap_event ev = { .size = sizeof(ev) };
	struct snap_events *events;

	(void)state;
	assert_status(snap_event_open(s, &events), SNAP_S_OK);
	assert_status(snap_event_next(events, 0, &ev), SNAP_S_FALSE);
	assert_status(snap_event_next(events, 20, &ev), SNAP_S_FALSE);
	assert_status(snap_event_next(events, -2, &ev), SNAP_E_INVALIDARG);
	fake_state(SNAPSET_STATE_FREEZING, SNAPSET_S_ASYNC_PENDING, NULL);
	fake_state(SNAPSET_STATE_FAILED, SNAPSET_E_FLUSH_WRITES_TIMEOUT, "slow");
	assert_true(readable(snap_event_fd(events)));
	assert_status(snap_event_next(events, -1, &ev), SNAP_S_OK);
	assert_int_equal(ev.type, SNAP_EVENT_SET_STATE);
	assert_int_equal(ev.state, SNAP_SET_FREEZING);
	assert_status(snap_event_next(events, -1, &ev), SNAP_S_OK);
	assert_status(ev.code, SNAP_E_FLUSH_WRITES_TIMEOUT);
	assert_string_equal(ev.text, "slow");
	/* lost, told by the socket */
	fake_overflow();
	assert_status(snap_event_next(events, -1, &ev), SNAP_S_OK);
	assert_int_equal(ev.type, SNAP_EVENT_LOST);
	assert_status(snap_event_next(events, 0, &ev), SNAP_S_FALSE);
	/* lost, told by the gap */
	fake.silent = true;
	fake_state(SNAPSET_STATE_ABORTING, 0, NULL);
	fake.silent = false;
	fake_state(SNAPSET_STATE_FAILED, 0, NULL);
	assert_status(snap_event_next(events, -1, &ev), SNAP_S_OK);
	assert_int_equal(ev.type, SNAP_EVENT_LOST);
	assert_status(snap_event_next(events, -1, &ev), SNAP_S_OK);
	assert_int_equal(ev.state, SNAP_SET_FAILED);
	assert_status(snap_event_next(events, 0, &ev), SNAP_S_FALSE);
	snap_event_close(events);
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
		T(wrong_order), T(settings), T(members), T(in_progress_is_not_the_end),
		T(waits_for_its_turn), T(waits_without_events),
		T(finishes), T(fails), T(cancel_wins), T(cancel_is_too_late),
		T(cancel_finds_it_failed), T(cancel_without_an_answer),
		T(events_get_lost), T(events_never_come), T(the_set_vanishes),
		T(abort_ends_the_job), T(abort_before_the_do), T(close_before_free),
		T(close_keeps_what_is_created), T(close_releases), T(free_detaches), T(do_refused),
		T(threads), T(properties), T(lists), T(deletion), T(events), T(progress),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
