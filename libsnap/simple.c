// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A set in one call: the calls of libsnap.h in their order, and again, with a
 * new session, as snap_retry_advice() says. Nothing here that a caller could
 * not do himself.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "storage.h"

#define PROGRESS_MS	200	/* nobody can read faster */

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
		st = snap_set_index_limit(s, r->o.index_limit);
	if (!st)
		st = snap_set_wait(s, r->o.wait_ms);
	if (!st && r->o.transactions)
		st = snap_set_transactions(s, r->o.transactions, r->o.transaction_ms,
					   r->o.window_ms);
	if (!st)
		st = snap_set_full_policy(s, r->o.full, r->o.full_wait_ms);
	if (!st)
		st = snap_set_quota(s, r->o.quota);
	if (!st)
		st = snap_set_allow_held(s, r->o.allow_held);
	if (!st)
		st = snap_set_require_frozen(s, r->o.require_frozen);
	if (!st)
		st = snap_set_label(s, r->o.label);
	if (!st)
		st = snap_set_expiry(s, r->o.expire_s);
	return st;
}

static snap_status start_in(struct snap_session *s, const struct request *r,
			    const struct snap_store *store, snap_id *id)
{
	struct snapi_error e = { 0 };
	snap_status st = snap_set_store(s, store);

	if (st)
		return st;
	st = snapi_turn_start(s, stop_fd(r), id, &e);
	return SNAP_FAILED(st) ? snapi_fail_with(s, &e) : st;
}

static void as_store(const struct snapi_place *place, struct snap_store *store)
{
	memset(store, 0, sizeof(*store));
	store->size = sizeof(*store);
	if (place->place == SNAP_PLACE_MEMORY)
		return;
	if (place->share) {
		store->kind = SNAP_STORE_SHARED;
		store->store_id = place->share;
		return;
	}
	store->kind = SNAP_STORE_FILE;
	store->directory = place->directory;
	store->bytes = place->bytes;
}

/* Whether a set that did not start with its store at @place may with one elsewhere. */
static bool go_on(const struct snapi_place *place, snap_status st)
{
	return st == SNAP_E_NESTED_VOLUME_LIMIT ||
	       (!place->firm && (st == SNAP_E_VOLUME_NOT_SUPPORTED ||
				 st == SNAP_E_INSUFFICIENT_STORAGE ||
				 st == SNAP_E_OBJECT_NOT_FOUND || st == SNAP_E_ACCESSDENIED));
}

/* The reason for whatever comes instead is that of the first. */
static void refused(struct snapi_places *p, const char *text)
{
	if (!*p->refused)
		snprintf(p->refused, sizeof(p->refused), "%.255s", text);
}

/* Goes down the list; *@at is where it got to. */
static snap_status start_somewhere(struct snap_session *s, const struct request *r,
				   struct snapi_places *p, unsigned int *at, snap_id *id)
{
	struct snap_store store;
	snap_status st = SNAP_E_UNEXPECTED;

	for (*at = 0; *at < p->nr; ++*at) {
		struct snapi_place *place = &p->v[*at];
		char text[sizeof(s->err.text)];
		int err;

		/* The last one is memory, so there is an end that is not this. */
		err = place->ours ? snapi_dir_make(place->directory) : 0;
		if (err) {
			snprintf(text, sizeof(text), "%.200s cannot be made: %s", place->directory,
				 strerror(-err));
			refused(p, text);
			continue;
		}
		if (place->place == SNAP_PLACE_MEMORY && *p->refused)
			snprintf(place->text, sizeof(place->text),
				 "as no file can be the store: %.220s", p->refused);
		as_store(place, &store);
		st = start_in(s, r, &store, id);
		if (!SNAP_FAILED(st) || !go_on(place, st))
			break;
		pthread_mutex_lock(&s->lock);
		refused(p, s->err.text);
		pthread_mutex_unlock(&s->lock);
	}
	return st;
}

/* Does the set; what is to be read from stop_fd cancels it. */
static snap_status make(struct snap_session *s, const struct request *r)
{
	struct snap_progress progress = { .size = sizeof(progress) };
	struct snap_async *a;
	int ready;
	snap_status st, status;

	st = snap_do_snapshot_set(s, &a);
	if (st)
		return st;
	for (;;) {
		struct pollfd pfd[] = {
			{ .fd = snap_async_fd(a), .events = POLLIN },
			{ .fd = stop_fd(r), .events = POLLIN },
		};

		st = snap_async_status(a, &status);
		if (st || status != SNAP_S_ASYNC_PENDING)
			break;
		ready = poll(pfd, 2, r->o.progress ? PROGRESS_MS : -1);
		if (!ready && !snap_async_progress(a, &progress))
			r->o.progress(r->o.arg, &progress);
		if (ready > 0 && pfd[1].revents) {
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
	struct snapi_places places = { 0 };
	struct snap_session *s;
	struct snap_store store;
	unsigned int at = 0;
	snap_status st;

	st = snap_open(0, &s);
	if (st) {
		snapi_open_error(e);
		return st;
	}
	st = settings(s, r);
	if (!st && r->o.store) {
		st = start_in(s, r, r->o.store, id);
	} else if (!st) {
		st = snapi_places_find(s, r->volumes, r->n, &places, e);
		st = st ? snapi_fail_with(s, e) : start_somewhere(s, r, &places, &at, id);
	}
	for (unsigned int i = 0; !st && i < r->n; i++)
		st = snap_add_to_snapshot_set(s, r->volumes[i], NULL);
	if (!st)
		st = make(s, r);
	if (SNAP_FINISHED(st) && at < places.nr && r->o.store_chosen) {
		as_store(&places.v[at], &store);
		r->o.store_chosen(r->o.arg, places.v[at].place, &store, places.v[at].text);
	}
	snapi_places_free(&places);
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
	    (options && (!snapi_struct_in(&r.o, sizeof(r.o), options) ||
			 !snapi_is_zeros(r.o.reserved, sizeof(r.o.reserved))))) {
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
