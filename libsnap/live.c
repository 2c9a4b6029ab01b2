// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The stores in files that are there now, and by which line of storage.conf. The kernel
 * knows the path of a store's first file; a directory is known by its inode, as it may have
 * several names.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "storage.h"

static void find_directory(struct snapi_live *live, const char *path)
{
	char *slash;
	struct stat st;

	strcpy(live->directory, path);
	slash = strrchr(live->directory, '/');
	if (slash == live->directory)
		slash++;
	if (slash)
		*slash = 0;
	if (!*live->directory || stat(live->directory, &st))
		return;
	live->dir_dev = st.st_dev;
	live->dir_ino = st.st_ino;
}

static struct snapi_live *add(struct snapi_lives *l)
{
	struct snapi_live *v = realloc(l->v, (l->nr + 1) * sizeof(*v));

	if (!v)
		return NULL;
	l->v = v;
	v += l->nr++;
	memset(v, 0, sizeof(*v));
	return v;
}

struct snapi_live *snapi_live_find(const struct snapi_lives *l, uint64_t id)
{
	for (unsigned int i = 0; i < l->nr; i++)
		if (l->v[i].id == id)
			return &l->v[i];
	return NULL;
}

static int add_set(struct snapi_lives *l, const struct snap_set_props *p)
{
	struct snapi_live *live;

	if (p->store_kind != SNAP_STORE_FILE || p->state >= SNAP_SET_ABORTING)
		return 0;
	live = snapi_live_find(l, p->store_id);
	if (!live) {
		live = add(l);
		if (!live)
			return -ENOMEM;
		live->id = p->store_id;
		live->size = p->store_size;
		live->used = p->store_used;
		find_directory(live, p->store_path);
	}
	live->created |= p->state == SNAP_SET_CREATED;
	if (p->created_ns > live->created_ns)
		live->created_ns = p->created_ns;
	return 0;
}

static int add_member(struct snapi_lives *l, uint64_t store,
		      const struct snap_snapshot_props *p)
{
	dev_t dev = makedev(p->origin_major, p->origin_minor), *v;
	struct snapi_live *live = snapi_live_find(l, store);

	if (snapi_blks_add(&l->origins, dev, SNAPI_SELF, 0))
		return -ENOMEM;
	if (!live)
		return 0;
	v = realloc(live->members, (live->nr_members + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	v[live->nr_members++] = dev;
	live->members = v;
	live->bytes += p->bytes;
	return 0;
}

static int add_members(struct snapi_lives *l, struct snap_iter *it,
		       const struct snap_set_props *set)
{
	struct snap_snapshot_props p = { .size = sizeof(p) };
	int err = 0;

	/* From the beginning for each set: they are few. */
	snapi_iter_rewind(it);
	while (!err && snap_iter_next_snapshot(it, &p) == SNAP_S_OK)
		if (snap_id_equal(&p.set_id, &set->id))
			err = add_member(l, set->store_id, &p);
	return err;
}

snap_status snapi_lives_get(struct snap_session *s, struct snapi_lives *l,
			    struct snapi_error *e)
{
	struct snap_filter f = {
		.size = sizeof(f), .object = SNAP_OBJECT_SNAPSHOT_SET, .unfinished = true,
	};
	struct snap_set_props set = { .size = sizeof(set) };
	struct snap_iter *sets = NULL, *snaps = NULL;
	int err = 0;

	memset(l, 0, sizeof(*l));
	memset(e, 0, sizeof(*e));
	if (!s || snapi_query(s, &f, &sets, e))
		return e->code;
	f.object = SNAP_OBJECT_SNAPSHOT;
	if (!snapi_query(s, &f, &snaps, e)) {
		while (!err && snap_iter_next_set(sets, &set) == SNAP_S_OK) {
			err = add_set(l, &set);
			if (!err)
				err = add_members(l, snaps, &set);
		}
		snap_iter_free(snaps);
	}
	snap_iter_free(sets);
	if (err)
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	if (e->code)
		snapi_lives_free(l);
	return e->code;
}

void snapi_lives_free(struct snapi_lives *l)
{
	for (unsigned int i = 0; i < l->nr; i++)
		free(l->v[i].members);
	free(l->v);
	snapi_blks_free(&l->origins);
	memset(l, 0, sizeof(*l));
}

void snapi_conf_resolve(struct snapi_conf *c)
{
	for (unsigned int i = 0; i < c->nr; i++) {
		struct snapi_line *line = &c->v[i];
		struct snapi_volume vol;
		struct snapi_error e;

		line->dev = 0;
		if (line->is_storage && strcmp(line->storage.volume, "*") &&
		    !snapi_resolve(line->storage.volume, &vol, &e))
			line->dev = vol.dev;
	}
}

int snapi_conf_of(const struct snapi_conf *c, dev_t dev)
{
	for (unsigned int i = 0; i < c->nr; i++) {
		const struct snapi_line *line = &c->v[i];

		if (line->is_storage && line->dev == dev &&
		    (dev || !strcmp(line->storage.volume, "*")))
			return (int)i;
	}
	return -1;
}

static bool is_there(const struct snapi_line *line, dev_t dev, ino_t ino)
{
	struct stat st;

	return ino && !stat(line->storage.directory, &st) && st.st_dev == dev &&
	       st.st_ino == ino;
}

int snapi_conf_owner(const struct snapi_conf *c, const dev_t *members, unsigned int nr,
		     dev_t dir_dev, ino_t dir_ino, bool any)
{
	for (unsigned int i = 0; i <= nr; i++) {
		int at = snapi_conf_of(c, i < nr ? members[i] : 0);

		if (at >= 0 && (any || is_there(&c->v[at], dir_dev, dir_ino)))
			return at;
	}
	return -1;
}

void snapi_conf_sum(const struct snapi_conf *c, unsigned int at, const struct snapi_lives *l,
		    uint64_t *allocated, uint64_t *used, unsigned int *stores)
{
	*allocated = 0;
	*used = 0;
	*stores = 0;
	for (unsigned int i = 0; i < l->nr; i++) {
		const struct snapi_live *live = &l->v[i];

		if (snapi_conf_owner(c, live->members, live->nr_members, live->dir_dev,
				     live->dir_ino, false) != (int)at)
			continue;
		*allocated += live->size;
		*used += live->used;
		++*stores;
	}
}

uint64_t snapi_amount_bytes(const struct snapi_amount *a, const char *directory, uint64_t dflt)
{
	struct statvfs st;

	if (a->bytes)
		return a->bytes;
	if (!a->percent || statvfs(directory, &st))
		return dflt;
	return (uint64_t)st.f_blocks * st.f_frsize / 100 * a->percent;
}
