// SPDX-License-Identifier: LGPL-2.1-or-later
/* Deleting, and what the module says about itself. */
#include <poll.h>
#include <time.h>

#include "expose.h"

/* udev opens each new image for a moment; that is no reason to refuse. */
#define BUSY_TRIES	20
#define BUSY_MS		50
#define GONE_MS		5000	/* for what goes in the background */

static int on_deleted(const struct snapi_attrs *a, void *arg)
{
	*(uint32_t *)arg = snapi_u32(a, SNAPSET_A_DELETED);
	return 0;
}

/* The first snapshot of the set that is open. The last error stays as it is. */
static void find_open(struct snap_session *s, const snap_id *set_id, snap_id *id)
{
	struct snap_filter f = {
		.size = sizeof(f), .object = SNAP_OBJECT_SNAPSHOT,
		.set_id = *set_id, .unfinished = true,
	};
	struct snap_snapshot_props p = { .size = sizeof(p) };
	struct snap_iter *it;

	if (SNAP_FAILED(snap_query(s, &f, &it)))
		return;
	while (snap_id_is_null(id) && snap_iter_next_snapshot(it, &p) == SNAP_S_OK)
		if (p.openers)
			*id = p.id;
	snap_iter_free(it);
}

/* @own: only if it is still the session's. */
static snap_status delete_once(struct snap_session *s, const snap_id *id,
			       enum snap_object type, bool own, bool force, uint32_t *count,
			       struct snapi_error *e)
{
	struct nl_msg *m;

	pthread_mutex_lock(&s->cmd_lock);
	m = snapi_msg_new(s->cmd, SNAPSET_CMD_DELETE, false, 64);
	snapi_put_id(s->cmd, m, type == SNAP_OBJECT_SNAPSHOT ? SNAPSET_A_SNAP_ID :
		     SNAPSET_A_SET_ID, id);
	if (own)
		snapi_put_u64(s->cmd, m, SNAPSET_A_SESSION, s->cookie);
	if (force)
		snapi_put_flag(s->cmd, m, SNAPSET_A_FORCE);
	e->code = SNAP_S_OK;
	snapi_call(s->cmd, m, on_deleted, count, e);
	pthread_mutex_unlock(&s->cmd_lock);
	return e->code;
}

/* Who deletes may want to unmount next. What a hung store holds is not waited for longer. */
static void wait_until_gone(struct snap_session *s, const snap_id *id, enum snap_object type,
			    bool force)
{
	uint64_t until = snapi_now_ms() + GONE_MS;
	struct snapi_error e = { 0 };
	uint32_t none;
	int ms = 1;

	while (delete_once(s, id, type, false, force, &none, &e) == SNAP_E_SNAPSHOT_SET_IN_PROGRESS &&
	       snapi_now_ms() < until) {
		poll(NULL, 0, ms);
		ms = ms < 50 ? 2 * ms : ms;
	}
}

SNAPI_EXPORT snap_status snap_delete_snapshots(struct snap_session *s,
					       const snap_id *id,
					       enum snap_object type, bool force,
					       unsigned int *deleted,
					       snap_id *not_deleted)
{
	struct snapi_error e = { 0 };
	snap_id left = { { 0 } };
	uint32_t count = 0;

	if (deleted)
		*deleted = 0;
	if (not_deleted)
		*not_deleted = left;
	if (!s)
		return SNAP_E_INVALIDARG;
	if (!id || (type != SNAP_OBJECT_SNAPSHOT && type != SNAP_OBJECT_SNAPSHOT_SET))
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "snap_delete_snapshots() needs an id, and whether it is that of a set or a snapshot");

	if (snapi_unexpose_deleted(s, id, type, force, &e))
		return snapi_fail_with(s, &e);
	for (int i = 0; i < BUSY_TRIES; i++) {
		struct timespec pause = { .tv_nsec = BUSY_MS * 1000000L };

		if (delete_once(s, id, type, false, force, &count, &e) != SNAP_E_VOLUME_IN_USE)
			break;
		nanosleep(&pause, NULL);
	}
	if (e.code) {
		if (type == SNAP_OBJECT_SNAPSHOT)
			left = *id;
		else if (e.code == SNAP_E_VOLUME_IN_USE)
			find_open(s, id, &left);
		if (not_deleted)
			*not_deleted = left;
		return snapi_fail_with(s, &e);
	}
	wait_until_gone(s, id, type, force);
	if (deleted)
		*deleted = count;
	return SNAP_S_OK;
}

void snapi_delete_own(struct snap_session *s)
{
	struct snapi_error e = { 0 }, busy;
	const snap_id *id = &s->set_id;
	uint32_t count;

	/* another session may have it by now, and mounted images go before they are dead */
	if (delete_once(s, id, SNAP_OBJECT_SNAPSHOT_SET, true, false, &count, &e) ==
	    SNAP_E_VOLUME_IN_USE) {
		snapi_unexpose_deleted(s, id, SNAP_OBJECT_SNAPSHOT_SET, true, &busy);
		delete_once(s, id, SNAP_OBJECT_SNAPSHOT_SET, true, true, &count, &e);
	}
	if (!e.code)
		wait_until_gone(s, id, SNAP_OBJECT_SNAPSHOT_SET, true);
}

static int on_info(const struct snapi_attrs *a, void *arg)
{
	struct snap_module_info *info = arg;

	snapi_str(a, SNAPSET_A_VERSION, info->version, sizeof(info->version));
	snapi_str(a, SNAPSET_A_HOOK, info->hook, sizeof(info->hook));
	snapi_str(a, SNAPSET_A_COUNTERS, info->counters, sizeof(info->counters));
	info->granule_size = snapi_u32(a, SNAPSET_A_GRANULE_SIZE);
	return 0;
}

SNAPI_EXPORT snap_status snap_get_module_info(struct snap_session *s,
					      struct snap_module_info *out)
{
	struct snap_module_info info = { .size = sizeof(info) };
	struct snapi_error e = { 0 };

	if (!s)
		return SNAP_E_INVALIDARG;
	if (!out)
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL, NULL);
	pthread_mutex_lock(&s->query_lock);
	snapi_call(s->query, snapi_msg_new(s->query, SNAPSET_CMD_INFO_GET, false, 0),
		   on_info, &info, &e);
	pthread_mutex_unlock(&s->query_lock);
	if (e.code)
		return snapi_fail_with(s, &e);
	if (!snapi_struct_out(out, &info, sizeof(info)))
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "the size of struct snap_module_info is not set");
	return SNAP_S_OK;
}
