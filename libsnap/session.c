// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sessions: opening, closing, and what is said before the set is started.
 *
 * A session has two sockets. "cmd" is known to the kernel as the owner of the
 * set, and a command on it may wait (cancel does). "query" only asks, so that a
 * status never waits behind a command.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

static int on_session(const struct snapi_attrs *attrs, void *arg)
{
	*(uint64_t *)arg = snapi_u64(attrs, SNAPSET_A_SESSION);
	return 0;
}

static snap_status connect_kernel(struct snap_session *s, struct snapi_error *e)
{
	struct nl_msg *m;

	if (snapi_conn_open(false, &s->cmd, e) ||
	    snapi_conn_open(false, &s->query, e))
		return e->code;
	m = snapi_msg_new(s->cmd, SNAPSET_CMD_SESSION_OPEN, false, 0);
	if (snapi_call(s->cmd, m, on_session, &s->cookie, e))
		return e->code;
	if (!s->cookie)
		snapi_error_set(e, SNAP_E_UNEXPECTED_PROVIDER_ERROR, 0, NULL,
				"the kernel module opened no session");
	return e->code;
}

static void free_session(struct snap_session *s)
{
	snapi_conn_close(s->query);
	snapi_conn_close(s->cmd);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->query_lock);
	pthread_mutex_destroy(&s->cmd_lock);
	if (s->namespace >= 0)
		close(s->namespace);
	free(s->transactions);
	free(s->store.directory);
	snapi_blks_free(&s->store.devs);
	snapi_blks_free(&s->elsewhere.found);
	free(s);
}

static atomic_uint_fast64_t serials;	/* of sessions */

SNAPI_EXPORT snap_status snap_open(unsigned int flags,
				   struct snap_session **out)
{
	struct snapi_error e = { 0 };
	struct snap_session *s;

	if (!out || flags) {
		snapi_error_set(&e, SNAP_E_INVALIDARG, EINVAL, NULL, out ?
				"snap_open() knows no flags" :
				"snap_open() needs a place for the session");
		return snapi_open_fail(&e);
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		snapi_error_set(&e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
		return snapi_open_fail(&e);
	}
	pthread_mutex_init(&s->cmd_lock, NULL);
	pthread_mutex_init(&s->query_lock, NULL);
	pthread_mutex_init(&s->lock, NULL);
	s->serial = atomic_fetch_add(&serials, 1) + 1;
	s->refs = 1;
	s->turn = -1;
	s->namespace = -1;
	s->attrs = SNAP_CTX_FILE_SHARE_BACKUP;
	if (SNAP_FAILED(connect_kernel(s, &e))) {
		free_session(s);
		return snapi_open_fail(&e);
	}
	*out = s;
	return SNAP_S_OK;
}

struct snap_session *snapi_session_get(struct snap_session *s)
{
	pthread_mutex_lock(&s->lock);
	s->refs++;
	pthread_mutex_unlock(&s->lock);
	return s;
}

void snapi_session_put(struct snap_session *s)
{
	unsigned int refs;

	pthread_mutex_lock(&s->lock);
	refs = --s->refs;
	pthread_mutex_unlock(&s->lock);
	if (!refs)
		free_session(s);
}

SNAPI_EXPORT void snap_close(struct snap_session *s)
{
	snap_status end = SNAP_S_ASYNC_CANCELLED;
	struct snap_async *async;
	enum snapi_state state;
	bool decided;

	if (!s)
		return;
	state = snapi_session_state(s);
	async = snapi_async_of(s);
	if (async && snapi_async_has_job(async)) {
		snap_async_cancel(async);
	} else if (state == SNAPI_SET_OPEN || state == SNAPI_COMMITTING) {
		end = snapi_set_cancel(s, &decided);
		/* If the kernel did not say, the socket's end cancels. */
		if (!decided || end == SNAP_S_OK)
			end = SNAP_S_ASYNC_CANCELLED;
	}
	if (async) {
		snapi_async_end(async, end);
		snap_async_free(async);
	}
	if (s->has_job)
		pthread_join(s->job, NULL);
	/*
	 * The kernel would do it, too, but later: who closes a session and opens
	 * the next one shall not find the volumes in use.
	 */
	if (snapi_session_state(s) == SNAPI_CREATED &&
	    !(s->attrs & SNAP_ATTR_NO_AUTO_RELEASE))
		snapi_delete_own(s);

	pthread_mutex_lock(&s->cmd_lock);
	snapi_conn_close(s->cmd);
	s->cmd = NULL;
	pthread_mutex_unlock(&s->cmd_lock);
	pthread_mutex_lock(&s->query_lock);
	snapi_conn_close(s->query);
	s->query = NULL;
	pthread_mutex_unlock(&s->query_lock);
	snapi_journal_flush(s);
	snapi_session_put(s);
}

enum snapi_state snapi_session_state(struct snap_session *s)
{
	enum snapi_state state;

	pthread_mutex_lock(&s->lock);
	state = s->state;
	pthread_mutex_unlock(&s->lock);
	return state;
}

void snapi_session_set_state(struct snap_session *s, enum snapi_state state)
{
	pthread_mutex_lock(&s->lock);
	s->state = state;
	pthread_mutex_unlock(&s->lock);
	if (state != SNAPI_COMMITTING)
		snapi_journal_flush(s);
}

bool snapi_session_commit(struct snap_session *s, struct snap_async *a)
{
	bool ok;

	pthread_mutex_lock(&s->lock);
	ok = s->state == SNAPI_SET_OPEN;
	if (ok)
		s->state = SNAPI_COMMITTING;
	s->async = a;
	pthread_mutex_unlock(&s->lock);
	return ok;
}

/* No struct of any version will be so large: who says so has not set the size. */
#define STRUCT_MAX	65536

bool snapi_struct_fits(const void *out)
{
	size_t size;

	memcpy(&size, out, sizeof(size));
	return size >= sizeof(size) && size <= STRUCT_MAX;
}

bool snapi_struct_out(void *out, const void *in, size_t in_size)
{
	size_t size;

	if (!snapi_struct_fits(out))
		return false;
	memcpy(&size, out, sizeof(size));
	if (size > in_size)
		memset((char *)out + in_size, 0, size - in_size);
	memcpy((char *)out + sizeof(size), (const char *)in + sizeof(size),
	       (size < in_size ? size : in_size) - sizeof(size));
	return true;
}

bool snapi_is_zeros(const void *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (((const char *)p)[i])
			return false;
	return true;
}

bool snapi_struct_in(void *in, size_t in_size, const void *arg)
{
	size_t size;

	memcpy(&size, arg, sizeof(size));
	if (size <= sizeof(size) || size > STRUCT_MAX)
		return false;
	if (size > in_size && !snapi_is_zeros((const char *)arg + in_size, size - in_size))
		return false;
	memset(in, 0, in_size);
	memcpy(in, arg, size < in_size ? size : in_size);
	return true;
}

snap_status snapi_session_check_new(struct snap_session *s, const char *call)
{
	if (snapi_session_state(s) == SNAPI_NEW)
		return SNAP_S_OK;
	return snapi_fail(s, SNAP_E_BAD_STATE, NULL,
			  "%s comes before snap_start_snapshot_set()", call);
}

SNAPI_EXPORT snap_status snap_set_context(struct snap_session *s, uint32_t ctx)
{
	uint32_t ours = SNAP_ATTR_NO_WRITERS | SNAP_ATTR_NO_AUTO_RELEASE |
			SNAP_ATTR_DIFFERENTIAL;

	if (!s)
		return SNAP_E_INVALIDARG;
	if (snapi_session_check_new(s, "snap_set_context()"))
		return SNAP_E_BAD_STATE;
	if (s->context_set)
		return snapi_fail(s, SNAP_E_BAD_STATE, NULL,
				  "the context of a session can be set once only");
	if (ctx & ~(ours | SNAP_ATTR_PERSISTENT | SNAP_ATTR_CLIENT_ACCESSIBLE))
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "0x%x is not a context of snapset", ctx);
	if (ctx & (SNAP_ATTR_PERSISTENT | SNAP_ATTR_CLIENT_ACCESSIBLE))
		return snapi_fail(s, SNAP_E_UNSUPPORTED_CONTEXT, NULL,
				  "snapshots that survive a reboot are not supported (context 0x%x)",
				  ctx);
	if (!(ctx & SNAP_ATTR_NO_WRITERS))
		return snapi_fail(s, SNAP_E_UNSUPPORTED_CONTEXT, NULL,
				  "writers are not supported (context 0x%x): use SNAP_CTX_FILE_SHARE_BACKUP",
				  ctx);
	s->attrs = ctx & ~SNAP_ATTR_DIFFERENTIAL;
	s->context_set = true;
	return SNAP_S_OK;
}

SNAPI_EXPORT snap_status snap_set_wait(struct snap_session *s, uint32_t wait_ms)
{
	if (!s)
		return SNAP_E_INVALIDARG;
	if (snapi_session_check_new(s, "snap_set_wait()"))
		return SNAP_E_BAD_STATE;
	s->wait_ms = wait_ms;
	return SNAP_S_OK;
}

static bool in_range(uint32_t v, uint32_t min, uint32_t max)
{
	return !v || (v >= min && v <= max);
}

SNAPI_EXPORT snap_status snap_set_timeouts(struct snap_session *s,
					   uint32_t hold_ms, uint32_t freeze_ms,
					   uint32_t stall_ms)
{
	if (!s)
		return SNAP_E_INVALIDARG;
	if (snapi_session_check_new(s, "snap_set_timeouts()"))
		return SNAP_E_BAD_STATE;
	if (!in_range(hold_ms, 1, 10000))
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "writes can be held for 1 to 10000 ms, not for %u",
				  hold_ms);
	if (!in_range(freeze_ms, 1, 60000))
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "file systems can be frozen for 1 to 60000 ms, not for %u",
				  freeze_ms);
	if (!in_range(stall_ms, 100, 60000))
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "a store may stall for 100 to 60000 ms, not for %u",
				  stall_ms);
	s->hold_ms = hold_ms;
	s->freeze_ms = freeze_ms;
	s->stall_ms = stall_ms;
	return SNAP_S_OK;
}

SNAPI_EXPORT snap_status snap_set_budget(struct snap_session *s, uint64_t bytes)
{
	if (!s)
		return SNAP_E_INVALIDARG;
	if (snapi_session_check_new(s, "snap_set_budget()"))
		return SNAP_E_BAD_STATE;
	if (bytes && (bytes < 1ull << 20 || bytes > 1ull << 30))
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "the budget must be 1 MiB to 1 GiB, not %llu bytes",
				  (unsigned long long)bytes);
	s->budget = bytes;
	return SNAP_S_OK;
}

SNAPI_EXPORT snap_status snap_set_index_limit(struct snap_session *s, uint64_t bytes)
{
	if (!s)
		return SNAP_E_INVALIDARG;
	if (snapi_session_check_new(s, "snap_set_index_limit()"))
		return SNAP_E_BAD_STATE;
	if (bytes && bytes < 1ull << 20)
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "the limit of the index must be 1 MiB at least, not %llu bytes",
				  (unsigned long long)bytes);
	s->index_limit = bytes;
	return SNAP_S_OK;
}

SNAPI_EXPORT snap_status snap_set_full_policy(struct snap_session *s,
					      enum snap_full policy,
					      uint32_t wait_ms)
{
	if (!s)
		return SNAP_E_INVALIDARG;
	if (snapi_session_check_new(s, "snap_set_full_policy()"))
		return SNAP_E_BAD_STATE;
	switch (policy) {
	case SNAP_FULL_SET:
		if (wait_ms)
			return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
					  "nobody waits for room if the set is given up at once: leave out the %u ms",
					  wait_ms);
		break;
	case SNAP_FULL_OLDEST:
	case SNAP_FULL_WAIT:
		if (!in_range(wait_ms, 1, 60000))
			return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
					  "writers can wait for room for 1 to 60000 ms, not for %u",
					  wait_ms);
		break;
	default:
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "nothing is known of %d to do when a store is full",
				  (int)policy);
	}
	s->full = policy;
	s->full_wait_ms = wait_ms;
	return SNAP_S_OK;
}

SNAPI_EXPORT snap_status snap_set_allow_held(struct snap_session *s, bool allow)
{
	enum snapi_state state;

	if (!s)
		return SNAP_E_INVALIDARG;
	state = snapi_session_state(s);
	if (state != SNAPI_NEW && state != SNAPI_SET_OPEN)
		return snapi_fail(s, SNAP_E_BAD_STATE, NULL,
				  "snap_set_allow_held() comes before snap_do_snapshot_set()");
	s->allow_held = allow;
	return SNAP_S_OK;
}

SNAPI_EXPORT snap_status snap_set_require_frozen(struct snap_session *s, bool require)
{
	enum snapi_state state;

	if (!s)
		return SNAP_E_INVALIDARG;
	state = snapi_session_state(s);
	if (state != SNAPI_NEW && state != SNAPI_SET_OPEN)
		return snapi_fail(s, SNAP_E_BAD_STATE, NULL,
				  "snap_set_require_frozen() comes before snap_do_snapshot_set()");
	s->require_frozen = require;
	return SNAP_S_OK;
}

SNAPI_EXPORT snap_status snap_set_quota(struct snap_session *s, uint64_t bytes)
{
	enum snapi_state state;

	if (!s)
		return SNAP_E_INVALIDARG;
	state = snapi_session_state(s);
	if (state != SNAPI_NEW && state != SNAPI_SET_OPEN)
		return snapi_fail(s, SNAP_E_BAD_STATE, NULL,
				  "snap_set_quota() comes before snap_do_snapshot_set()");
	if (bytes && bytes < 4096)
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "a volume's part of the store has 4096 bytes at least, not %llu",
				  (unsigned long long)bytes);
	s->quota = bytes;
	return SNAP_S_OK;
}
