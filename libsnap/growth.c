// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Where and how far a store can grow. One whose directory its maker chose is as large as he
 * said; one in the directory of a storage grows there and nowhere else; one that we have put
 * somewhere goes on wherever there is room.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage.h"

/* A twentieth of a file system stays free: others want to live, too. */
static uint64_t room(const struct snapi_site *site)
{
	uint64_t keep = site->all / 20;

	return site->avail > keep ? site->avail - keep : 0;
}

static snap_status no_room(struct snapi_error *e, const char *directory)
{
	snapi_error_set(e, SNAP_E_INSUFFICIENT_STORAGE, ENOSPC, NULL,
			"the file system of %s has no room left for stores", directory);
	return e->code;
}

static int in_storage(const struct snapi_search *x, unsigned int at,
		      struct snap_storage_growth *g, struct snapi_error *e)
{
	const struct snapi_storage *a = &x->conf.v[at].storage;
	uint64_t maximum = snapi_amount_bytes(&a->maximum, a->directory, SNAP_UNBOUNDED);
	struct snapi_site *site = malloc(sizeof(*site));
	uint64_t allocated, used;
	unsigned int stores;
	int err = site ? snapi_site_look(x, a->directory, site) : -ENOMEM;

	strcpy(g->directory, a->directory);
	snapi_conf_sum(&x->conf, at, &x->lives, &allocated, &used, &stores);
	if (err > 0) {
		snapi_error_set(e, SNAP_E_INVALIDARG, ENOENT, NULL,
				"the storage of %s, %s, is not there", a->volume,
				a->directory);
	} else if (!err && site->closed) {
		snapi_error_set(e, SNAP_E_NESTED_VOLUME_LIMIT, ELOOP, NULL,
				"%s lies on a volume that has snapshots: nothing can grow there",
				a->directory);
	} else if (!err && (maximum <= allocated ||
			    !snapi_store_file_size_ok(maximum - allocated))) {
		snapi_error_set(e, SNAP_E_INSUFFICIENT_STORAGE, EDQUOT, NULL,
				"the storage of %s in %s has its maximum, %llu bytes",
				a->volume, a->directory, (unsigned long long)maximum);
	} else if (!err) {
		g->minimum = snapi_amount_bytes(&a->minimum, a->directory,
						snapi_place_usual(x->bytes, site->avail));
		g->room = room(site);
		if (!snapi_store_file_size_ok(g->room))
			no_room(e, a->directory);
		if (g->room > maximum - allocated)
			g->room = maximum - allocated;
	}
	free(site);
	return err < 0 ? err : 0;
}

static bool is_ours(const char *directory)
{
	const char *slash = strrchr(directory, '/');

	return slash && !strcmp(slash + 1, SNAPI_PLACE);
}

/* On the same file system, or else on the one with the most room. */
static int anywhere(struct snapi_search *x, const struct snapi_live *live,
		    struct snap_storage_growth *g, struct snapi_error *e)
{
	struct snapi_site *here = malloc(sizeof(*here)), *site = here;
	int err = here ? snapi_site_look(x, live->directory, here) : -ENOMEM, at;

	if (!err && !here->closed && snapi_store_file_size_ok(room(here))) {
		strcpy(g->directory, live->directory);
	} else if (err >= 0) {
		bool *used;

		err = snapi_sites_find(x);
		used = calloc(x->nr_sites + 1, sizeof(*used));
		if (!used)
			err = -ENOMEM;
		at = err ? -1 : snapi_sites_roomiest(x->sites, x->nr_sites, false, 64 << 10,
						     used);
		free(used);
		site = at >= 0 ? &x->sites[at] : NULL;
		if (site)
			snapi_site_own(site, g->directory);
		if (site && room(site) && snapi_dir_make(g->directory)) {
			snapi_error_set(e, SNAP_E_ACCESSDENIED, EPERM, NULL,
					"%s is not a directory of ours alone", g->directory);
			site = NULL;
		}
	}
	if (!err && site) {
		g->room = room(site);
		g->minimum = snapi_place_usual(x->bytes, site->avail);
	}
	if (!err && !e->code && !snapi_store_file_size_ok(g->room))
		snapi_error_set(e, SNAP_E_INSUFFICIENT_STORAGE, ENOSPC, NULL,
				"no file system without snapshots has room for the store to grow");
	free(here);
	return err < 0 ? err : 0;
}

/* Whose the store is; whether somebody looks after it. */
static bool grow(struct snapi_search *x, const struct snapi_live *live,
		 struct snap_storage_growth *g, struct snapi_error *e)
{
	int at, err;

	/* Of more than that the first ones will do: the kernel looks at all. */
	x->nr = live->nr_members < SNAPSET_MAX_MEMBERS ? live->nr_members : SNAPSET_MAX_MEMBERS;
	for (unsigned int i = 0; i < x->nr; i++) {
		x->vol[i].dev = live->members[i];
		snapi_blk_name(live->members[i], x->vol[i].name);
		x->dev[i] = live->members[i];
	}
	x->bytes = live->bytes;
	g->most = live->bytes + live->bytes / 16 + (1 << 20);
	at = snapi_conf_owner(&x->conf, live->members, live->nr_members, live->dir_dev,
			      live->dir_ino, false);
	if (at < 0 && !is_ours(live->directory))
		return false;
	err = at >= 0 ? in_storage(x, (unsigned int)at, g, e) : anywhere(x, live, g, e);
	if (err)
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	return true;
}

SNAPI_EXPORT snap_status snap_storage_growth(struct snap_session *s, const snap_id *set_id,
					     struct snap_storage_growth *growth)
{
	struct snap_storage_growth g = { .size = sizeof(g) };
	struct snap_set_props set = { .size = sizeof(set) };
	const struct snapi_live *live;
	struct snapi_error e = { 0 };
	struct snapi_search *x;
	bool managed = false;
	snap_status st;

	if (!s)
		return SNAP_E_INVALIDARG;
	if (!set_id || !growth)
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "snap_storage_growth() needs the id of a set and a place for the answer");
	st = snap_get_set_properties(s, set_id, &set);
	if (SNAP_FAILED(st))
		return st;
	x = calloc(1, sizeof(*x));
	if (!x)
		return snapi_fail(s, SNAP_E_OUTOFMEMORY, NULL, NULL);
	if (!snapi_conf_read(&x->conf, &e) && !snapi_lives_get(s, &x->lives, &e)) {
		snapi_conf_resolve(&x->conf);
		live = snapi_live_find(&x->lives, set.store_id);
		managed = live && grow(x, live, &g, &e);
	}
	snapi_search_free(x);
	if (e.code)
		return snapi_fail_with(s, &e);
	if (!snapi_struct_out(growth, &g, sizeof(g)))
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "the size of struct snap_storage_growth is not set");
	return managed ? SNAP_S_OK : SNAP_S_FALSE;
}
