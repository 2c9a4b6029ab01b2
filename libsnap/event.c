// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Events. A gap in the sequence, or a full socket buffer, becomes an event of
 * its own: SNAP_EVENT_LOST.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct snap_events {
	struct snapi_conn	*conn;
	struct snap_event	next;
	bool			have;		/* next is filled */
	bool			gap;		/* LOST comes before it */
	uint64_t		seq;		/* of the last one, 0: none yet */
};

SNAPI_EXPORT snap_status snap_event_open(struct snap_session *s,
					 struct snap_events **out)
{
	struct snapi_error e = { 0 };
	struct snap_events *ev;

	if (!s)
		return SNAP_E_INVALIDARG;
	if (!out)
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "snap_event_open() needs a place for the events");
	ev = calloc(1, sizeof(*ev));
	if (!ev)
		return snapi_fail(s, SNAP_E_OUTOFMEMORY, NULL, NULL);
	if (snapi_conn_open(true, &ev->conn, &e)) {
		free(ev);
		return snapi_fail_with(s, &e);
	}
	*out = ev;
	return SNAP_S_OK;
}

SNAPI_EXPORT int snap_event_fd(struct snap_events *ev)
{
	return ev ? snapi_conn_fd(ev->conn) : -1;
}

static int on_event(const struct snapi_attrs *attrs, void *arg)
{
	struct snap_events *ev = arg;
	struct snap_event *n = &ev->next;

	memset(n, 0, sizeof(*n));
	snapi_props_event(attrs, n);
	if (ev->seq && n->seq != ev->seq + 1)
		ev->gap = true;
	ev->seq = n->seq;
	ev->have = true;
	return 1;	/* one at a time: the others wait in the socket */
}

static snap_status give(struct snap_events *ev, struct snap_event *event)
{
	struct snap_event lost = { .type = SNAP_EVENT_LOST, .seq = ev->seq };
	const struct snap_event *from = &ev->next;

	if (ev->gap)
		from = &lost;
	if (!snapi_struct_out(event, from, sizeof(*from)))
		return SNAP_E_INVALIDARG;
	if (ev->gap)
		ev->gap = false;
	else
		ev->have = false;
	return SNAP_S_OK;
}

/* There is no session to keep the sentence. */
static snap_status lost_the_kernel(int err)
{
	struct snapi_error e;

	snapi_error_set(&e, SNAP_E_UNEXPECTED, err, NULL,
			"cannot read the events of the kernel module: %s", strerror(err));
	snapi_journal(NULL, &e);
	return e.code;
}

SNAPI_EXPORT snap_status snap_event_next(struct snap_events *ev, int timeout_ms,
					 struct snap_event *event)
{
	uint64_t until = snapi_now_ms() + (timeout_ms > 0 ? timeout_ms : 0), now;
	struct pollfd pfd;

	if (!ev || !event || timeout_ms < -1)
		return SNAP_E_INVALIDARG;
	pfd.fd = snapi_conn_fd(ev->conn);
	pfd.events = POLLIN;
	for (;;) {
		int err = 0, ms = -1;

		if (!ev->have && !ev->gap)
			err = snapi_conn_drain(ev->conn, on_event, ev);
		if (err == -ENOBUFS)
			ev->gap = true;
		else if (err && err != -EINTR)
			return lost_the_kernel(-err);
		if (ev->gap || ev->have)
			return give(ev, event);
		if (timeout_ms >= 0) {
			now = snapi_now_ms();
			if (now >= until)
				return SNAP_S_FALSE;
			ms = (int)(until - now);
		}
		poll(&pfd, 1, ms);
	}
}

SNAPI_EXPORT void snap_event_close(struct snap_events *ev)
{
	if (!ev)
		return;
	snapi_conn_close(ev->conn);
	free(ev);
}
