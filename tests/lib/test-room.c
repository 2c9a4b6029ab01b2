// SPDX-License-Identifier: GPL-2.0-only
/*
 * Room for old data against the fake module: stores that are shared, what is done when
 * they are full, quotas, and the accounts of all that.
 */
#include <errno.h>
#include <stdio.h>

#include "check.h"
#include "clock.h"
#include "fake.h"
#include "tree.h"

static struct snap_session *s;
static struct snap_error_info e;
static snap_id set, snap;

static int setup(void **state)
{
	(void)state;
	fake_reset();
	clock_begin(NULL);
	clock_goes(true);
	return snap_open(0, &s);
}

static int teardown(void **state)
{
	(void)state;
	snap_close(s);
	s = NULL;
	return fake_conns();
}

static const char *why(void)
{
	e.size = sizeof(e);
	assert_status(snap_last_error(s, &e), SNAP_S_OK);
	return e.text;
}

/* What the last of these commands had; fails if it had it not. */
static uint64_t sent(int cmd, int attr)
{
	if (!fake.sent[cmd].has[attr])
		fail_msg("command %d had no attribute %d", cmd, attr);
	return fake.sent[cmd].v[attr];
}

static void assert_not_sent(int cmd, int attr)
{
	if (fake.sent[cmd].has[attr])
		fail_msg("command %d had attribute %d", cmd, attr);
}

static void full_refused(void **state)
{
	(void)state;
	assert_status(snap_set_full_policy(NULL, SNAP_FULL_SET, 0), SNAP_E_INVALIDARG);
	assert_status(snap_set_full_policy(s, SNAP_FULL_SET, 1), SNAP_E_INVALIDARG);
	assert_contains(why(), "leave out the 1 ms");
	assert_status(snap_set_full_policy(s, SNAP_FULL_WAIT, 60001), SNAP_E_INVALIDARG);
	assert_contains(why(), "60001");
	assert_status(snap_set_full_policy(s, SNAP_FULL_OLDEST, 60001), SNAP_E_INVALIDARG);
	assert_status(snap_set_full_policy(s, (enum snap_full)3, 0), SNAP_E_INVALIDARG);
	assert_contains(why(), "nothing is known of 3");
	/* and nothing of it is kept */
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_not_sent(SNAPSET_CMD_SET_START, SNAPSET_A_FULL);
	assert_not_sent(SNAPSET_CMD_SET_START, SNAPSET_A_FULL_WAIT_MS);
	assert_status(snap_set_full_policy(s, SNAP_FULL_WAIT, 0), SNAP_E_BAD_STATE);
	assert_contains(why(), "snap_set_full_policy()");
}

static void full_is_sent(void **state)
{
	struct snap_set_props p = { .size = sizeof(p) };

	(void)state;
	assert_status(snap_set_full_policy(s, SNAP_FULL_WAIT, 1), SNAP_S_OK);
	assert_status(snap_set_full_policy(s, SNAP_FULL_OLDEST, 60000), SNAP_S_OK);
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_int_equal(sent(SNAPSET_CMD_SET_START, SNAPSET_A_FULL), SNAPSET_FULL_OLDEST);
	assert_int_equal(sent(SNAPSET_CMD_SET_START, SNAPSET_A_FULL_WAIT_MS), 60000);
	fake.full_waits = 7;
	fake.full_dropped = 2;
	assert_status(snap_get_set_properties(s, &set, &p), SNAP_S_OK);
	assert_int_equal(p.full, SNAP_FULL_OLDEST);
	assert_int_equal(p.full_wait_ms, 60000);
	assert_int_equal(p.full_waits, 7);
	assert_int_equal(p.full_dropped, 2);
}

static void full_by_default(void **state)
{
	(void)state;
	assert_status(snap_set_full_policy(s, SNAP_FULL_WAIT, 0), SNAP_S_OK);
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_int_equal(sent(SNAPSET_CMD_SET_START, SNAPSET_A_FULL), SNAPSET_FULL_WAIT);
	assert_not_sent(SNAPSET_CMD_SET_START, SNAPSET_A_FULL_WAIT_MS);
}

/* It holds for what is added from then on. */
static void quotas(void **state)
{
	struct snap_snapshot_props p = { .size = sizeof(p) };
	struct snap_async *a;
	snap_id free_one;

	(void)state;
	assert_status(snap_set_quota(NULL, 0), SNAP_E_INVALIDARG);
	assert_status(snap_set_allow_held(NULL, true), SNAP_E_INVALIDARG);
	assert_status(snap_set_quota(s, 4095), SNAP_E_INVALIDARG);
	assert_contains(why(), "4095");
	assert_status(snap_set_quota(s, 4096), SNAP_S_OK);
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_status(snap_add_to_snapshot_set(s, "vda1", &snap), SNAP_S_OK);
	assert_int_equal(sent(SNAPSET_CMD_SET_ADD, SNAPSET_A_QUOTA), 4096);
	assert_status(snap_set_quota(s, 1ull << 40), SNAP_S_OK);
	assert_status(snap_add_to_snapshot_set(s, "vda2", NULL), SNAP_S_OK);
	assert_true(sent(SNAPSET_CMD_SET_ADD, SNAPSET_A_QUOTA) == 1ull << 40);
	assert_status(snap_set_quota(s, 0), SNAP_S_OK);
	assert_status(snap_add_to_snapshot_set(s, "vdd", &free_one), SNAP_S_OK);
	assert_not_sent(SNAPSET_CMD_SET_ADD, SNAPSET_A_QUOTA);
	assert_status(snap_do_snapshot_set(s, &a), SNAP_S_OK);
	snap_async_free(a);
	assert_status(snap_set_quota(s, 4096), SNAP_E_BAD_STATE);
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);
	assert_status(snap_get_snapshot_properties(s, &snap, &p), SNAP_S_OK);
	assert_int_equal(p.quota, 4096);
	assert_status(snap_get_snapshot_properties(s, &free_one, &p), SNAP_S_OK);
	assert_int_equal(p.quota, 0);
}

static void in_one_call(void **state)
{
	struct snap_simple_options o = {
		.size = sizeof(o), .full = SNAP_FULL_WAIT, .full_wait_ms = 9, .quota = 8192,
	};
	static const char *const volume = "vda1";
	struct snap_session *simple;

	(void)state;
	fake.finish = true;
	assert_status(snap_create_simple(&volume, 1, SNAP_CTX_FILE_SHARE_BACKUP, &o, &simple,
					 NULL), SNAP_S_ASYNC_FINISHED);
	snap_close(simple);
	assert_int_equal(sent(SNAPSET_CMD_SET_START, SNAPSET_A_FULL), SNAPSET_FULL_WAIT);
	assert_int_equal(sent(SNAPSET_CMD_SET_START, SNAPSET_A_FULL_WAIT_MS), 9);
	assert_int_equal(sent(SNAPSET_CMD_SET_ADD, SNAPSET_A_QUOTA), 8192);
	o.full_wait_ms = 60001;
	assert_status(snap_create_simple(&volume, 1, SNAP_CTX_FILE_SHARE_BACKUP, &o, &simple,
					 NULL), SNAP_E_INVALIDARG);
	o.full_wait_ms = 0;
	o.quota = 1;
	assert_status(snap_create_simple(&volume, 1, SNAP_CTX_FILE_SHARE_BACKUP, &o, &simple,
					 NULL), SNAP_E_INVALIDARG);
	/* who is older has a shorter struct */
	o.size = offsetof(struct snap_simple_options, full);
	assert_status(snap_create_simple(&volume, 1, SNAP_CTX_FILE_SHARE_BACKUP, &o, &simple,
					 NULL), SNAP_S_ASYNC_FINISHED);
	snap_close(simple);
	assert_not_sent(SNAPSET_CMD_SET_START, SNAPSET_A_FULL);
	assert_not_sent(SNAPSET_CMD_SET_ADD, SNAPSET_A_QUOTA);
}

static void shared_arguments(void **state)
{
	static const struct snap_store wrong[] = {
		{ .kind = SNAP_STORE_SHARED },
		{ .kind = SNAP_STORE_SHARED, .store_id = 7, .limit = 4096 },
		{ .kind = SNAP_STORE_SHARED, .store_id = 7, .device = "vdd" },
		{ .kind = SNAP_STORE_SHARED, .store_id = 7, .directory = "/tmp" },
		{ .kind = SNAP_STORE_SHARED, .store_id = 7, .bytes = 1 << 20 },
		{ .kind = SNAP_STORE_MEMORY, .store_id = 7 },
		{ .kind = SNAP_STORE_DEVICE, .device = "vdd", .store_id = 7 },
		{ .kind = SNAP_STORE_FILE, .directory = "/tmp", .store_id = 7 },
		{ .kind = (enum snap_store_kind)(SNAP_STORE_SHARED + 1) },
	};
	struct snap_store store;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		store = wrong[i];
		store.size = sizeof(store);
		if (snap_set_store(s, &store) != SNAP_E_INVALIDARG)
			fail_msg("store %zu is not refused", i);
	}
	/* of an older caller's struct it is not a part */
	store = wrong[1];
	store.size = offsetof(struct snap_store, store_id);
	assert_status(snap_set_store(s, &store), SNAP_E_INVALIDARG);
}

static void share(uint64_t id)
{
	struct snap_store store = { .size = sizeof(store), .kind = SNAP_STORE_SHARED,
				    .store_id = id };

	assert_status(snap_set_store(s, &store), SNAP_S_OK);
}

/* An earlier set with the store 7. */
static void earlier(void)
{
	fake.exists = true;
	fake.state = SNAPSET_STATE_CREATED;
	fake.store.id = 7;
}

static void shared(void **state)
{
	struct snap_set_props p = { .size = sizeof(p) };

	(void)state;
	share(7);
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_OBJECT_NOT_FOUND);
	assert_contains(why(), "no set uses the store 7");
	earlier();
	share(8);
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_OBJECT_NOT_FOUND);
	assert_contains(why(), "no set uses the store 8");
	assert_int_equal(fake.calls[SNAPSET_CMD_SET_START], 0);
	share(7);
	/* the kernel has the last word */
	fake.fail_cmd = SNAPSET_CMD_SET_START;
	fake.fail_errno = ENOENT;
	fake.fail_text = "it has just gone";
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_OBJECT_NOT_FOUND);
	assert_string_equal(why(), "it has just gone");
	fake.fail_cmd = 0;
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_int_equal(sent(SNAPSET_CMD_SET_START, SNAPSET_A_STORE_ID), 7);
	assert_not_sent(SNAPSET_CMD_SET_START, SNAPSET_A_STORE_KIND);
	assert_not_sent(SNAPSET_CMD_SET_START, SNAPSET_A_STORE_LIMIT);
	assert_not_sent(SNAPSET_CMD_SET_START, SNAPSET_A_FD);
	assert_status(snap_get_set_properties(s, &set, &p), SNAP_S_OK);
	assert_int_equal(p.store_id, 7);
}

/* What is below the other set's store is below this one's. */
static void shared_nesting(void **state)
{
	struct snap_store memory = { .size = sizeof(memory) };

	(void)state;
	earlier();
	fake.store.kind = SNAPSET_STORE_BDEV;
	fake.store.major = 8;
	fake.store.minor = 48;
	share(7);
	fake.fail_cmd = SNAPSET_CMD_SET_START;
	fake.fail_errno = EBUSY;
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_PROVIDER_VETO);
	fake.fail_cmd = 0;
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_status(snap_add_to_snapshot_set(s, "vdd", &snap), SNAP_E_NESTED_VOLUME_LIMIT);
	assert_contains(why(), "is the store of the set");
	assert_status(snap_add_to_snapshot_set(s, "vda1", &snap), SNAP_S_OK);

	/* nothing of it is left if another one is chosen */
	snap_close(s);
	assert_status(snap_open(0, &s), SNAP_S_OK);
	fake.state = SNAPSET_STATE_CREATED;
	share(7);
	fake.fail_cmd = SNAPSET_CMD_SET_START;
	assert_status(snap_start_snapshot_set(s, &set), SNAP_E_PROVIDER_VETO);
	fake.fail_cmd = 0;
	assert_status(snap_set_store(s, &memory), SNAP_S_OK);
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_int_equal(sent(SNAPSET_CMD_SET_START, SNAPSET_A_STORE_KIND), SNAPSET_STORE_MEMORY);
	assert_not_sent(SNAPSET_CMD_SET_START, SNAPSET_A_STORE_ID);
	assert_status(snap_add_to_snapshot_set(s, "vdd", &snap), SNAP_S_OK);
}

static void accounts(void **state)
{
	struct snap_filter f = { .size = sizeof(f), .object = SNAP_OBJECT_SNAPSHOT };
	struct snap_snapshot_props p = { .size = sizeof(p) };
	struct snap_set_props sp = { .size = sizeof(sp) };
	snap_id other = { { 0xff } };
	uint64_t bytes = 1;
	struct snap_iter *it;

	(void)state;
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_status(snap_add_to_snapshot_set(s, "vda1", &snap), SNAP_S_OK);
	fake.snaps[0].allocated = 1 << 20;
	fake.snaps[0].exclusive = 1 << 16;
	assert_status(snap_get_snapshot_exclusive(s, &snap, &bytes), SNAP_E_OBJECT_NOT_FOUND);
	assert_contains(why(), "is not created");
	fake_state(SNAPSET_STATE_CREATED, SNAPSET_S_ASYNC_FINISHED, NULL);

	/* it is counted if one asks for it */
	assert_status(snap_get_snapshot_properties(s, &snap, &p), SNAP_S_OK);
	assert_not_sent(SNAPSET_CMD_SNAP_GET, SNAPSET_A_COUNT_EXCLUSIVE);
	assert_int_equal(p.allocated, 1 << 20);
	assert_false(p.exclusive_known);
	assert_status(snap_get_snapshot_exclusive(s, &snap, &bytes), SNAP_S_OK);
	assert_int_equal(sent(SNAPSET_CMD_SNAP_GET, SNAPSET_A_COUNT_EXCLUSIVE), 1);
	assert_int_equal(bytes, 1 << 16);
	assert_status(snap_query(s, &f, &it), SNAP_S_OK);
	assert_not_sent(SNAPSET_CMD_SNAP_GET, SNAPSET_A_COUNT_EXCLUSIVE);
	snap_iter_free(it);
	f.count_exclusive = true;
	assert_status(snap_query(s, &f, &it), SNAP_S_OK);
	assert_int_equal(sent(SNAPSET_CMD_SNAP_GET, SNAPSET_A_COUNT_EXCLUSIVE), 1);
	assert_status(snap_iter_next_snapshot(it, &p), SNAP_S_OK);
	assert_true(p.exclusive_known);
	assert_int_equal(p.exclusive, 1 << 16);
	snap_iter_free(it);
	f.object = SNAP_OBJECT_SNAPSHOT_SET;
	assert_status(snap_query(s, &f, &it), SNAP_S_OK);
	assert_not_sent(SNAPSET_CMD_SNAP_GET, SNAPSET_A_COUNT_EXCLUSIVE);
	snap_iter_free(it);

	assert_status(snap_get_snapshot_exclusive(NULL, &snap, &bytes), SNAP_E_INVALIDARG);
	assert_status(snap_get_snapshot_exclusive(s, NULL, &bytes), SNAP_E_INVALIDARG);
	assert_status(snap_get_snapshot_exclusive(s, &snap, NULL), SNAP_E_INVALIDARG);
	assert_status(snap_get_snapshot_exclusive(s, &other, &bytes), SNAP_E_OBJECT_NOT_FOUND);

	fake.store = (struct fake_store){
		.id = 1ull << 33, .size = 1ull << 34, .used = 3 << 20, .rate = 5 << 10,
		.files = 1, .path = "/srv/x",
	};
	assert_status(snap_get_set_properties(s, &set, &sp), SNAP_S_OK);
	assert_int_equal(sp.store_kind, SNAP_STORE_MEMORY);
	assert_true(sp.store_id == 1ull << 33 && sp.store_size == 1ull << 34);
	assert_int_equal(sp.store_used, 3 << 20);
	assert_int_equal(sp.store_rate, 5 << 10);
	assert_int_equal(sp.store_files, 1);	/* by which it was made larger */
	assert_string_equal(sp.store_path, "/srv/x");
}

static void events(void **state)
{
	struct snap_event ev = { .size = sizeof(ev) };
	struct snap_events *events;

	(void)state;
	fake.store = (struct fake_store){
		.id = 7, .kind = SNAPSET_STORE_FILE, .size = 1 << 20, .used = 3 << 18, .rate = 99,
	};
	assert_status(snap_event_open(s, &events), SNAP_S_OK);
	fake_store_event(SNAPSET_EVENT_STORE_LOW, "75 %");
	fake_store_event(SNAPSET_EVENT_STORE_FULL, "writers wait");
	fake_state(SNAPSET_STATE_FREEZING, SNAPSET_S_ASYNC_PENDING, NULL);
	assert_status(snap_event_next(events, 0, &ev), SNAP_S_OK);
	assert_int_equal(ev.type, SNAP_EVENT_STORE_LOW);
	assert_string_equal(ev.text, "75 %");
	assert_int_equal(ev.store_id, 7);
	assert_int_equal(ev.store_kind, SNAP_STORE_FILE);
	assert_int_equal(ev.store_size, 1 << 20);
	assert_int_equal(ev.store_used, 3 << 18);
	assert_int_equal(ev.store_rate, 99);
	assert_status(snap_event_next(events, 0, &ev), SNAP_S_OK);
	assert_int_equal(ev.type, SNAP_EVENT_STORE_FULL);
	assert_int_equal(ev.store_id, 7);
	/* nothing of it is in others */
	assert_status(snap_event_next(events, 0, &ev), SNAP_S_OK);
	assert_int_equal(ev.type, SNAP_EVENT_SET_STATE);
	assert_int_equal(ev.store_id, 0);
	assert_int_equal(ev.store_size, 0);
	snap_event_close(events);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(full_refused), T(full_is_sent), T(full_by_default), T(quotas), T(in_one_call),
		T(shared_arguments), T(shared), T(shared_nesting), T(accounts), T(events),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
