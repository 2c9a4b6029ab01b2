// SPDX-License-Identifier: LGPL-2.1-or-later
/* Properties, lists, deletion. The kernel knows all of it; we only ask. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define DUMP_TRIES	8	/* if objects come and go while they are listed */

/* A growing array of snap_set_props or snap_snapshot_props. */
struct list {
	size_t	each;
	char	*v;
	unsigned int nr;
	bool	nomem;
};

struct snap_iter {
	enum snap_object	object;
	struct list		list;
	unsigned int		next;
};

static void *grow(struct list *l)
{
	char *v = realloc(l->v, (l->nr + 1) * l->each);

	if (!v) {
		l->nomem = true;
		return NULL;
	}
	l->v = v;
	v += l->nr++ * l->each;
	memset(v, 0, l->each);
	return v;
}

static void *item(const struct list *l, unsigned int i)
{
	return l->v + i * l->each;
}

static enum snap_store_kind store_kind(uint32_t kind)
{
	switch (kind) {
	case SNAPSET_STORE_BDEV:	return SNAP_STORE_DEVICE;
	case SNAPSET_STORE_FILE:	return SNAP_STORE_FILE;
	default:			return SNAP_STORE_MEMORY;
	}
}

static void parse_set(const struct snapi_attrs *a, struct snap_set_props *p)
{
	struct snapi_attrs store;

	snapi_id(a, SNAPSET_A_SET_ID, &p->id);
	p->attrs = snapi_u32(a, SNAPSET_A_ATTRS);
	p->members = snapi_u32(a, SNAPSET_A_MEMBERS);
	p->state = snapi_u32(a, SNAPSET_A_STATE);
	p->phase = snapi_u32(a, SNAPSET_A_PHASE);
	p->code = snapi_code_from_kernel(snapi_u32(a, SNAPSET_A_CODE));
	p->created_ns = snapi_u64(a, SNAPSET_A_CREATED);
	p->elapsed_ns = snapi_u64(a, SNAPSET_A_ELAPSED_NS);
	p->deadline_ns = snapi_u64(a, SNAPSET_A_DEADLINE_NS);
	p->prepare_ns = snapi_u64(a, SNAPSET_A_T_PREPARE);
	p->freeze_ns = snapi_u64(a, SNAPSET_A_T_FREEZE);
	p->hold_ns = snapi_u64(a, SNAPSET_A_T_HOLD);
	p->drain_ns = snapi_u64(a, SNAPSET_A_T_DRAIN);
	p->frozen_ns = snapi_u64(a, SNAPSET_A_T_FROZEN);
	p->total_ns = snapi_u64(a, SNAPSET_A_T_TOTAL);
	p->parked = snapi_u64(a, SNAPSET_A_PARKED);
	p->budget = snapi_u64(a, SNAPSET_A_BUDGET);
	if (snapi_nested_attrs(a, SNAPSET_A_STORE, &store)) {
		p->store_kind = store_kind(snapi_u32(&store, SNAPSET_A_STORE_KIND));
		p->store_major = snapi_u32(&store, SNAPSET_A_STORE_MAJOR);
		p->store_minor = snapi_u32(&store, SNAPSET_A_STORE_MINOR);
		p->store_size = snapi_u64(&store, SNAPSET_A_STORE_SIZE);
		p->store_used = snapi_u64(&store, SNAPSET_A_STORE_USED);
		p->store_files = snapi_u32(&store, SNAPSET_A_STORE_FILES);
		snapi_str(&store, SNAPSET_A_STORE_PATH, p->store_path, sizeof(p->store_path));
	}
	snapi_str(a, SNAPSET_A_TEXT, p->text, sizeof(p->text));
	snapi_str(a, SNAPSET_A_NAME, p->waits_for, sizeof(p->waits_for));
}

static void parse_snapshot(const struct snapi_attrs *a,
			   struct snap_snapshot_props *p)
{
	char name[64];

	snapi_id(a, SNAPSET_A_SNAP_ID, &p->id);
	snapi_id(a, SNAPSET_A_SET_ID, &p->set_id);
	p->state = snapi_u32(a, SNAPSET_A_STATE);
	snapi_str(a, SNAPSET_A_NAME, p->volume, sizeof(p->volume));
	p->origin_major = snapi_u32(a, SNAPSET_A_DEV_MAJOR);
	p->origin_minor = snapi_u32(a, SNAPSET_A_DEV_MINOR);
	if (snapi_blk_name(makedev(p->origin_major, p->origin_minor), name))
		snprintf(p->origin, sizeof(p->origin), "/dev/%s", name);
	snapi_str(a, SNAPSET_A_IMAGE_NAME, name, sizeof(name));
	if (name[0])
		snprintf(p->device, sizeof(p->device), "/dev/%s", name);
	p->device_major = snapi_u32(a, SNAPSET_A_IMAGE_MAJOR);
	p->device_minor = snapi_u32(a, SNAPSET_A_IMAGE_MINOR);
	p->block_size = snapi_u32(a, SNAPSET_A_BLOCK_SIZE);
	p->openers = snapi_u32(a, SNAPSET_A_OPENERS);
	p->bytes = snapi_u64(a, SNAPSET_A_SIZE);
	p->created_ns = snapi_u64(a, SNAPSET_A_CREATED);
	p->drain_ns = snapi_u64(a, SNAPSET_A_T_DRAIN);
	p->copied = snapi_u64(a, SNAPSET_A_COPIED);
	p->stored = snapi_u64(a, SNAPSET_A_STORED);
	p->in_ram = snapi_u64(a, SNAPSET_A_IN_RAM);
	p->code = snapi_code_from_kernel(snapi_u32(a, SNAPSET_A_CODE));
	snapi_str(a, SNAPSET_A_TEXT, p->text, sizeof(p->text));
}

static int on_set(const struct snapi_attrs *a, void *arg)
{
	struct snap_set_props *p = grow(arg);

	if (p)
		parse_set(a, p);
	return !p;
}

static int on_snapshot(const struct snapi_attrs *a, void *arg)
{
	struct snap_snapshot_props *p = grow(arg);

	if (p)
		parse_snapshot(a, p);
	return !p;
}

/*
 * Asks for one object (@attr, @id), for all (no @id), or for all snapshots of
 * a set (@dump and @id). Takes query_lock.
 */
static snap_status ask(struct snap_session *s, int cmd, bool dump, int attr,
		       const snap_id *id, struct list *l, struct snapi_error *e)
{
	struct nl_msg *m;

	pthread_mutex_lock(&s->query_lock);
	for (int i = 0; i < DUMP_TRIES; i++) {
		l->nr = 0;
		memset(e, 0, sizeof(*e));
		if (!s->query) {
			snapi_error_set(e, SNAP_E_BAD_STATE, 0, NULL,
					"the session is closed");
			break;
		}
		m = snapi_msg_new(s->query, cmd, dump, 64);
		if (id)
			snapi_put_id(s->query, m, attr, id);
		snapi_call(s->query, m, cmd == SNAPSET_CMD_SET_GET ? on_set : on_snapshot,
			   l, e);
		if (e->code != SNAP_E_UNEXPECTED || e->sys_errno != EAGAIN)
			break;
	}
	pthread_mutex_unlock(&s->query_lock);
	if (l->nomem)
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	return e->code;
}

snap_status snapi_query_set(struct snap_session *s, const snap_id *id,
			    struct snap_set_props *p, struct snapi_error *e)
{
	struct list l = { .each = sizeof(*p) };

	if (!ask(s, SNAPSET_CMD_SET_GET, false, SNAPSET_A_SET_ID, id, &l, e)) {
		if (l.nr)
			memcpy(p, l.v, sizeof(*p));
		else
			snapi_error_set(e, SNAP_E_UNEXPECTED_PROVIDER_ERROR, 0, NULL, NULL);
	}
	free(l.v);
	return e->code;
}

bool snapi_query_making(struct snap_session *s, struct snapi_error *e)
{
	struct list l = { .each = sizeof(struct snap_set_props) };
	bool making = false;

	ask(s, SNAPSET_CMD_SET_GET, true, SNAPSET_A_SET_ID, NULL, &l, e);
	for (unsigned int i = 0; !e->code && i < l.nr; i++) {
		const struct snap_set_props *set = item(&l, i);

		making |= set->state < SNAP_SET_CREATED;
	}
	free(l.v);
	return making;
}

static void join(struct snap_snapshot_props *p, const struct snap_set_props *set)
{
	p->attrs = set->attrs;
	p->set_members = set->members;
	if (!p->created_ns)
		p->created_ns = set->created_ns;
}

SNAPI_EXPORT snap_status snap_get_set_properties(struct snap_session *s,
						 const snap_id *id,
						 struct snap_set_props *props)
{
	struct snap_set_props p = { 0 };
	struct snapi_error e = { 0 };

	if (!s)
		return SNAP_E_INVALIDARG;
	if (!id || !props)
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL, NULL);
	if (snapi_query_set(s, id, &p, &e))
		return snapi_fail_with(s, &e);
	if (!snapi_struct_out(props, &p, sizeof(p)))
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "the size of struct snap_set_props is not set");
	return SNAP_S_OK;
}

SNAPI_EXPORT snap_status
snap_get_snapshot_properties(struct snap_session *s, const snap_id *id,
			     struct snap_snapshot_props *props)
{
	struct list l = { .each = sizeof(*props) };
	struct snap_snapshot_props p = { 0 };
	struct snap_set_props set = { 0 };
	struct snapi_error e = { 0 };

	if (!s)
		return SNAP_E_INVALIDARG;
	if (!id || !props)
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL, NULL);
	if (!ask(s, SNAPSET_CMD_SNAP_GET, false, SNAPSET_A_SNAP_ID, id, &l, &e)) {
		if (l.nr)
			memcpy(&p, l.v, sizeof(p));
		snapi_query_set(s, &p.set_id, &set, &e);
	}
	free(l.v);
	if (e.code)
		return snapi_fail_with(s, &e);
	if (set.state != SNAP_SET_CREATED)
		return snapi_fail(s, SNAP_E_OBJECT_NOT_FOUND, p.volume,
				  "the snapshot of %s is not created", p.volume);
	join(&p, &set);
	if (!snapi_struct_out(props, &p, sizeof(p)))
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "the size of struct snap_snapshot_props is not set");
	return SNAP_S_OK;
}

static const struct snap_set_props *find_set(const struct list *sets,
					     const snap_id *id)
{
	for (unsigned int i = 0; i < sets->nr; i++) {
		const struct snap_set_props *set = item(sets, i);

		if (snap_id_equal(&set->id, id))
			return set;
	}
	return NULL;
}

static bool wanted(const struct snap_filter *f, dev_t dev,
		   const struct snap_snapshot_props *p,
		   const struct snap_set_props *set)
{
	if (!set || (!f->unfinished && set->state != SNAP_SET_CREATED))
		return false;
	return !f->volume || makedev(p->origin_major, p->origin_minor) == dev;
}

/* Puts what the filter wants of both lists into @it. */
static snap_status pick(struct snap_iter *it, const struct snap_filter *f, dev_t dev,
			const struct list *sets, const struct list *snaps)
{
	for (unsigned int i = 0; i < snaps->nr; i++) {
		const struct snap_snapshot_props *p = item(snaps, i);
		const struct snap_set_props *set = find_set(sets, &p->set_id);
		void *to;

		if (!wanted(f, dev, p, set))
			continue;
		if (it->object == SNAP_OBJECT_SNAPSHOT_SET &&
		    find_set(&it->list, &set->id))
			continue;
		to = grow(&it->list);
		if (!to)
			return SNAP_E_OUTOFMEMORY;
		if (it->object == SNAP_OBJECT_SNAPSHOT_SET) {
			memcpy(to, set, sizeof(*set));
		} else {
			memcpy(to, p, sizeof(*p));
			join(to, set);
		}
	}
	/* A set without a member yet, or any more, has no snapshot to be found by. */
	for (unsigned int i = 0; it->object == SNAP_OBJECT_SNAPSHOT_SET &&
	     f->unfinished && !f->volume && i < sets->nr; i++) {
		const struct snap_set_props *set = item(sets, i);
		void *to;

		if (find_set(&it->list, &set->id))
			continue;
		to = grow(&it->list);
		if (!to)
			return SNAP_E_OUTOFMEMORY;
		memcpy(to, set, sizeof(*set));
	}
	return SNAP_S_OK;
}

SNAPI_EXPORT snap_status snap_query(struct snap_session *s,
				    const struct snap_filter *filter,
				    struct snap_iter **out)
{
	struct list sets = { .each = sizeof(struct snap_set_props) };
	struct list snaps = { .each = sizeof(struct snap_snapshot_props) };
	struct snapi_error e = { 0 };
	struct snapi_volume vol = { 0 };
	struct snap_filter f;
	struct snap_iter *it;
	const snap_id *id;

	if (!s)
		return SNAP_E_INVALIDARG;
	if (!filter || !out || !snapi_struct_in(&f, sizeof(f), filter) ||
	    (f.object != SNAP_OBJECT_SNAPSHOT && f.object != SNAP_OBJECT_SNAPSHOT_SET))
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "snap_query() needs a filter that says what to list");
	if (f.volume && snapi_resolve(f.volume, &vol, &e))
		return snapi_fail_with(s, &e);
	it = calloc(1, sizeof(*it));
	if (!it)
		return snapi_fail(s, SNAP_E_OUTOFMEMORY, NULL, NULL);
	it->object = f.object;
	it->list.each = f.object == SNAP_OBJECT_SNAPSHOT ? snaps.each : sets.each;

	id = snap_id_is_null(&f.set_id) ? NULL : &f.set_id;
	/* Snapshots first: the set of each is there then. */
	ask(s, SNAPSET_CMD_SNAP_GET, true, SNAPSET_A_SET_ID, id, &snaps, &e);
	if (!e.code)
		ask(s, SNAPSET_CMD_SET_GET, !id, SNAPSET_A_SET_ID, id, &sets, &e);
	if (e.code == SNAP_E_OBJECT_NOT_FOUND)	/* an empty answer, not an error */
		memset(&e, 0, sizeof(e));
	if (!e.code && pick(it, &f, vol.dev, &sets, &snaps))
		snapi_error_set(&e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	free(sets.v);
	free(snaps.v);
	if (e.code) {
		snap_iter_free(it);
		return snapi_fail_with(s, &e);
	}
	*out = it;
	return it->list.nr ? SNAP_S_OK : SNAP_S_FALSE;
}

static snap_status next(struct snap_iter *it, enum snap_object object, void *props)
{
	if (!it || !props || it->object != object)
		return SNAP_E_INVALIDARG;
	if (it->next == it->list.nr)
		return SNAP_S_FALSE;
	if (!snapi_struct_out(props, item(&it->list, it->next), it->list.each))
		return SNAP_E_INVALIDARG;
	it->next++;
	return SNAP_S_OK;
}

SNAPI_EXPORT snap_status snap_iter_next_set(struct snap_iter *it,
					    struct snap_set_props *props)
{
	return next(it, SNAP_OBJECT_SNAPSHOT_SET, props);
}

SNAPI_EXPORT snap_status snap_iter_next_snapshot(struct snap_iter *it,
						 struct snap_snapshot_props *props)
{
	return next(it, SNAP_OBJECT_SNAPSHOT, props);
}

SNAPI_EXPORT void snap_iter_free(struct snap_iter *it)
{
	if (!it)
		return;
	free(it->list.v);
	free(it);
}
