// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Waiting for one's turn: the machine has one set in the making, and somebody
 * else has it. Any event may be its end, so each has us try again; and so does
 * time, as the kernel lets go of a set a little after it has told its state,
 * and events may get lost.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "internal.h"

#define FIRST_MS	20	/* after an event, then twice as long each time ... */
#define LONGEST_MS	1000	/* ... up to this */

/* snap_abort() finds the descriptor in the session while somebody waits. */
static bool turn_begin(struct snap_session *s)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	pthread_mutex_lock(&s->lock);
	s->turn = fd;
	pthread_mutex_unlock(&s->lock);
	return fd >= 0;
}

static void turn_end(struct snap_session *s)
{
	pthread_mutex_lock(&s->lock);
	if (s->turn >= 0)
		close(s->turn);
	s->turn = -1;
	pthread_mutex_unlock(&s->lock);
}

void snapi_turn_abort(struct snap_session *s)
{
	uint64_t one = 1;

	pthread_mutex_lock(&s->lock);
	if (s->turn >= 0 && write(s->turn, &one, sizeof(one)) < 0)
		errno = 0;	/* it is readable already */
	pthread_mutex_unlock(&s->lock);
}

static int on_event(const struct snapi_attrs *attrs, void *arg)
{
	(void)attrs;
	(void)arg;
	return 0;
}

/* Tries until it is not refused for the other's sake, or time is up. */
static snap_status wait_turn(struct snap_session *s, struct snapi_conn *events,
			     int stop_fd, snap_id *id, struct snapi_error *e)
{
	uint64_t until = snapi_now_ms() + s->wait_ms, now;
	int step = FIRST_MS;

	for (;;) {
		struct pollfd pfd[] = {
			{ .fd = snapi_conn_fd(events), .events = POLLIN },
			{ .fd = s->turn, .events = POLLIN },
			{ .fd = stop_fd, .events = POLLIN },	/* below 0: is skipped */
		};
		int ms = step;

		memset(e, 0, sizeof(*e));
		if (snapi_set_start(s, id, e) != SNAP_E_SNAPSHOT_SET_IN_PROGRESS)
			return e->code;
		now = snapi_now_ms();
		if (s->wait_ms != SNAP_WAIT_FOREVER && now >= until)
			return e->code;
		if (s->wait_ms != SNAP_WAIT_FOREVER && until - now < (uint64_t)ms)
			ms = (int)(until - now);
		step = poll(pfd, 3, ms) > 0 ? FIRST_MS :
		       step * 2 < LONGEST_MS ? step * 2 : LONGEST_MS;
		if (pfd[2].revents)
			return SNAP_S_ASYNC_CANCELLED;
		if (pfd[1].revents) {
			snapi_error_set(e, SNAP_E_SNAPSHOT_SET_IN_PROGRESS, 0, NULL,
					"the wait for another snapshot set was aborted");
			return e->code;
		}
		snapi_conn_drain(events, on_event, NULL);
	}
}

snap_status snapi_turn_start(struct snap_session *s, int stop_fd, snap_id *id,
			     struct snapi_error *e)
{
	struct snapi_conn *events = NULL;
	struct snapi_error failed;
	snap_status st;

	st = snapi_set_start(s, id, e);
	if (st != SNAP_E_SNAPSHOT_SET_IN_PROGRESS || !s->wait_ms)
		return st;
	if (snapi_conn_open(true, &events, &failed)) {
		*e = failed;
		return e->code;
	}
	if (turn_begin(s)) {
		st = wait_turn(s, events, stop_fd, id, e);
	} else {
		snapi_error_set(e, SNAP_E_UNEXPECTED, errno, NULL,
				"cannot wait for another snapshot set: %s", strerror(errno));
		st = e->code;
	}
	turn_end(s);
	snapi_conn_close(events);
	return st;
}
