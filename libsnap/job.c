// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A set with transactions: freeze them, have the kernel make the set, thaw them.
 * Nobody else needs to be awake for that, so this has a thread of its own, one for
 * each DO, which ends with it. The job is pending until transactions are thawed or
 * aborted: then the thread tells async.c how it ended, and is done.
 *
 *	freeze -> SET_DO -> the kernel's set has ended -> thaw, or abort
 *
 * At each step a cancel, the helper's end and its window may come instead. The
 * kernel decides whether the set was made; a set that was, and whose transactions
 * were not thawed properly, is deleted.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define ASK_MS	1000	/* if nothing was heard for so long, the kernel is asked */

struct job {
	struct snap_session	*s;
	struct snap_async	*a;
	int			helper;
	bool			gone;	/* the helper has said its last word */
	struct snapi_error	e;	/* why it fails, if it does */
};

/* The helper's next word. It is told of a cancel, if that comes first. */
static enum snapi_answer hear(struct job *j, bool cancellable, struct snapi_error *e)
{
	enum snapi_answer answer;

	for (bool told = !cancellable;;) {
		struct pollfd pfd[] = {
			{ .fd = j->helper, .events = POLLIN },
			{ .fd = told ? -1 : snapi_async_wake_fd(j->a), .events = POLLIN },
		};

		poll(pfd, 2, -1);
		if (pfd[1].revents && snapi_async_cancel_wanted(j->a)) {
			snapi_helper_tell(j->helper, "abort", SNAP_S_ASYNC_CANCELLED);
			told = true;
		}
		if (!pfd[0].revents)
			continue;
		answer = snapi_helper_read(j->helper, e);
		/* an answer from before the cancel is overtaken by "aborted" */
		if (answer == SNAPI_FROZEN && told && cancellable)
			continue;
		j->gone = answer != SNAPI_FROZEN;
		return answer;
	}
}

static void abort_all(struct job *j, snap_status code)
{
	struct snapi_error ignored;

	if (j->gone)
		return;
	snapi_helper_tell(j->helper, "abort", code);
	hear(j, false, &ignored);
}

/* SNAP_S_OK: all have frozen. Else nothing of the transactions is left to do. */
static snap_status freeze_all(struct job *j)
{
	snapi_helper_tell(j->helper, "freeze", 0);
	switch (hear(j, true, &j->e)) {
	case SNAPI_FROZEN:
		return SNAP_S_OK;
	case SNAPI_ABORTED_ALL:
		return SNAP_S_ASYNC_CANCELLED;
	default:
		return j->e.code;
	}
}

/* Asks the kernel to cancel. False: it did not answer; ask again. */
static bool cancel(struct job *j)
{
	bool decided;

	snapi_set_ask_cancel(j->s, &decided);
	return decided;
}

/*
 * Waits for the end of the kernel's set: FINISHED, CANCELLED or an error. If the
 * helper speaks meanwhile, all it can say is that it has aborted: *@answer, with its
 * words in *@late.
 */
static snap_status watch_kernel(struct job *j, enum snapi_answer *answer,
				struct snapi_error *late)
{
	bool quiet = false, decided = false;

	for (;;) {
		struct pollfd pfd[] = {
			{ .fd = snapi_async_events_fd(j->a), .events = POLLIN },
			{ .fd = decided ? -1 : snapi_async_wake_fd(j->a), .events = POLLIN },
			{ .fd = j->gone ? -1 : j->helper, .events = POLLIN },
		};
		snap_status st = snapi_async_kernel(j->a, quiet, &j->e);

		if (st != SNAP_S_ASYNC_PENDING)
			return st;
		quiet = poll(pfd, 3, ASK_MS) == 0;
		if (pfd[2].revents)
			*answer = hear(j, false, late);
		if (!decided && (j->gone || snapi_async_cancel_wanted(j->a))) {
			decided = cancel(j);
			quiet = true;
			if (!decided)
				poll(NULL, 0, ASK_MS);
		}
	}
}

/* The set is there, and has to go, for the reason @e. */
static snap_status discard(struct job *j, const struct snapi_error *e)
{
	struct snapi_error why = *e;

	snap_delete_snapshots(j->s, &j->s->set_id, SNAP_OBJECT_SNAPSHOT_SET, true, NULL, NULL);
	j->e = why;
	return why.code;
}

static snap_status thaw_all(struct job *j)
{
	struct snapi_error e;

	snapi_async_phase(j->a, SNAP_PHASE_TRANSACTION_THAW, j->s->transaction_ms);
	snapi_helper_tell(j->helper, "thaw", 0);
	switch (hear(j, false, &e)) {
	case SNAPI_THAWED:
		return SNAP_S_ASYNC_FINISHED;
	case SNAPI_LATE:
		e.code = SNAP_E_TRANSACTION_THAW_TIMEOUT;
		break;
	default:
		break;
	}
	return discard(j, &e);
}

/* All have frozen: the set, and what comes of it. */
static snap_status make(struct job *j)
{
	enum snapi_answer answer = SNAPI_FROZEN;
	struct snapi_error late = { 0 };
	snap_status st;

	st = snapi_set_do(j->s, &j->e);
	if (st) {
		abort_all(j, st);
		cancel(j);
		return st;
	}
	st = watch_kernel(j, &answer, &late);
	if (!j->gone) {
		if (st == SNAP_S_ASYNC_FINISHED)
			return thaw_all(j);
		abort_all(j, st);
		return st;
	}
	if (SNAP_FAILED(st))
		return st;		/* of its own accord */
	if (st == SNAP_S_ASYNC_FINISHED) {
		if (answer == SNAPI_LATE)
			late.code = SNAP_E_TRANSACTION_THAW_TIMEOUT;
		return discard(j, &late);
	}
	if (snapi_async_cancel_wanted(j->a) && answer == SNAPI_LATE)
		return st;
	j->e = late;
	return late.code;
}

static void *run(void *arg)
{
	struct job j = *(struct job *)arg;
	snap_status st;

	free(arg);
	st = freeze_all(&j);
	if (st)
		cancel(&j);		/* the kernel's set is still open */
	else
		st = make(&j);
	close(j.helper);
	snapi_async_finish(j.a, st, &j.e);
	snap_async_free(j.a);
	return NULL;
}

/* All signals are the caller's. */
static int start_thread(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(thread, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

snap_status snapi_job_start(struct snap_session *s, struct snap_async *a,
			    struct snapi_error *e)
{
	struct job *j = calloc(1, sizeof(*j));
	int err;

	if (!j) {
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
		return e->code;
	}
	j->s = s;
	j->a = a;
	j->helper = snapi_helper_start(s, e);
	if (j->helper < 0) {
		free(j);
		return e->code;
	}
	/* From here on whoever cancels finds it, and waits for its end. */
	if (!snapi_session_commit(s, a)) {
		snapi_error_set(e, SNAP_E_BAD_STATE, 0, NULL,
				"the snapshot set of this session was aborted: open another one");
		goto fail;
	}
	snapi_async_phase(a, SNAP_PHASE_TRANSACTION_FREEZE, s->transaction_ms);
	snapi_async_get(a);
	err = start_thread(&s->job, run, j);
	if (!err) {
		s->has_job = true;
		return SNAP_S_OK;
	}
	snapi_error_set(e, SNAP_E_OUTOFMEMORY, err, NULL,
			"cannot start a thread for the transactions: %s", strerror(err));
	snapi_async_finish(a, e->code, e);
	snap_async_free(a);
fail:
	close(j->helper);
	free(j);
	return e->code;
}
