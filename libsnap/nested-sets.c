// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The nesting rule across sets. What a store is written passes the volumes that it stands
 * on. If one of these is a member of another set, that set copies it into its own store;
 * and if that store stands on a member of this set, what is copied is copied for ever. So
 * no chain of stores may lead from the store of a set back to one of its volumes. The
 * kernel sees only stores and members that share sectors of one disk.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "internal.h"

struct other {
	snap_id		id;
	dev_t		store;		/* 0: it lies on no device of its own */
	bool		reached;
};

struct origin {
	snap_id		set_id;
	dev_t		dev;
};

struct others {
	struct other	*set;
	struct origin	*origin;
	unsigned int	sets, origins;
};

/* False: no memory, or the kernel does not answer. */
static bool read_sets(struct snap_session *s, struct others *o)
{
	struct snap_filter f = {
		.size = sizeof(f), .object = SNAP_OBJECT_SNAPSHOT_SET, .unfinished = true,
	};
	struct snap_set_props p = { .size = sizeof(p) };
	struct other *more;
	struct snap_iter *it;
	bool ok = true;

	if (SNAP_FAILED(snap_query(s, &f, &it)))
		return false;
	while (snap_iter_next_set(it, &p) == SNAP_S_OK) {
		if (snap_id_equal(&p.id, &s->set_id))
			continue;
		more = reallocarray(o->set, o->sets + 1, sizeof(*more));
		ok = more;
		if (!ok)
			break;
		o->set = more;
		more[o->sets++] = (struct other){
			.id = p.id,
			.store = p.store_kind == SNAP_STORE_DEVICE ?
				 makedev(p.store_major, p.store_minor) : 0,
		};
	}
	snap_iter_free(it);
	return ok;
}

bool snapi_is_store(struct snap_session *s, dev_t dev)
{
	struct snap_filter f = {
		.size = sizeof(f), .object = SNAP_OBJECT_SNAPSHOT_SET, .unfinished = true,
	};
	struct snap_set_props p = { .size = sizeof(p) };
	struct snap_iter *it;
	bool found = false;

	if (SNAP_FAILED(snap_query(s, &f, &it)))
		return false;
	while (!found && snap_iter_next_set(it, &p) == SNAP_S_OK)
		found = p.store_kind == SNAP_STORE_DEVICE &&
			makedev(p.store_major, p.store_minor) == dev;
	snap_iter_free(it);
	return found;
}

static bool read_origins(struct snap_session *s, struct others *o)
{
	struct snap_filter f = {
		.size = sizeof(f), .object = SNAP_OBJECT_SNAPSHOT, .unfinished = true,
	};
	struct snap_snapshot_props p = { .size = sizeof(p) };
	struct origin *more;
	struct snap_iter *it;
	bool ok = true;

	if (SNAP_FAILED(snap_query(s, &f, &it)))
		return false;
	while (snap_iter_next_snapshot(it, &p) == SNAP_S_OK) {
		more = reallocarray(o->origin, o->origins + 1, sizeof(*more));
		ok = more;
		if (!ok)
			break;
		o->origin = more;
		more[o->origins++] = (struct origin){
			.set_id = p.set_id,
			.dev = makedev(p.origin_major, p.origin_minor),
		};
	}
	snap_iter_free(it);
	return ok;
}

/* Marks the sets that copy what is written to the devices of @below. True: there are new ones. */
static bool reach(struct others *o, const struct snapi_blks *below)
{
	bool new = false;

	for (unsigned int i = 0; i < o->origins; i++) {
		if (!snapi_blks_has(below, o->origin[i].dev))
			continue;
		for (unsigned int j = 0; j < o->sets; j++) {
			if (o->set[j].reached || !snap_id_equal(&o->set[j].id, &o->origin[i].set_id))
				continue;
			o->set[j].reached = true;
			new = true;
		}
	}
	return new;
}

/* What a store on @dev stands on, itself with it; then is @vol among that? */
static int look_below(struct others *o, dev_t dev, const struct snapi_volume *vol, bool *new,
		      bool *back)
{
	struct snapi_blks below = { 0 };
	int err = snapi_blks_below(&below, dev);

	if (!err) {
		*new |= reach(o, &below);
		*back = vol && snapi_blks_has(&below, vol->dev);
	}
	snapi_blks_free(&below);
	return err;
}

static snap_status follow(struct others *o, const struct snapi_volume *vol, dev_t store,
			  struct snapi_error *e)
{
	bool new = false, back = false;
	int err = look_below(o, store, NULL, &new, &back);
	char name[64], mine[64];

	while (!err && new) {
		new = false;
		for (unsigned int i = 0; !err && i < o->sets; i++) {
			if (!o->set[i].reached || !o->set[i].store)
				continue;
			err = look_below(o, o->set[i].store, vol, &new, &back);
			if (!back)
				continue;
			snapi_blk_name(o->set[i].store, name);
			snapi_blk_name(store, mine);
			snapi_error_set(e, SNAP_E_NESTED_VOLUME_LIMIT, ELOOP, vol->name,
					"%s holds the store %s of another set, which has a volume that holds the store %s of this one",
					vol->name, name, mine);
			return e->code;
		}
	}
	if (err)
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	return e->code;
}

snap_status snapi_nested_sets(struct snap_session *s, const struct snapi_volume *vol,
			      struct snapi_error *e)
{
	struct others o = { 0 };

	e->code = SNAP_S_OK;
	if (!s->store.dev)
		return e->code;
	if (!read_sets(s, &o) || !read_origins(s, &o))
		snapi_error_set(e, SNAP_E_UNEXPECTED, EAGAIN, NULL,
				"the other sets cannot be listed");
	else
		follow(&o, vol, s->store.dev, e);
	free(o.set);
	free(o.origin);
	return e->code;
}
