// SPDX-License-Identifier: GPL-2.0-only
#include <poll.h>
#include <string.h>

#include "check.h"
#include "clock.h"
#include "fake.h"
#include "session.h"

struct snap_session *s;
struct snap_async *a;
snap_id set, snap;
snap_status status;

void last_error(struct snap_error_info *e)
{
	memset(e, 0, sizeof(*e));
	e->size = sizeof(*e);
	assert_status(snap_last_error(s, e), SNAP_S_OK);
}

int setup(void **state)
{
	(void)state;
	fake_reset();
	clock_begin(NULL);
	clock_goes(true);
	a = NULL;
	return snap_open(0, &s);
}

int teardown(void **state)
{
	(void)state;
	snap_async_free(a);
	snap_close(s);
	a = NULL;
	s = NULL;
	return fake_conns();
}

void begin(void)
{
	assert_status(snap_start_snapshot_set(s, &set), SNAP_S_OK);
	assert_status(snap_add_to_snapshot_set(s, "vda1", &snap), SNAP_S_OK);
	assert_status(snap_do_snapshot_set(s, &a), SNAP_S_OK);
}

void assert_end(snap_status want)
{
	for (int i = 0; i < 3; i++) {		/* sticky */
		status = SNAP_E_UNEXPECTED;
		assert_status(snap_async_status(a, &status), SNAP_S_OK);
		assert_status(status, want);
	}
}

bool readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) > 0;
}
