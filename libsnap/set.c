// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Making the set: start, add, do, abort. The kernel holds the set and decides;
 * the library finds the devices and the file systems, and says no where it
 * knows better than the kernel could say why.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "internal.h"

#define UNDO_MS	15000	/* a cancelled set that takes longer is left to the kernel */

static const char *state_text(enum snapi_state state)
{
	switch (state) {
	case SNAPI_NEW:		return "no snapshot set is started: call snap_start_snapshot_set()";
	case SNAPI_SET_OPEN:	return "the snapshot set is started already";
	case SNAPI_COMMITTING:	return "the snapshot set is being made";
	case SNAPI_CREATED:	return "the session has made its snapshot set: open another one";
	case SNAPI_FAILED:	return "the snapshot set of this session failed: open another one";
	case SNAPI_ABORTED:	return "the snapshot set of this session was aborted: open another one";
	}
	return "the session is in an unknown state";
}

static snap_status check_state(struct snap_session *s, enum snapi_state want)
{
	enum snapi_state state = snapi_session_state(s);

	if (state == want)
		return SNAP_S_OK;
	return snapi_fail(s, SNAP_E_BAD_STATE, NULL, "%s", state_text(state));
}

/* cmd_lock is held. A command that begins with SESSION, and SET_ID if there is one. */
static struct nl_msg *command(struct snap_session *s, int cmd, size_t bytes)
{
	struct nl_msg *m = snapi_msg_new(s->cmd, cmd, false, bytes + 64);

	snapi_put_u64(s->cmd, m, SNAPSET_A_SESSION, s->cookie);
	if (cmd != SNAPSET_CMD_SET_START)
		snapi_put_id(s->cmd, m, SNAPSET_A_SET_ID, &s->set_id);
	return m;
}

struct wanted_id {
	int	attr;
	snap_id	id;
};

static int on_id(const struct snapi_attrs *attrs, void *arg)
{
	struct wanted_id *w = arg;

	snapi_id(attrs, w->attr, &w->id);
	return 0;
}

/* Sends @m for an id. cmd_lock is held. */
static snap_status call_for_id(struct snap_session *s, struct nl_msg *m, int attr,
			       snap_id *id, struct snapi_error *e)
{
	struct wanted_id w = { .attr = attr };

	if (snapi_call(s->cmd, m, on_id, &w, e))
		return e->code;
	if (snap_id_is_null(&w.id)) {
		snapi_error_set(e, SNAP_E_UNEXPECTED_PROVIDER_ERROR, 0, NULL,
				"the kernel module gave no id");
		return e->code;
	}
	*id = w.id;
	return SNAP_S_OK;
}

struct begin_call {
	struct snap_session	*s;
	struct snapi_store_file	*file;
	struct snapi_error	*e;
};

static void call_begin(void *arg)
{
	struct begin_call *c = arg;

	snapi_store_begin(c->s, c->file, c->e);
}

snap_status snapi_set_start(struct snap_session *s, snap_id *id, struct snapi_error *e)
{
	struct snapi_store_file file;
	struct begin_call begin = { s, &file, e };
	struct nl_msg *m;

	if (snapi_in_namespace(s, call_begin, &begin, e))
		return e->code;
	pthread_mutex_lock(&s->cmd_lock);
	m = command(s, SNAPSET_CMD_SET_START, 384);
	snapi_put_u32(s->cmd, m, SNAPSET_A_ATTRS, s->attrs);
	if (s->hold_ms)
		snapi_put_u32(s->cmd, m, SNAPSET_A_HOLD_TIMEOUT_MS, s->hold_ms);
	if (s->freeze_ms)
		snapi_put_u32(s->cmd, m, SNAPSET_A_FREEZE_TIMEOUT_MS, s->freeze_ms);
	if (s->stall_ms)
		snapi_put_u32(s->cmd, m, SNAPSET_A_STALL_TIMEOUT_MS, s->stall_ms);
	if (s->budget)
		snapi_put_u64(s->cmd, m, SNAPSET_A_BUDGET, s->budget);
	if (s->index_limit)
		snapi_put_u64(s->cmd, m, SNAPSET_A_INDEX_LIMIT, s->index_limit);
	if (s->full != SNAP_FULL_SET)
		snapi_put_u32(s->cmd, m, SNAPSET_A_FULL, s->full);
	if (s->full_wait_ms)
		snapi_put_u32(s->cmd, m, SNAPSET_A_FULL_WAIT_MS, s->full_wait_ms);
	if (*s->label)
		snapi_put_str(s->cmd, m, SNAPSET_A_LABEL, s->label);
	if (s->expire_s)
		snapi_put_u32(s->cmd, m, SNAPSET_A_EXPIRE_S, s->expire_s);
	snapi_store_put(s, m, &file);
	call_for_id(s, m, SNAPSET_A_SET_ID, id, e);
	if (!e->code) {
		pthread_mutex_lock(&s->lock);
		s->set_id = *id;
		pthread_mutex_unlock(&s->lock);
		snapi_session_set_state(s, SNAPI_SET_OPEN);
	} else if (e->late) {
		/* there may be one yet; it goes with the session */
		snapi_session_set_state(s, SNAPI_FAILED);
	}
	pthread_mutex_unlock(&s->cmd_lock);
	snapi_store_file_close(&file, !e->code);
	if (!e->code && s->store.set && s->store.kind == SNAP_STORE_DEVICE)
		snapi_store_device_taken(s->store.dev);
	return e->code;
}

SNAPI_EXPORT snap_status snap_start_snapshot_set(struct snap_session *s,
						 snap_id *set_id)
{
	struct snapi_error e = { 0 };
	snap_id id;

	if (!s)
		return SNAP_E_INVALIDARG;
	if (!set_id)
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "snap_start_snapshot_set() needs a place for the id");
	if (check_state(s, SNAPI_NEW))
		return SNAP_E_BAD_STATE;
	if (snapi_turn_start(s, -1, &id, &e))
		return snapi_fail_with(s, &e);
	*set_id = id;
	return SNAP_S_OK;
}

static int on_code(const struct snapi_attrs *attrs, void *arg)
{
	if (snapi_has(attrs, SNAPSET_A_CODE))
		*(snap_status *)arg = snapi_code_from_kernel(snapi_u32(attrs, SNAPSET_A_CODE));
	return 0;
}

static snap_status cancel_once(struct snap_session *s, struct snapi_error *e)
{
	snap_status code = SNAP_E_UNEXPECTED_PROVIDER_ERROR;

	pthread_mutex_lock(&s->cmd_lock);
	if (s->cmd)
		snapi_call(s->cmd, command(s, SNAPSET_CMD_SET_CANCEL, 0), on_code,
			   &code, e);
	else
		snapi_error_set(e, SNAP_E_BAD_STATE, 0, NULL, "the session is closed");
	pthread_mutex_unlock(&s->cmd_lock);
	return code;
}

/* It might still get a member that nobody knows of. */
static void give_up(struct snap_session *s)
{
	struct snapi_error e = { 0 };

	cancel_once(s, &e);
	snapi_session_set_state(s, SNAPI_FAILED);
}

/* Whether @vol may be a member beside the first @nr. */
static snap_status check_nesting(struct snap_session *s, const struct snapi_volume *vol,
				 unsigned int nr, struct snapi_error *e)
{
	if (snapi_nested(vol, s->members, nr, s->store.dev, e) ||
	    snapi_nested_sets(s, vol, e))
		return e->code;
	return snapi_nested_file(vol, &s->store.devs, e);
}

static void put_above(struct snap_session *s, struct nl_msg *m,
		      const struct snapi_blks *above)
{
	uint32_t pairs[SNAPSET_MAX_ABOVE][2];

	for (unsigned int i = 0; i < above->nr; i++) {
		pairs[i][0] = major(above->v[i].dev);
		pairs[i][1] = minor(above->v[i].dev);
	}
	if (above->nr)
		snapi_put_raw(s->cmd, m, SNAPSET_A_ABOVE, pairs,
			      above->nr * sizeof(pairs[0]));
}

/* What the kernel was told of @vol is still so. Else it is given up, with the set. */
static snap_status check_above(struct snap_session *s, const struct snapi_volume *vol,
			       const struct snapi_blks *told, struct snapi_error *e)
{
	struct snapi_blks now = { 0 };
	bool same;

	if (snapi_above(vol->dev, &now)) {
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	} else {
		same = now.nr == told->nr;
		for (unsigned int i = 0; same && i < now.nr; i++)
			same = snapi_blks_has(told, now.v[i].dev);
		if (!same)
			snapi_error_set(e, SNAP_E_PROVIDER_VETO, EAGAIN, vol->name,
					"%s: what stands on it was changed while it was added: start again",
					vol->name);
	}
	snapi_blks_free(&now);
	if (e->code)
		give_up(s);
	return e->code;
}

static snap_status add_member(struct snap_session *s, const struct snapi_volume *vol,
			      snap_id *id, struct snapi_error *e)
{
	struct snapi_blks above = { 0 };
	struct snapi_member *member;
	struct nl_msg *m;

	if (snapi_above(vol->dev, &above)) {
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
		return e->code;
	}
	pthread_mutex_lock(&s->cmd_lock);
	member = &s->members[s->nr_members];
	m = command(s, SNAPSET_CMD_SET_ADD, 512 + above.nr * 2 * sizeof(uint32_t));
	snapi_put_u32(s->cmd, m, SNAPSET_A_DEV_MAJOR, major(vol->dev));
	snapi_put_u32(s->cmd, m, SNAPSET_A_DEV_MINOR, minor(vol->dev));
	snapi_put_str(s->cmd, m, SNAPSET_A_NAME, vol->name);
	if (s->quota)
		snapi_put_u64(s->cmd, m, SNAPSET_A_QUOTA, s->quota);
	if (snapi_dm_is_thin(vol->dev))
		snapi_put_flag(s->cmd, m, SNAPSET_A_NOFLUSH);
	put_above(s, m, &above);
	call_for_id(s, m, SNAPSET_A_SNAP_ID, &member->id, e);
	if (!e->code) {
		member->dev = vol->dev;
		memcpy(member->name, vol->name, sizeof(member->name));
		*id = member->id;
		s->nr_members++;
	}
	pthread_mutex_unlock(&s->cmd_lock);
	/* from here on the kernel sees what comes; what came meanwhile it has not seen */
	if (!e->code && above.nr)
		check_above(s, vol, &above, e);
	snapi_blks_free(&above);
	if (e->code)
		memcpy(e->member, vol->name, sizeof(e->member));
	return e->code;
}

/* All devices of the volume, or none: with some of them the set cannot go on. */
static snap_status add_devices(struct snap_session *s, struct snapi_volume *vol,
			       const struct snapi_blks *devs, snap_id *id,
			       struct snapi_error *e)
{
	snap_id other;

	if (s->nr_members + devs->nr > SNAPSET_MAX_MEMBERS) {
		snapi_error_set(e, SNAP_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED, 0, vol->name,
				"a set can have %d volumes, %s would be one more",
				SNAPSET_MAX_MEMBERS, vol->name);
		return e->code;
	}
	for (unsigned int i = 0; i < devs->nr; i++) {
		vol->dev = devs->v[i].dev;
		if (check_nesting(s, vol, s->nr_members, e) ||
		    (!s->allow_held && snapi_held(s, vol, &s->elsewhere, e)))
			return e->code;
	}
	for (unsigned int i = 0; i < devs->nr; i++) {
		vol->dev = devs->v[i].dev;
		if (!add_member(s, vol, i ? &other : id, e))
			continue;
		if (e->late || i)
			give_up(s);
		return e->code;
	}
	return SNAP_S_OK;
}

struct add_call {
	struct snap_session	*s;
	const char		*volume;
	snap_id			*id;
	struct snapi_error	*e;
};

static void call_add(void *arg)
{
	struct add_call *c = arg;
	struct snapi_blks devs = { 0 };
	struct snapi_volume vol;

	if (!snapi_resolve_all(c->volume, &vol, &devs, c->e))
		add_devices(c->s, &vol, &devs, c->id, c->e);
	snapi_blks_free(&devs);
}

SNAPI_EXPORT snap_status snap_add_to_snapshot_set(struct snap_session *s,
						  const char *volume,
						  snap_id *snapshot_id)
{
	struct snapi_error e = { 0 };
	snap_id id;
	struct add_call call = { s, volume, &id, &e };

	if (!s)
		return SNAP_E_INVALIDARG;
	if (check_state(s, SNAPI_SET_OPEN))
		return SNAP_E_BAD_STATE;
	if (snapi_in_namespace(s, call_add, &call, &e))
		return snapi_fail_with(s, &e);
	if (snapshot_id)
		*snapshot_id = id;
	return SNAP_S_OK;
}

/* Mounts and stacks may have changed since the add. */
static snap_status check_again(struct snap_session *s, struct snapi_error *e)
{
	snapi_blks_free(&s->elsewhere.found);
	memset(&s->elsewhere, 0, sizeof(s->elsewhere));
	for (unsigned int i = 0; i < s->nr_members; i++) {
		struct snapi_volume vol = { .dev = s->members[i].dev };

		memcpy(vol.name, s->members[i].name, sizeof(vol.name));
		if (check_nesting(s, &vol, i, e))
			return e->code;
		s->members[i].held = snapi_held(s, &vol, &s->elsewhere, e);
		if (e->code && (!s->allow_held || e->code != SNAP_E_VOLUME_NOT_SUPPORTED))
			return e->code;
		memset(e, 0, sizeof(*e));
	}
	return SNAP_S_OK;
}

static void check_frozen(const struct snapi_member *m, const struct snapi_frozen *f,
			 struct snapi_error *e)
{
	if (m->held)
		snapi_error_set(e, SNAP_E_VOLUME_NOT_SUPPORTED, EBUSY, m->name,
				"%s: something that cannot be frozen has it, and all is to be frozen (--require-frozen)",
				m->name);
	else if (!f->nr)
		snapi_error_set(e, SNAP_E_VOLUME_NOT_SUPPORTED, 0, m->name,
				"%s: no file system is mounted from it that could be frozen, and all is to be frozen (--require-frozen)",
				m->name);
}

static snap_status open_freezes(struct snap_session *s, struct snapi_freezes *f,
				struct snapi_error *e)
{
	struct snapi_blks members = { 0 };
	int err = 0;

	for (unsigned int i = 0; !err && i < s->nr_members; i++)
		err = snapi_blks_add(&members, s->members[i].dev, SNAPI_SELF, 0);
	if (err)
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	else
		snapi_freezes_open(f, &members, &s->elsewhere, e);
	for (unsigned int i = 0; s->require_frozen && !e->code && i < s->nr_members; i++)
		check_frozen(&s->members[i], &f->of[i], e);
	if (e->code)
		snapi_freezes_close(f);
	snapi_blks_free(&members);
	return e->code;
}

struct freezes_call {
	struct snap_session	*s;
	struct snapi_freezes	*freezes;
	struct snapi_error	*e;
};

static void call_freezes(void *arg)
{
	struct freezes_call *c = arg;

	if (!check_again(c->s, c->e))
		open_freezes(c->s, c->freezes, c->e);
}

static uint32_t consistency(const struct snapi_member *m, const struct snapi_frozen *f)
{
	if (m->held)
		return SNAPSET_CONSISTENCY_CRASH;
	return f->nr ? SNAPSET_CONSISTENCY_FS : SNAPSET_CONSISTENCY_RAW;
}

static snap_status send_do(struct snap_session *s, const struct snapi_freezes *f,
			   struct snapi_error *e)
{
	struct nlattr *nest;
	struct nl_msg *m;

	pthread_mutex_lock(&s->cmd_lock);
	m = command(s, SNAPSET_CMD_SET_DO, f->nr * (32 + sizeof(f->v->name)) +
		    s->nr_members * (64 + sizeof(*f->of)));
	for (unsigned int i = 0; i < f->nr; i++) {
		nest = snapi_nest(s->cmd, m, SNAPSET_A_FREEZE);
		snapi_put_u32(s->cmd, m, SNAPSET_A_FD, f->v[i].fd);
		snapi_put_str(s->cmd, m, SNAPSET_A_NAME, f->v[i].name);
		snapi_nest_end(m, nest);
	}
	for (unsigned int i = 0; i < s->nr_members; i++) {
		nest = snapi_nest(s->cmd, m, SNAPSET_A_MEMBER);
		snapi_put_id(s->cmd, m, SNAPSET_A_SNAP_ID, &s->members[i].id);
		snapi_put_u32(s->cmd, m, SNAPSET_A_CONSISTENCY,
			      consistency(&s->members[i], &f->of[i]));
		if (f->of[i].names[0])
			snapi_put_str(s->cmd, m, SNAPSET_A_FROZEN, f->of[i].names);
		snapi_nest_end(m, nest);
	}
	snapi_call(s->cmd, m, NULL, NULL, e);
	pthread_mutex_unlock(&s->cmd_lock);
	return e->code;
}

snap_status snapi_set_do(struct snap_session *s, struct snapi_error *e)
{
	struct snapi_freezes freezes = { 0 };
	struct freezes_call call = { s, &freezes, e };

	if (!snapi_in_namespace(s, call_freezes, &call, e))
		send_do(s, &freezes, e);
	/* The kernel has its own references by now. */
	snapi_freezes_close(&freezes);
	return e->code;
}

/* What would be refused later is refused before transactions are frozen for it. */
static snap_status look_ahead(struct snap_session *s, struct snapi_error *e)
{
	struct snapi_freezes freezes = { 0 };
	struct freezes_call call = { s, &freezes, e };

	snapi_in_namespace(s, call_freezes, &call, e);
	snapi_freezes_close(&freezes);
	return e->code;
}

SNAPI_EXPORT snap_status snap_do_snapshot_set(struct snap_session *s,
					      struct snap_async **async)
{
	struct snapi_error e = { 0 };
	struct snap_async *a;

	if (!s)
		return SNAP_E_INVALIDARG;
	if (!async)
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "snap_do_snapshot_set() needs a place for the job");
	if (check_state(s, SNAPI_SET_OPEN))
		return SNAP_E_BAD_STATE;
	if (!s->nr_members)
		return snapi_fail(s, SNAP_E_BAD_STATE, NULL,
				  "the snapshot set is empty: add a volume");
	/* It listens before the kernel begins, so no event is missed. */
	if (s->transactions && look_ahead(s, &e))
		return snapi_fail_with(s, &e);
	if (snapi_async_new(s, s->transactions != NULL, &a, &e))
		return snapi_fail_with(s, &e);
	if (s->transactions ? snapi_job_start(s, a, &e) : snapi_set_do(s, &e)) {
		snap_async_free(a);
		return snapi_fail_with(s, &e);
	}
	if (!s->transactions)
		snapi_session_commit(s, a);
	*async = a;
	return SNAP_S_OK;
}

snap_status snapi_set_ask_cancel(struct snap_session *s, bool *decided)
{
	struct snapi_error e = { 0 }, later = { 0 };
	snap_status code, now;
	uint64_t until = snapi_now_ms() + UNDO_MS;
	int ms = 0;

	*decided = false;
	code = cancel_once(s, &e);
	if (e.code)
		return snapi_fail_with(s, &e);
	/* the kernel has decided; what is under way has its own deadlines */
	now = code;
	while ((now == SNAP_S_OK || now == SNAP_S_ASYNC_PENDING) && snapi_now_ms() < until) {
		if (ms)
			poll(NULL, 0, ms);
		ms = ms < 50 ? 2 * ms + 1 : ms;
		now = cancel_once(s, &later);
		if (later.code)
			break;		/* it is forgotten */
	}
	*decided = now != SNAP_S_ASYNC_PENDING;
	return code == SNAP_S_OK ? code : now;
}

snap_status snapi_set_cancel(struct snap_session *s, bool *decided)
{
	snap_status code = snapi_set_ask_cancel(s, decided);

	if (!*decided && code != SNAP_S_OK)
		return code;
	if (code == SNAP_S_ASYNC_FINISHED)
		snapi_session_set_state(s, SNAPI_CREATED);
	else if (SNAP_FAILED(code))
		snapi_session_set_state(s, SNAPI_FAILED);
	else
		snapi_session_set_state(s, SNAPI_ABORTED);
	return code;
}

SNAPI_EXPORT snap_status snap_abort(struct snap_session *s)
{
	enum snapi_state state;
	struct snap_async *a;
	snap_status st;
	bool decided;

	if (!s)
		return SNAP_E_INVALIDARG;
	state = snapi_session_state(s);
	if (state == SNAPI_NEW)
		snapi_turn_abort(s);
	if (state != SNAPI_SET_OPEN && state != SNAPI_COMMITTING)
		return SNAP_S_OK;
	a = snapi_async_of(s);
	st = a ? snap_async_cancel(a) : snapi_set_cancel(s, &decided);
	snap_async_free(a);
	if (st == SNAP_S_ASYNC_FINISHED)
		return st;
	state = snapi_session_state(s);
	if (SNAP_FAILED(st) && (state == SNAPI_SET_OPEN || state == SNAPI_COMMITTING))
		return st;	/* the kernel did not answer */
	return SNAP_S_OK;
}
