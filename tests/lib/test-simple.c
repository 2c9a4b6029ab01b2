// SPDX-License-Identifier: GPL-2.0-only
/*
 * A set in one call, against the fake module: tries, delays, what stops it. The clock
 * goes by itself.
 */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"
#include "clock.h"
#include "fake.h"
#include "tree.h"

static const char *const volumes[] = { "vda1", "vda2" };
static struct snap_simple_options o;
static struct snap_session *s;
static snap_id set;

static int setup(void **state)
{
	(void)state;
	fake_reset();
	clock_begin(NULL);
	clock_goes(true);
	memset(&o, 0, sizeof(o));
	o.size = sizeof(o);
	s = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	snap_close(s);
	return fake_conns();
}

static snap_status create(void)
{
	return snap_create_simple(volumes, 2, SNAP_CTX_FILE_SHARE_BACKUP, &o, &s, &set);
}

static const char *why(snap_status want)
{
	static struct snap_error_info e;

	e.size = sizeof(e);
	assert_status(snap_last_error(NULL, &e), SNAP_S_OK);
	assert_status(e.code, want);
	return e.text;
}

static void padding(void **state)
{
	struct snap_simple_options dirty;

	(void)state;
	fake.finish = true;
	o.reserved[0] = 1;
	assert_status(create(), SNAP_E_INVALIDARG);
	assert_contains(why(SNAP_E_INVALIDARG), "that this library knows");
	o.reserved[0] = 0;
	/* between the fields, too */
	memset(&dirty, 0xff, sizeof(dirty));
	memcpy(&dirty, &o, offsetof(struct snap_simple_options, no_retry) + sizeof(o.no_retry));
	memcpy(&dirty.max_delay_s, &o.max_delay_s,
	       sizeof(o) - offsetof(struct snap_simple_options, max_delay_s));
	assert_status(snap_create_simple(volumes, 2, SNAP_CTX_FILE_SHARE_BACKUP, &dirty, &s, &set),
		      SNAP_S_ASYNC_FINISHED);
}

/* The set is created as soon as it is asked for. */
static void at_once(void **state)
{
	struct snap_set_props p = { .size = sizeof(p) };

	(void)state;
	fake.finish = true;
	assert_status(create(), SNAP_S_ASYNC_FINISHED);
	assert_non_null(s);
	assert_int_equal(fake.nr_snaps, 2);
	assert_status(snap_get_set_properties(s, &set, &p), SNAP_S_OK);
	snap_close(s);
	s = NULL;
	fake.nr_snaps = 0;
	assert_status(snap_create_simple(volumes, 1, SNAP_CTX_FILE_SHARE_BACKUP, NULL, &s, NULL),
		      SNAP_S_ASYNC_FINISHED);
}

static void arguments(void **state)
{
	(void)state;
	assert_status(snap_create_simple(NULL, 1, 0, &o, &s, &set), SNAP_E_INVALIDARG);
	assert_status(snap_create_simple(volumes, 0, 0, &o, &s, &set), SNAP_E_INVALIDARG);
	assert_status(snap_create_simple(volumes, 1, 0, &o, NULL, &set), SNAP_E_INVALIDARG);
	assert_status(snap_create_simple(volumes, 1, SNAP_CTX_BACKUP, &o, &s, &set),
		      SNAP_E_UNSUPPORTED_CONTEXT);
	why(SNAP_E_UNSUPPORTED_CONTEXT);
	o.hold_ms = 10001;
	assert_status(create(), SNAP_E_INVALIDARG);
	o.size = 0;
	assert_status(create(), SNAP_E_INVALIDARG);
	assert_null(s);
	assert_int_equal(fake.calls[SNAPSET_CMD_SET_START], 0);
	fake.absent = true;
	o.size = sizeof(o);
	assert_status(create(), SNAP_E_PROVIDER_NOT_REGISTERED);
	why(SNAP_E_PROVIDER_NOT_REGISTERED);
}

struct told {
	unsigned int	times, delay_s, more, relent_at;
	snap_status	code;
	bool		no;
};

static bool tell(void *arg, const struct snap_error_info *e, unsigned int delay_s,
		 unsigned int more)
{
	struct told *t = arg;

	t->times++;
	t->code = e->code;
	t->delay_s = delay_s;
	t->more = more;
	if (t->times == t->relent_at)
		fake_relent();
	return !t->no;
}

static void tries_again(void **state)
{
	struct told t = { .relent_at = 2 };
	uint64_t ms = clock_ms();

	(void)state;
	fake.finish = true;
	fake.fail_cmd = SNAPSET_CMD_SET_DO;
	fake.fail_errno = EBUSY;
	fake.fail_text = "not now";
	o.before_retry = tell;
	o.arg = &t;
	o.max_delay_s = 1;
	assert_status(create(), SNAP_S_ASYNC_FINISHED);
	assert_int_equal(t.times, 2);
	assert_status(t.code, SNAP_E_PROVIDER_VETO);
	assert_int_equal(t.delay_s, 1);
	assert_int_equal(t.more, 1);
	assert_int_equal(fake.calls[SNAPSET_CMD_SESSION_OPEN], 3);
	assert_int_equal(clock_ms() - ms, 2000);
}

static void as_advised(void **state)
{
	struct told t = { .no = true };

	(void)state;
	fake.fail_cmd = SNAPSET_CMD_SET_DO;
	fake.fail_errno = EBUSY;
	fake.fail_text = "not now";
	o.before_retry = tell;
	o.arg = &t;
	assert_status(create(), SNAP_E_PROVIDER_VETO);
	assert_string_equal(why(SNAP_E_PROVIDER_VETO), "not now");
	assert_int_equal(t.times, 1);
	assert_int_equal(t.delay_s, 600);
	assert_int_equal(t.more, 2);
	o.no_retry = true;
	assert_status(create(), SNAP_E_PROVIDER_VETO);
	assert_int_equal(t.times, 1);
	/* of no use */
	o.no_retry = false;
	fake.fail_errno = ELOOP;
	assert_status(create(), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_int_equal(t.times, 1);
	assert_null(s);
}

static void gives_up(void **state)
{
	uint64_t ms = clock_ms();

	(void)state;
	fake.fail_cmd = SNAPSET_CMD_SET_DO;
	fake.fail_errno = EBUSY;
	o.max_delay_s = 1;
	assert_status(create(), SNAP_E_PROVIDER_VETO);
	assert_int_equal(fake.calls[SNAPSET_CMD_SET_DO], 4);	/* and three more */
	assert_int_equal(clock_ms() - ms, 3000);
	o.max_delay_s = 0;
	assert_status(create(), SNAP_E_PROVIDER_VETO);
	assert_int_equal(fake.calls[SNAPSET_CMD_SET_DO], 8);
	assert_int_equal(clock_ms() - ms, 3000 + 3 * 600 * 1000);
}

static void stops(void **state)
{
	uint64_t one = 1, ms = clock_ms();

	(void)state;
	o.stop_fd = eventfd(0, EFD_CLOEXEC);
	if (write(o.stop_fd, &one, sizeof(one)) < 0)
		abort();
	/* while it is made */
	assert_status(create(), SNAP_S_ASYNC_CANCELLED);
	assert_int_equal(fake.calls[SNAPSET_CMD_SET_DO], 1);
	assert_int_equal(fake.state, SNAPSET_STATE_CANCELLED);
	/* between two tries */
	fake.fail_cmd = SNAPSET_CMD_SET_ADD;
	fake.fail_errno = EBUSY;
	assert_status(create(), SNAP_S_ASYNC_CANCELLED);
	/* while it waits for somebody else's set */
	fake.fail_cmd = SNAPSET_CMD_SET_START;
	fake.fail_errno = EINPROGRESS;
	o.wait_ms = SNAP_WAIT_FOREVER;
	assert_status(create(), SNAP_S_ASYNC_CANCELLED);
	close(o.stop_fd);
	assert_null(s);
	assert_int_equal(clock_ms(), ms);		/* at once */
}

static void cancel(void *arg, const struct snap_progress *p)
{
	uint64_t one = 1;
	unsigned int *times = arg;

	assert_int_equal(p->phase, SNAP_PHASE_HOLD);
	if (++*times == 3 && write(o.stop_fd, &one, sizeof(one)) < 0)
		abort();
}

static void progress(void **state)
{
	unsigned int times = 0;
	uint64_t ms = clock_ms();

	(void)state;
	o.progress = cancel;
	o.arg = &times;
	fake.finish = true;
	assert_status(create(), SNAP_S_ASYNC_FINISHED);
	assert_int_equal(times, 0);
	snap_close(s);
	s = NULL;
	fake.nr_snaps = 0;
	fake.finish = false;
	o.stop_fd = eventfd(0, EFD_CLOEXEC);
	assert_status(create(), SNAP_S_ASYNC_CANCELLED);
	assert_int_equal(times, 3);
	assert_int_equal(clock_ms() - ms, 600);
	close(o.stop_fd);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(at_once), T(padding), T(arguments), T(tries_again), T(as_advised), T(gives_up), T(stops),
		T(progress),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
