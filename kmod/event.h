/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * event.h - the only sender of notifications (multicast group "events").
 *
 * May sleep; called with any of our mutexes held, takes none. An event that
 * cannot be sent is lost but its sequence number is spent, so that a listener
 * sees the gap and asks again.
 */
#ifndef SNAPSET_EVENT_H
#define SNAPSET_EVENT_H

#include "control.h"

struct snapset_store;

/* Fields that are absent: NULL, or -1 for @state; code is always sent. */
struct snapset_event_arg {
	enum snapset_event event;
	const snapset_id *set_id;
	const snapset_id *snap_id;
	int state;
	s32 code;
	struct snapset_store *store;
	const char *text;
	bool created;			/* then it has a consistency */
	u32 consistency;
	bool failed;			/* then it has these */
	u32 failed_phase;
	int err;			/* -errno, 0: none */
	const char *blamed;
};

void snapset_event_send(const struct snapset_event_arg *arg);

#endif
