// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A set in one call: the calls of libsnap.h in their order, and again, with a
 * new session, as snap_retry_advice() says. Nothing here that a caller could
 * not do himself.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

#include "internal.h"

struct request {
	const char *const		*volumes;
	unsigned int			n;
	uint32_t			context;
	struct snap_simple_options	o;
};

/* Below 0: none. Descriptor 0 is not to be had, so that zeros mean nothing. */
static int stop_fd(const struct request *r)
{
	return r->o.stop_fd > 0 ? r->o.stop_fd : -1;
}

static snap_status settings(struct snap_session *s, const struct request *r)
{
	snap_status st;

	st = snap_set_context(s, r->context);
	if (!st)
		st = snap_set_timeouts(s, r->o.hold_ms, r->o.freeze_ms, r->o.stall_ms);
	if (!st)
		st = snap_set_budget(s, r->o.budget);
	if (!st)
		st = snap_set_wait(s, r->o.wait_ms);
	if (!st && r->o.transactions)
		st = snap_set_transactions(s, r->o.transactions, r->o.transaction_ms,
					   r->o.window_ms);
	if (!st && r->o.store)
		st = snap_set_store(s, r->o.store);
	if (!st)
		st = snap_set_full_policy(s, r->o.full, r->o.full_wait_ms);
	if (!st)
		st = snap_set_quota(s, r->o.quota);
	return st;
}

static snap_status start(struct snap_session *s, const struct request *r, snap_id *id)
{
	struct snapi_error e = { 0 };
	snap_status st;

	st = snapi_turn_start(s, stop_fd(r), id, &e);
	return SNAP_FAILED(st) ? snapi_fail_with(s, &e) : st;
}

/* Does the set; what is to be read from @stop cancels it. */
static snap_status make(struct snap_session *s, int stop)
{
	struct snap_async *a;
	snap_status st, status;

	st = snap_do_snapshot_set(s, &a);
	if (st)
		return st;
	for (;;) {
		struct pollfd pfd[] = {
			{ .fd = snap_async_fd(a), .events = POLLIN },
			{ .fd = stop, .events = POLLIN },
		};

		st = snap_async_status(a, &status);
		if (st || status != SNAP_S_ASYNC_PENDING)
			break;
		if (poll(pfd, 2, -1) > 0 && pfd[1].revents) {
			snap_async_cancel(a);
			st = snap_async_status(a, &status);
			break;
		}
	}
	snap_async_free(a);
	return st ? st : status;
}

/* One try: FINISHED and a session with its set, or no session. The error is in @e. */
static snap_status try(const struct request *r, struct snap_session **session,
		       snap_id *id, struct snapi_error *e)
{
	struct snap_session *s;
	snap_status st;

	st = snap_open(0, &s);
	if (st) {
		snapi_open_error(e);
		return st;
	}
	st = settings(s, r);
	if (!st)
		st = start(s, r, id);
	for (unsigned int i = 0; !st && i < r->n; i++)
		st = snap_add_to_snapshot_set(s, r->volumes[i], NULL);
	if (!st)
		st = make(s, stop_fd(r));
	if (SNAP_FINISHED(st)) {
		*session = s;
		return st;
	}
	pthread_mutex_lock(&s->lock);
	*e = s->err;
	pthread_mutex_unlock(&s->lock);
	snap_close(s);
	return st;
}

/* Whether to try again after the error @e, the @tried-th. Waits the time it takes. */
static bool again(const struct request *r, const struct snapi_error *e,
		  unsigned int tried, bool *stopped)
{
	struct pollfd pfd = { .fd = stop_fd(r), .events = POLLIN };
	struct snap_error_info why = { .size = sizeof(why) };
	unsigned int delay_s, max_tries;
	uint64_t until, now;

	if (r->o.no_retry || snap_retry_advice(e->code, &delay_s, &max_tries) ||
	    tried > max_tries)
		return false;
	if (r->o.max_delay_s && delay_s > r->o.max_delay_s)
		delay_s = r->o.max_delay_s;
	snapi_error_info(&why, e);
	if (r->o.before_retry &&
	    !r->o.before_retry(r->o.arg, &why, delay_s, max_tries - tried))
		return false;
	until = snapi_now_ms() + delay_s * 1000ull;
	while ((now = snapi_now_ms()) < until) {
		uint64_t ms = until - now;

		if (poll(&pfd, 1, ms < INT_MAX ? (int)ms : INT_MAX) > 0) {
			*stopped = true;
			return false;
		}
	}
	return true;
}

SNAPI_EXPORT snap_status
snap_create_simple(const char *const *volumes, unsigned int n, uint32_t context,
		   const struct snap_simple_options *options,
		   struct snap_session **session, snap_id *set_id)
{
	struct request r = { .volumes = volumes, .n = n, .context = context };
	struct snapi_error e = { 0 };
	bool stopped = false;
	snap_status st;
	snap_id id;

	if (!volumes || !n || !session ||
	    (options && !snapi_struct_in(&r.o, sizeof(r.o), options))) {
		snapi_error_set(&e, SNAP_E_INVALIDARG, EINVAL, NULL,
				"snap_create_simple() needs volumes, a place for the session, and options that this library knows");
		return snapi_open_fail(&e);
	}
	for (unsigned int tried = 1;; tried++) {
		memset(&e, 0, sizeof(e));
		st = try(&r, session, &id, &e);
		if (!SNAP_FAILED(st))
			break;
		if (!again(&r, &e, tried, &stopped))
			break;
	}
	if (SNAP_FINISHED(st) && set_id)
		*set_id = id;
	if (SNAP_FAILED(st))
		snapi_open_keep(&e);
	return stopped ? SNAP_S_ASYNC_CANCELLED : st;
}
