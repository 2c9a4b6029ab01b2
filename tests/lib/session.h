/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tests of sessions begin with: an open session and the fake module, whose clock goes
 * by itself where a thread waits.
 */
#ifndef SNAPSET_TEST_SESSION_H
#define SNAPSET_TEST_SESSION_H

#include <stdbool.h>

#include "libsnap.h"

extern struct snap_session *s;
extern struct snap_async *a;	/* its job, if one was begun */
extern snap_id set, snap;
extern snap_status status;

int setup(void **state);
int teardown(void **state);	/* nothing may be open then but what it closes */

/* A set of one volume, and its job. */
void begin(void);

/* The job has this end, however often it is asked. */
void assert_end(snap_status want);

void last_error(struct snap_error_info *e);
bool readable(int fd);

#endif
