// SPDX-License-Identifier: LGPL-2.1-or-later
/* Properties, lists, deletion. The kernel knows all of it; we only ask. */
#include <errno.h>
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

static int on_set(const struct snapi_attrs *a, void *arg)
{
	struct snap_set_props *p = grow(arg);

	if (p)
		snapi_props_set(a, p);
	return !p;
}

static int on_snapshot(const struct snapi_attrs *a, void *arg)
{
	struct snap_snapshot_props *p = grow(arg);

	if (p)
		snapi_props_snapshot(a, p);
	return !p;
}

/* One object (@id), all of them (@dump), or the snapshots of a set (both). */
struct question {
	int		cmd;
	bool		dump;
	bool		count;		/* what is exclusive */
	int		attr;		/* what @id is the id of */
	const snap_id	*id;		/* NULL: none */
};

/* Takes query_lock. */
static snap_status ask(struct snap_session *s, const struct question *q, struct list *l,
		       struct snapi_error *e)
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
		m = snapi_msg_new(s->query, q->cmd, q->dump, 64);
		if (q->id)
			snapi_put_id(s->query, m, q->attr, q->id);
		if (q->count)
			snapi_put_flag(s->query, m, SNAPSET_A_COUNT_EXCLUSIVE);
		snapi_call(s->query, m, q->cmd == SNAPSET_CMD_SET_GET ? on_set : on_snapshot,
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
	const struct question q = {
		.cmd = SNAPSET_CMD_SET_GET, .attr = SNAPSET_A_SET_ID, .id = id,
	};
	struct list l = { .each = sizeof(*p) };

	if (!ask(s, &q, &l, e)) {
		if (l.nr)
			memcpy(p, l.v, sizeof(*p));
		else
			snapi_error_set(e, SNAP_E_UNEXPECTED_PROVIDER_ERROR, 0, NULL, NULL);
	}
	free(l.v);
	return e->code;
}

static const struct question all_sets = { .cmd = SNAPSET_CMD_SET_GET, .dump = true };

bool snapi_query_making(struct snap_session *s, struct snapi_error *e)
{
	struct list l = { .each = sizeof(struct snap_set_props) };
	bool making = false;

	ask(s, &all_sets, &l, e);
	for (unsigned int i = 0; !e->code && i < l.nr; i++) {
		const struct snap_set_props *set = item(&l, i);

		making |= set->state < SNAP_SET_CREATED;
	}
	free(l.v);
	return making;
}

bool snapi_query_store(struct snap_session *s, uint64_t store_id,
		       struct snap_set_props *p, struct snapi_error *e)
{
	struct list l = { .each = sizeof(*p) };
	bool found = false;

	ask(s, &all_sets, &l, e);
	for (unsigned int i = 0; !e->code && !found && i < l.nr; i++) {
		const struct snap_set_props *set = item(&l, i);

		found = set->store_id == store_id;
		if (found)
			memcpy(p, set, sizeof(*p));
	}
	free(l.v);
	return found;
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

/* One that is created. @p is 0. */
static snap_status get_snapshot(struct snap_session *s, const snap_id *id, bool count,
				struct snap_snapshot_props *p, struct snapi_error *e)
{
	const struct question q = {
		.cmd = SNAPSET_CMD_SNAP_GET, .count = count,
		.attr = SNAPSET_A_SNAP_ID, .id = id,
	};
	struct list l = { .each = sizeof(*p) };
	struct snap_set_props set = { 0 };

	if (!ask(s, &q, &l, e)) {
		if (l.nr)
			memcpy(p, l.v, sizeof(*p));
		snapi_query_set(s, &p->set_id, &set, e);
	}
	free(l.v);
	if (!e->code && set.state != SNAP_SET_CREATED)
		snapi_error_set(e, SNAP_E_OBJECT_NOT_FOUND, 0, p->volume,
				"the snapshot of %s is not created", p->volume);
	join(p, &set);
	return e->code;
}

snap_status snapi_query_snapshot(struct snap_session *s, const snap_id *id,
				 struct snap_snapshot_props *p, struct snapi_error *e)
{
	return get_snapshot(s, id, false, p, e);
}

SNAPI_EXPORT snap_status
snap_get_snapshot_properties(struct snap_session *s, const snap_id *id,
			     struct snap_snapshot_props *props)
{
	struct snap_snapshot_props p = { 0 };
	struct snapi_error e = { 0 };

	if (!s)
		return SNAP_E_INVALIDARG;
	if (!id || !props)
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL, NULL);
	if (get_snapshot(s, id, false, &p, &e))
		return snapi_fail_with(s, &e);
	if (!snapi_struct_out(props, &p, sizeof(p)))
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "the size of struct snap_snapshot_props is not set");
	return SNAP_S_OK;
}

SNAPI_EXPORT snap_status snap_get_snapshot_exclusive(struct snap_session *s,
						     const snap_id *id,
						     uint64_t *bytes)
{
	struct snap_snapshot_props p = { 0 };
	struct snapi_error e = { 0 };

	if (!s)
		return SNAP_E_INVALIDARG;
	if (!id || !bytes)
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL, NULL);
	if (!get_snapshot(s, id, true, &p, &e) && !p.exclusive_known)
		snapi_error_set(&e, SNAP_E_UNEXPECTED_PROVIDER_ERROR, 0, p.volume,
				"the kernel module did not count what only the snapshot of %s needs",
				p.volume);
	if (e.code)
		return snapi_fail_with(s, &e);
	*bytes = p.exclusive;
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

/* @devs: of the volume; none: it is no volume any more, and is known by the name it had. */
static bool wanted(const struct snap_filter *f, const struct snapi_blks *devs, const char *name,
		   const struct snap_snapshot_props *p,
		   const struct snap_set_props *set)
{
	if (!set || (!f->unfinished && set->state != SNAP_SET_CREATED))
		return false;
	if (f->volume && !devs->nr)
		return !strcmp(p->volume, name);
	return !f->volume || snapi_blks_has(devs, makedev(p->origin_major, p->origin_minor));
}

/* Puts what the filter wants of both lists into @it. */
static snap_status pick(struct snap_iter *it, const struct snap_filter *f,
			const struct snapi_blks *devs, const char *name,
			const struct list *sets, const struct list *snaps)
{
	for (unsigned int i = 0; i < snaps->nr; i++) {
		const struct snap_snapshot_props *p = item(snaps, i);
		const struct snap_set_props *set = find_set(sets, &p->set_id);
		void *to;

		if (!wanted(f, devs, name, p, set))
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

/* The kernel counts for one at a time. One that has gone meanwhile stays as it was. */
static void count_exclusive(struct snap_session *s, struct snap_snapshot_props *p,
			    struct snapi_error *e)
{
	const struct question q = {
		.cmd = SNAPSET_CMD_SNAP_GET, .count = true,
		.attr = SNAPSET_A_SNAP_ID, .id = &p->id,
	};
	struct list l = { .each = sizeof(*p) };

	if (!ask(s, &q, &l, e) && l.nr) {
		const struct snap_snapshot_props *now = item(&l, 0);

		p->allocated = now->allocated;
		p->exclusive = now->exclusive;
		p->exclusive_known = now->exclusive_known;
	} else if (e->code == SNAP_E_OBJECT_NOT_FOUND) {
		memset(e, 0, sizeof(*e));
	}
	free(l.v);
}

snap_status snapi_query(struct snap_session *s, const struct snap_filter *f,
			struct snap_iter **out, struct snapi_error *e)
{
	const snap_id *id = snap_id_is_null(&f->set_id) ? NULL : &f->set_id;
	const struct question snapshots = {
		.cmd = SNAPSET_CMD_SNAP_GET, .dump = true, .attr = SNAPSET_A_SET_ID, .id = id,
	};
	const struct question its_set = {
		.cmd = SNAPSET_CMD_SET_GET, .attr = SNAPSET_A_SET_ID, .id = id,
	};
	struct list sets = { .each = sizeof(struct snap_set_props) };
	struct list snaps = { .each = sizeof(struct snap_snapshot_props) };
	struct snapi_blks devs = { 0 };
	struct snapi_volume vol = { 0 };
	struct snapi_error none = { 0 };
	struct snap_iter *it;

	if (f->volume && snapi_resolve_all(f->volume, &vol, &devs, &none)) {
		snapi_blks_free(&devs);
		memset(&devs, 0, sizeof(devs));
	}
	it = snapi_iter_new(f->object, f->object == SNAP_OBJECT_SNAPSHOT ? snaps.each : sets.each);
	if (!it) {
		snapi_blks_free(&devs);
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
		return e->code;
	}

	/* Snapshots first: the set of each is there then. */
	if (!ask(s, &snapshots, &snaps, e))
		ask(s, id ? &its_set : &all_sets, &sets, e);
	if (e->code == SNAP_E_OBJECT_NOT_FOUND)	/* an empty answer, not an error */
		memset(e, 0, sizeof(*e));
	if (!e->code && pick(it, f, &devs, vol.name, &sets, &snaps))
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	if (!e->code && none.code && !it->list.nr)	/* nor has it ever been one */
		*e = none;
	snapi_blks_free(&devs);
	for (unsigned int i = 0; f->count_exclusive && f->object == SNAP_OBJECT_SNAPSHOT &&
	     !e->code && i < it->list.nr; i++)
		count_exclusive(s, item(&it->list, i), e);
	free(sets.v);
	free(snaps.v);
	if (e->code)
		snap_iter_free(it);
	else
		*out = it;
	return e->code;
}

SNAPI_EXPORT snap_status snap_query(struct snap_session *s,
				    const struct snap_filter *filter,
				    struct snap_iter **out)
{
	struct snapi_error e = { 0 };
	struct snap_filter f;

	if (!s)
		return SNAP_E_INVALIDARG;
	if (!filter || !out || !snapi_struct_in(&f, sizeof(f), filter) ||
	    !snapi_is_zeros(f.reserved, sizeof(f.reserved)) ||
	    (f.object != SNAP_OBJECT_SNAPSHOT && f.object != SNAP_OBJECT_SNAPSHOT_SET))
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "snap_query() needs a filter that says what to list, and no more than this library knows");
	if (snapi_query(s, &f, out, &e))
		return snapi_fail_with(s, &e);
	return (*out)->list.nr ? SNAP_S_OK : SNAP_S_FALSE;
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

SNAPI_EXPORT snap_status snap_iter_next_storage(struct snap_iter *it,
						struct snap_storage_props *props)
{
	return next(it, SNAP_OBJECT_STORAGE, props);
}

struct snap_iter *snapi_iter_new(enum snap_object object, size_t each)
{
	struct snap_iter *it = calloc(1, sizeof(*it));

	if (!it)
		return NULL;
	it->object = object;
	it->list.each = each;
	return it;
}

void snapi_iter_rewind(struct snap_iter *it)
{
	it->next = 0;
}

void *snapi_iter_add(struct snap_iter *it)
{
	return grow(&it->list);
}

SNAPI_EXPORT void snap_iter_free(struct snap_iter *it)
{
	if (!it)
		return;
	free(it->list.v);
	free(it);
}
