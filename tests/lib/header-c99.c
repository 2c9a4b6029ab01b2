// SPDX-License-Identifier: GPL-2.0-only
/* The public header needs nothing before it and compiles as strict C99. */
#include <libsnap.h>
#include <libsnap.h>

snap_status everything(struct snap_session *s);

snap_status everything(struct snap_session *s)
{
	switch (snap_do_snapshot_set_wait(s)) {
	case SNAP_S_ASYNC_FINISHED:
		return SNAP_S_OK;
	case SNAP_E_HOLD_WRITES_TIMEOUT:
		return SNAP_E_UNEXPECTED;
	default:
		return SNAP_E_BAD_STATE;
	}
}
