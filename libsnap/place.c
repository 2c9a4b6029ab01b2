// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Where a store lies if nobody says so, in the order that VSS has: where other snapshots of
 * the volumes have theirs; as storage.conf says; on a volume of the set, if that has room;
 * on the file system with the most room. And if all that is not to be had, in memory.
 *
 * A new file must not be made on what has snapshots, since these may need what was in its
 * blocks, nor above or below a volume of the set; but the store that there is may be shared.
 * The kernel has the last word of what it
 * takes, so this is a list, and who makes the set goes down it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "storage.h"

#define PAGE	4096ull
#define MIB	(1ull << 20)
#define USUAL	(320 * MIB)
#define LEAST	(4 * MIB)	/* the labels, and what is lost at the edges, are little of it */

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t snapi_place_need(uint64_t volumes)
{
	uint64_t need = volumes ? min(USUAL, volumes / 10) : USUAL;

	return need < LEAST ? LEAST : need;
}

uint64_t snapi_place_usual(uint64_t volumes, uint64_t avail)
{
	/* all there is to keep, and a little for the map's unused ends */
	uint64_t all = volumes ? volumes + volumes / 64 + LEAST : UINT64_MAX;
	uint64_t bytes = volumes / 10 < USUAL ? USUAL : volumes / 10;

	return min(min(bytes, all), avail / 2) & ~(PAGE - 1);
}

/* Whether something that @dev stands on, or itself, is one of @list. */
static int stands_on_any(dev_t dev, const struct snapi_blks *list, bool *yes)
{
	struct snapi_blks below = { 0 };
	int err = snapi_blks_below(&below, dev);

	*yes = false;
	for (unsigned int i = 0; !err && i < below.nr; i++)
		*yes |= snapi_blks_has(list, below.v[i].dev);
	snapi_blks_free(&below);
	return err;
}

static int look_at_dev(const struct snapi_search *x, dev_t dev, struct snapi_site *site)
{
	struct snapi_blks one = { 0 }, vols = { 0 };
	struct snapi_error e;
	bool yes;
	int err = snapi_blks_add(&one, dev, SNAPI_SELF, 0);

	for (unsigned int i = 0; !err && i < x->nr; i++) {
		err = snapi_blks_add(&vols, x->dev[i], SNAPI_SELF, 0);
		if (!err && snapi_nested_file(&x->vol[i], &one, &e) == SNAP_E_OUTOFMEMORY)
			err = -ENOMEM;
		site->stacked |= !err && e.code;
	}
	if (!err) {
		err = stands_on_any(dev, &x->lives.origins, &yes);
		site->closed |= yes || site->stacked;
	}
	if (!err)
		err = stands_on_any(dev, &vols, &site->member);
	snapi_blks_free(&one);
	snapi_blks_free(&vols);
	return err;
}

int snapi_site_look(const struct snapi_search *x, const char *directory, struct snapi_site *site)
{
	struct snapi_mount *mount = malloc(sizeof(*mount));
	struct snapi_blks devs = { 0 };
	struct statvfs st;
	int err;

	memset(site, 0, sizeof(*site));
	snprintf(site->directory, sizeof(site->directory), "%s", directory);
	err = mount ? snapi_mount_find(directory, mount, &devs) : -ENOMEM;
	if (err != -ENOMEM && (err || statvfs(directory, &st)))
		err = 1;
	if (!err) {
		site->all = (uint64_t)st.f_blocks * st.f_frsize;
		site->avail = (uint64_t)st.f_bavail * st.f_frsize;
	}
	for (unsigned int i = 0; !err && i < devs.nr; i++)
		err = look_at_dev(x, devs.v[i].dev, site);
	snapi_blks_free(&devs);
	free(mount);
	return err;
}

static int add_site(const char *target, void *arg)
{
	struct snapi_search *x = arg;
	struct snapi_site *v = realloc(x->sites, (x->nr_sites + 1) * sizeof(*v));
	int err;

	if (!v)
		return -ENOMEM;
	x->sites = v;
	err = snapi_site_look(x, target, &v[x->nr_sites]);
	if (!err)
		x->nr_sites++;
	return err < 0 ? err : 0;
}

int snapi_sites_find(struct snapi_search *x)
{
	return snapi_mounts_for_stores(add_site, x);
}

void snapi_search_free(struct snapi_search *x)
{
	if (!x)
		return;
	snapi_conf_free(&x->conf);
	snapi_lives_free(&x->lives);
	free(x->sites);
	free(x);
}

static struct snapi_place *add_place(struct snapi_places *p)
{
	struct snapi_place *v = realloc(p->v, (p->nr + 1) * sizeof(*v));

	if (!v)
		return NULL;
	p->v = v;
	v += p->nr++;
	memset(v, 0, sizeof(*v));
	return v;
}

void snapi_site_own(const struct snapi_site *site, char directory[4096])
{
	size_t len = strlen(site->directory);

	/* What is too long for that is too long for the kernel, too. */
	snprintf(directory, 4096, "%.*s/" SNAPI_PLACE, len > 1 ? (int)len : 0, site->directory);
}

static int add_own_place(struct snapi_places *p, const struct snapi_site *site,
			 uint64_t volumes)
{
	struct snapi_place *place = add_place(p);

	if (!place)
		return -ENOMEM;
	place->place = site->member ? SNAP_PLACE_VOLUME : SNAP_PLACE_ROOM;
	snapi_site_own(site, place->directory);
	place->ours = true;
	place->bytes = snapi_place_usual(volumes, site->avail);
	snprintf(place->text, sizeof(place->text), site->member ? "on a volume of the set" :
		 "on the file system with the most room");
	return 0;
}

int snapi_sites_roomiest(const struct snapi_site *sites, unsigned int nr, bool member,
			 uint64_t need, const bool *used)
{
	int best = -1;

	for (unsigned int i = 0; i < nr; i++)
		if (!used[i] && sites[i].member == member && !sites[i].closed &&
		    sites[i].avail / 2 >= need &&
		    (best < 0 || sites[i].avail > sites[best].avail))
			best = (int)i;
	return best;
}

int snapi_places_rank(struct snapi_places *p, const struct snapi_site *sites, unsigned int nr,
		      uint64_t volumes)
{
	bool *used = calloc(nr + 1, sizeof(*used));
	int err = used ? 0 : -ENOMEM, at;

	for (int member = 1; member >= 0; member--) {
		while (!err && (at = snapi_sites_roomiest(sites, nr, member,
							  snapi_place_need(volumes),
							  used)) >= 0) {
			used[at] = true;
			err = add_own_place(p, &sites[at], volumes);
		}
	}
	free(used);
	return err;
}

/* By its line of storage.conf. The error, also if it is full, is in @e. */
static int add_storage(struct snapi_search *x, struct snapi_places *p, unsigned int at,
		       const struct snapi_site *site, struct snapi_error *e)
{
	const struct snapi_storage *a = &x->conf.v[at].storage;
	uint64_t maximum = snapi_amount_bytes(&a->maximum, a->directory, SNAP_UNBOUNDED);
	uint64_t usual = snapi_place_usual(x->bytes, site->avail), allocated, used;
	struct snapi_place *place = add_place(p);
	unsigned int stores;

	if (!place)
		return -ENOMEM;
	place->place = SNAP_PLACE_STORAGE;
	place->firm = true;
	strcpy(place->directory, a->directory);
	snprintf(place->text, sizeof(place->text), "as storage.conf says for %.200s",
		 strcmp(a->volume, "*") ? a->volume : "all volumes");
	place->bytes = snapi_amount_bytes(&a->minimum, a->directory, usual);
	/* It never grows there, so it has now what it may ever have. */
	if (site->member && maximum != SNAP_UNBOUNDED && maximum > place->bytes)
		place->bytes = min(maximum, site->avail / 2);
	snapi_conf_sum(&x->conf, at, &x->lives, &allocated, &used, &stores);
	place->bytes = min(place->bytes, maximum > allocated ? maximum - allocated : 0);
	place->bytes &= ~(PAGE - 1);
	if (snapi_store_file_size_ok(place->bytes))
		return 0;
	snapi_error_set(e, SNAP_E_INSUFFICIENT_STORAGE, ENOSPC, a->volume,
			"the storage of %s in %s has no room for a store: %llu bytes of at most %llu are allocated",
			a->volume, a->directory, (unsigned long long)allocated,
			(unsigned long long)maximum);
	return 0;
}

/* The newest store in a file that a snapshot of one of the volumes has. */
static const struct snapi_live *copies(const struct snapi_search *x)
{
	const struct snapi_live *newest = NULL;

	for (unsigned int i = 0; i < x->lives.nr; i++) {
		const struct snapi_live *live = &x->lives.v[i];
		bool ours = false;

		for (unsigned int m = 0; m < live->nr_members; m++)
			for (unsigned int v = 0; v < x->nr; v++)
				ours |= live->members[m] == x->dev[v];
		if (ours && live->created && live->dir_ino &&
		    (!newest || live->created_ns >= newest->created_ns))
			newest = live;
	}
	return newest;
}

static int add_shared(struct snapi_places *p, const struct snapi_live *live)
{
	struct snapi_place *place = add_place(p);

	if (!place)
		return -ENOMEM;
	place->place = SNAP_PLACE_COPIES;
	place->share = live->id;
	strcpy(place->directory, live->directory);
	strcpy(place->text, "which another snapshot has");
	return 0;
}

static int add_copies(struct snapi_search *x, struct snapi_places *p, struct snapi_error *e)
{
	const struct snapi_live *live = copies(x);
	struct snapi_site *site;
	struct snapi_place *place;
	int at, err;

	if (!live)
		return 0;
	site = malloc(sizeof(*site));
	err = site ? snapi_site_look(x, live->directory, site) : -ENOMEM;
	if (!err && site->closed && !site->stacked) {
		err = add_shared(p, live);
	} else if (!err && !site->closed && site->avail / 2 >= snapi_place_need(x->bytes)) {
		at = snapi_conf_owner(&x->conf, x->dev, x->nr, live->dir_dev, live->dir_ino,
				      false);
		place = at >= 0 ? NULL : add_place(p);
		if (at >= 0) {
			err = add_storage(x, p, (unsigned int)at, site, e);
		} else if (!place) {
			err = -ENOMEM;
		} else {
			place->place = SNAP_PLACE_COPIES;
			strcpy(place->directory, live->directory);
			place->bytes = snapi_place_usual(x->bytes, site->avail);
			strcpy(place->text, "where another snapshot has its store");
		}
	}
	free(site);
	return err < 0 ? err : 0;
}

static int add_configured(struct snapi_search *x, struct snapi_places *p, struct snapi_error *e)
{
	int at = snapi_conf_owner(&x->conf, x->dev, x->nr, 0, 0, true), err;
	struct snapi_site *site;

	if (at < 0)
		return 0;
	site = malloc(sizeof(*site));
	err = site ? snapi_site_look(x, x->conf.v[at].storage.directory, site) : -ENOMEM;
	/* Of a directory that is not there the sentence comes when it is used. */
	if (err > 0 || (!err && !site->closed))
		err = add_storage(x, p, (unsigned int)at, site, e);
	free(site);
	return err;
}

static int add_memory(const struct snapi_search *x, struct snapi_places *p)
{
	struct snapi_place *place = add_place(p);

	if (!place)
		return -ENOMEM;
	place->place = SNAP_PLACE_MEMORY;
	snapi_memory_why(x->sites, x->nr_sites, x->bytes, place->text);
	return 0;
}

static int find(struct snapi_search *x, struct snapi_places *p, struct snapi_error *e)
{
	int err = add_copies(x, p, e);

	if (!err && !e->code && (!p->nr || !p->v[0].firm))
		err = add_configured(x, p, e);
	if (!err && !e->code)
		err = snapi_sites_find(x);
	if (!err && !e->code)
		err = snapi_places_rank(p, x->sites, x->nr_sites, x->bytes);
	if (!err && !e->code)
		err = add_memory(x, p);
	return err;
}

snap_status snapi_places_find(struct snap_session *s, const char *const *volumes,
			      unsigned int n, struct snapi_places *p, struct snapi_error *e)
{
	struct snapi_search *x = calloc(1, sizeof(*x));
	int err = x ? 0 : -ENOMEM;

	memset(p, 0, sizeof(*p));
	memset(e, 0, sizeof(*e));
	/* One too many is refused when it is added. */
	for (unsigned int i = 0; !err && !e->code && i < n && i < SNAPSET_MAX_MEMBERS; i++) {
		if (snapi_resolve(volumes[i], &x->vol[i], e))
			break;
		x->dev[i] = x->vol[i].dev;
		x->bytes += snapi_blk_bytes(x->dev[i]);
		x->nr++;
	}
	if (!err && !e->code && !snapi_conf_read(&x->conf, e) &&
	    !snapi_lives_get(s, &x->lives, e)) {
		snapi_conf_resolve(&x->conf);
		err = find(x, p, e);
	}
	if (err)
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	if (e->code)
		snapi_places_free(p);
	snapi_search_free(x);
	return e->code;
}

void snapi_places_free(struct snapi_places *p)
{
	free(p->v);
	memset(p, 0, sizeof(*p));
}
