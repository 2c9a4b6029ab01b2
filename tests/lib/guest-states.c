// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each call in each state of a session, against the real module: what does not fit gives
 * SNAP_E_BAD_STATE with a sentence and changes nothing. Runs as root in a VM:
 *	states DEVICE DEVICE
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define CHECK_LIMIT	900	/* an emulated debug kernel is ten times as slow */
#include "check.h"

#define FAULTS	"/sys/kernel/debug/snapset/faults"

static const char *dev[2];
static struct snap_session *s;
static struct snap_async *async;
static snap_id set_id, snapshot_id;

enum state { NEW, OPEN, COMMITTING, CREATED, FAILED, CANCELLED, STATES };
static const char *const names[] = {
	"new", "open", "committing", "created", "failed", "cancelled",
};

static void fault(const char *line)
{
	int fd = open(FAULTS, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	close(fd);
}

static void go(enum state state)
{
	static const char *const faults[STATES] = {
		[COMMITTING] = "commit 1 1 3000 0",
		[FAILED] = "prepare 1 1 0 12",
		[CANCELLED] = "commit 1 1 2000 0",
	};

	assert_status(snap_open(0, &s), SNAP_S_OK);
	if (state == NEW)
		return;
	fault("off");
	if (faults[state])
		fault(faults[state]);
	assert_status(snap_start_snapshot_set(s, &set_id), SNAP_S_OK);
	assert_status(snap_add_to_snapshot_set(s, dev[0], &snapshot_id), SNAP_S_OK);
	if (state == OPEN)
		return;
	assert_status(snap_do_snapshot_set(s, &async), SNAP_S_OK);
	if (state == COMMITTING)
		return;
	if (state == CANCELLED)
		assert_status(snap_async_cancel(async), SNAP_S_OK);
	assert_status(snap_async_wait(async, -1), SNAP_S_OK);
}

static void leave(void)
{
	snap_close(s);
	snap_async_free(async);
	async = NULL;
	fault("off");
}

/* The calls. */
static snap_status set_context(void)
{
	return snap_set_context(s, SNAP_CTX_FILE_SHARE_BACKUP);
}

static snap_status set_timeouts(void) { return snap_set_timeouts(s, 1000, 1000, 1000); }
static snap_status set_budget(void) { return snap_set_budget(s, 1 << 20); }
static snap_status set_index_limit(void) { return snap_set_index_limit(s, 1 << 20); }
static snap_status set_label(void) { return snap_set_label(s, "x"); }
static snap_status set_expiry(void) { return snap_set_expiry(s, 3600); }
static snap_status set_wait(void) { return snap_set_wait(s, 1); }
static snap_status set_transactions(void) { return snap_set_transactions(s, NULL, 0, 0); }

static snap_status set_store(void)
{
	struct snap_store store = { .size = sizeof(store), .limit = 1 << 20 };

	return snap_set_store(s, &store);
}

static snap_status start(void)
{
	snap_id id;

	return snap_start_snapshot_set(s, &id);
}

static snap_status add(void) { return snap_add_to_snapshot_set(s, dev[1], NULL); }

static snap_status do_set(void)
{
	struct snap_async *more = NULL;
	snap_status st = snap_do_snapshot_set(s, &more);

	if (st == SNAP_S_OK)
		snap_async_wait(more, -1);
	snap_async_free(more);
	return st;
}

static snap_status get_own(void)
{
	struct snap_snapshot_props p = { .size = sizeof(p) };

	return snap_get_snapshot_properties(s, &snapshot_id, &p);
}

static snap_status query(void)
{
	struct snap_filter f = { .size = sizeof(f), .object = SNAP_OBJECT_SNAPSHOT_SET };
	struct snap_iter *it = NULL;
	snap_status st = snap_query(s, &f, &it);

	snap_iter_free(it);
	return SNAP_FAILED(st) ? st : SNAP_S_OK;
}

static snap_status delete_own(void)
{
	return snap_delete_snapshots(s, &set_id, SNAP_OBJECT_SNAPSHOT_SET, true, NULL, NULL);
}

/* and back, so that it goes with the session */
static snap_status keep(void)
{
	snap_status st = snap_keep(s, &set_id);

	return st ? st : snap_adopt(s, &set_id);
}

static snap_status adopt(void) { return snap_adopt(s, &set_id); }

static snap_status is_supported(void)
{
	bool yes;

	return snap_is_volume_supported(s, dev[1], &yes, NULL);
}

static snap_status abort_set(void) { return snap_abort(s); }

#define BAD	SNAP_E_BAD_STATE
#define OK	SNAP_S_OK
#define NONE	SNAP_E_OBJECT_NOT_FOUND
#define ANY	((snap_status)1)	/* not in the table, or another test's */

static const struct {
	const char *name;
	snap_status (*call)(void);
	snap_status want[STATES];	/* new open committing created failed cancelled */
} table[] = {
	{ "set_context", set_context, { OK, BAD, BAD, BAD, BAD, BAD } },
	{ "set_timeouts", set_timeouts, { OK, BAD, BAD, BAD, BAD, BAD } },
	{ "set_budget", set_budget, { OK, BAD, BAD, BAD, BAD, BAD } },
	{ "set_index_limit", set_index_limit, { OK, BAD, BAD, BAD, BAD, BAD } },
	{ "set_label", set_label, { OK, BAD, BAD, BAD, BAD, BAD } },
	{ "set_expiry", set_expiry, { OK, BAD, BAD, BAD, BAD, BAD } },
	{ "set_store", set_store, { OK, BAD, BAD, BAD, BAD, BAD } },
	{ "set_wait", set_wait, { OK, BAD, BAD, BAD, BAD, BAD } },
	{ "set_transactions", set_transactions, { OK, OK, BAD, BAD, BAD, BAD } },
	{ "start", start, { OK, BAD, BAD, BAD, BAD, BAD } },
	{ "add", add, { BAD, OK, BAD, BAD, BAD, BAD } },
	{ "do", do_set, { BAD, OK, BAD, BAD, BAD, BAD } },
	{ "get own", get_own, { ANY, NONE, NONE, OK, NONE, NONE } },
	{ "query", query, { OK, OK, OK, OK, OK, OK } },
	{ "keep", keep, { ANY, BAD, BAD, OK, ANY, ANY } },
	{ "adopt", adopt, { ANY, BAD, BAD, OK, ANY, ANY } },
	{ "delete own", delete_own, { ANY, BAD, BAD, OK, ANY, ANY } },
	{ "is supported", is_supported, { OK, OK, OK, OK, OK, OK } },
	{ "abort", abort_set, { OK, OK, OK, OK, OK, OK } },
};

/* What the session says after a call that did not fit is what it said before. */
static void ask_unchanged(enum state state)
{
	struct snap_set_props p = { .size = sizeof(p) };
	static const enum snap_set_state states[STATES] = {
		[OPEN] = SNAP_SET_OPEN, [CREATED] = SNAP_SET_CREATED,
		[FAILED] = SNAP_SET_FAILED, [CANCELLED] = SNAP_SET_CANCELLED,
	};

	if (state == NEW)
		return;
	assert_status(snap_get_set_properties(s, &set_id, &p), SNAP_S_OK);
	if (state != COMMITTING)
		assert_int_equal(p.state, states[state]);
	assert_int_equal(p.members, 1);
}

static void each_state(void **unused)
{
	(void)unused;
	for (enum state state = 0; state < STATES; state++) {
		struct snap_error_info e = { .size = sizeof(e) };

		/* all that do not fit, one after another */
		go(state);
		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
			if (table[i].want[state] != BAD)
				continue;
			print_message("%s %s\n", names[state], table[i].name);
			assert_status(table[i].call(), BAD);
			assert_status(snap_last_error(s, &e), SNAP_S_OK);
			assert_status(e.code, BAD);
			assert_non_null(strchr(e.text, ' '));
			ask_unchanged(state);
		}
		leave();
		/* and those that do, each for itself */
		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
			if (table[i].want[state] == BAD || table[i].want[state] == ANY)
				continue;
			print_message("%s %s\n", names[state], table[i].name);
			go(state);
			assert_status(table[i].call(), table[i].want[state]);
			leave();
		}
	}
}

static void empty_set(void **unused)
{
	(void)unused;
	assert_status(snap_open(0, &s), SNAP_S_OK);
	assert_status(snap_start_snapshot_set(s, &set_id), SNAP_S_OK);
	assert_status(do_set(), BAD);
	/* it can still be filled and made */
	assert_status(add(), SNAP_S_OK);
	assert_status(do_set(), SNAP_S_OK);
	leave();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_state),
		cmocka_unit_test(empty_set),
	};

	if (argc != 3)
		return 2;
	dev[0] = argv[1];
	dev[1] = argv[2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
