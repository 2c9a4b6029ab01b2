// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is asked of the fake module: properties, lists, deletion, events.
 */
#include "check.h"
#include "fake.h"
#include "session.h"
#include "tree.h"

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

/* What is added to one that is an argument must not lie in what callers leave unset. */
#define ENDS_WITH(type, field)	_Static_assert(sizeof(type) == offsetof(type, field) +	\
					       sizeof(((type *)0)->field), #type)
ENDS_WITH(struct snap_store, store_id);
ENDS_WITH(struct snap_simple_options, reserved);
ENDS_WITH(struct snap_filter, reserved);
ENDS_WITH(struct snap_storage, maximum_percent);

static void padding(void **state)
{
	struct snap_iter *it;
	struct snap_filter f;

	(void)state;
	begin();
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	memset(&f, 0xff, sizeof(f));
	f.size = sizeof(f);
	f.object = SNAP_OBJECT_SNAPSHOT;
	memset(&f.set_id, 0, sizeof(f.set_id));
	f.volume = NULL;
	f.unfinished = false;
	f.count_exclusive = false;
	/* said by somebody who knows more than this library */
	assert_status(snap_query(s, &f, &it), SNAP_E_INVALIDARG);
	memset(f.reserved, 0, sizeof(f.reserved));
	assert_int_equal(count(&f, SNAP_S_OK), 1);
	/* who is older has it not, whatever lies there */
	memset(f.reserved, 0xff, sizeof(f.reserved));
	f.size = offsetof(struct snap_filter, reserved);
	assert_status(snap_query(s, &f, &it), SNAP_S_OK);
	snap_iter_free(it);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(properties), T(lists), T(deletion), T(events), T(padding),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
