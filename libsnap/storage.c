// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The administrator's calls: which volume keeps its old data where. All of it is in
 * storage.conf; the kernel is only asked what lies there now.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage.h"

/* There may be no session to keep the sentence. */
static snap_status fail(struct snap_session *s, const struct snapi_error *e)
{
	return s ? snapi_fail_with(s, e) : snapi_open_fail(e);
}

static snap_status wrong(struct snapi_error *e, const char *text)
{
	snapi_error_set(e, SNAP_E_INVALIDARG, EINVAL, NULL, "%s", text);
	return e->code;
}

static snap_status take_amounts(const struct snap_storage *arg, struct snapi_storage *a,
				struct snapi_error *e)
{
	if (arg->minimum_percent > 100 || arg->maximum_percent > 100)
		return wrong(e, "a percentage is 1 to 100");
	if ((arg->minimum && arg->minimum_percent) || (arg->maximum && arg->maximum_percent))
		return wrong(e, "an amount is of bytes or in percent, not both");
	if (arg->minimum == SNAP_UNBOUNDED)
		return wrong(e, "a minimum cannot be unbounded");
	if (arg->minimum || arg->minimum_percent) {
		a->minimum.bytes = arg->minimum;
		a->minimum.percent = arg->minimum_percent;
	}
	if (arg->maximum || arg->maximum_percent) {
		a->maximum.bytes = arg->maximum;
		a->maximum.percent = arg->maximum_percent;
	}
	return SNAP_S_OK;
}

/* It is made if only the last part of its name is missing; then *@made. */
static snap_status need_directory(const char *directory, bool *made, struct snapi_error *e)
{
	struct stat st;
	int err;

	/* root's alone: what lies in stores was on disks */
	err = mkdir(directory, 0700) ? errno : 0;
	*made = !err;
	if (!stat(directory, &st))
		err = S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
	else if (!err || err == EEXIST)		/* else why it could not be made */
		err = errno;
	if (err == ENOTDIR)
		snapi_error_set(e, SNAP_E_INVALIDARG, ENOTDIR, NULL,
				"%s is no directory for a store", directory);
	else if (err)
		snapi_error_set(e, err == ENOENT ? SNAP_E_OBJECT_NOT_FOUND :
				err == EACCES ? SNAP_E_ACCESSDENIED : SNAP_E_INVALIDARG, err,
				NULL, "%s: %s", directory, strerror(err));
	return e->code;
}

/* A set with its store there, which is let go at once: what is made, the kernel looks at. */
static snap_status ask_kernel(const struct snap_store *store, struct snapi_error *e)
{
	struct snap_session *s;
	snap_id id;

	if (snap_open(0, &s))
		return SNAP_S_OK;
	if (snap_set_store(s, store) || snap_start_snapshot_set(s, &id)) {
		pthread_mutex_lock(&s->lock);
		*e = s->err;
		pthread_mutex_unlock(&s->lock);
	}
	snap_close(s);
	return e->code;
}

/* Whether a store can be there, now or later. */
static snap_status try_directory(const struct snap_session *s, const char *directory,
				 struct snapi_error *e)
{
	struct snap_store store = {
		.size = sizeof(store), .kind = SNAP_STORE_FILE, .directory = directory,
		.bytes = 64 << 10,
	};
	struct snapi_store_file f;

	if (s)
		ask_kernel(&store, e);
	else if (!snapi_store_file_make(directory, store.bytes, &f, e))
		snapi_store_file_close(&f, false);
	/* Other errors may pass: no room, another set in the making, snapshots below it. */
	if (e->code != SNAP_E_VOLUME_NOT_SUPPORTED && e->code != SNAP_E_INVALIDARG &&
	    e->code != SNAP_E_ACCESSDENIED)
		memset(e, 0, sizeof(*e));
	return e->code;
}

static snap_status take_names(const struct snap_storage *arg, struct snapi_storage *a,
			      struct snapi_error *e)
{
	if (!arg->volume || !*arg->volume || !arg->directory || !*arg->directory)
		return wrong(e, "a storage needs a volume and a directory");
	if (strlen(arg->volume) >= sizeof(a->volume) ||
	    strlen(arg->directory) >= sizeof(a->directory))
		return wrong(e, "the name of the volume or the directory is too long");
	strcpy(a->volume, arg->volume);
	strcpy(a->directory, arg->directory);
	return SNAP_S_OK;
}

/* The line of what the user calls @volume; -1: none. @e: it has a name that nothing has. */
static int find(const struct snapi_conf *c, const char *volume, struct snapi_error *e)
{
	struct snapi_volume vol;

	/* A disk that is not there now has its line by the name that it has there. */
	for (unsigned int i = 0; i < c->nr; i++)
		if (c->v[i].is_storage && !strcmp(c->v[i].storage.volume, volume))
			return (int)i;
	if (!strcmp(volume, "*") || snapi_resolve(volume, &vol, e))
		return -1;
	return snapi_conf_of(c, vol.dev);
}

static snap_status not_found(struct snapi_error *e, const char *volume)
{
	if (!e->code)
		snapi_error_set(e, SNAP_E_OBJECT_NOT_FOUND, ENOENT, volume,
				"%s has no storage", volume);
	return e->code;
}

static snap_status add(const struct snap_session *s, const struct snapi_storage *a,
		       struct snapi_error *e)
{
	int lock = snapi_conf_lock(e), at;
	struct snapi_conf c = { 0 };
	bool made = false;

	if (lock < 0)
		return e->code;
	if (snapi_conf_read(&c, e))
		goto out;
	snapi_conf_resolve(&c);
	at = find(&c, a->volume, e);
	if (at >= 0 && !strcmp(c.v[at].storage.directory, a->directory))
		snapi_error_set(e, SNAP_E_OBJECT_ALREADY_EXISTS, EEXIST, a->volume,
				"%s has its storage in %s already", a->volume, a->directory);
	else if (at >= 0)
		snapi_error_set(e, SNAP_E_MAXIMUM_DIFFAREA_ASSOCIATIONS_REACHED, EEXIST,
				a->volume, "%s has its storage in %s, and one volume has one",
				a->volume, c.v[at].storage.directory);
	/* under the lock: what is made here may be taken away only before it is written down */
	if (!e->code && !need_directory(a->directory, &made, e) &&
	    (try_directory(s, a->directory, e) || snapi_conf_put(&c, -1, a, e) ||
	     snapi_conf_write(&c, lock, e)) && made)
		rmdir(a->directory);
out:
	snapi_conf_free(&c);
	snapi_conf_unlock(lock);
	return e->code;
}

SNAPI_EXPORT snap_status snap_storage_add(struct snap_session *s,
					  const struct snap_storage *arg)
{
	struct snapi_storage a = { 0 };
	struct snapi_error e = { 0 };
	struct snap_storage in;

	if (!arg || !snapi_struct_in(&in, sizeof(in), arg))
		wrong(&e, "snap_storage_add() needs a struct snap_storage that this library knows");
	else if (!take_names(&in, &a, &e) && !take_amounts(&in, &a, &e) &&
		 snapi_storage_wrong(&a))
		wrong(&e, snapi_storage_wrong(&a));
	if (!e.code)
		add(s, &a, &e);
	return e.code ? fail(s, &e) : SNAP_S_OK;
}

/* Reads the file for a change of the line of @volume; *@at is that. The lock, or -1. */
static int begin(const char *volume, struct snapi_conf *c, int *at, struct snapi_error *e)
{
	int lock = snapi_conf_lock(e);

	if (lock < 0 || snapi_conf_read(c, e))
		return lock;
	snapi_conf_resolve(c);
	*at = find(c, volume, e);
	if (*at < 0)
		not_found(e, volume);
	return lock;
}

SNAPI_EXPORT snap_status snap_storage_resize(struct snap_session *s,
					     const struct snap_storage *arg)
{
	uint64_t allocated = 0, used;
	struct snapi_error e = { 0 };
	struct snapi_conf c = { 0 };
	struct snapi_lives l = { 0 };
	struct snapi_storage a;
	struct snap_storage in;
	unsigned int stores;
	bool more = false;
	int lock, at = -1;

	if (!arg || !snapi_struct_in(&in, sizeof(in), arg) || !in.volume) {
		wrong(&e, "snap_storage_resize() needs a volume, in a struct snap_storage that this library knows");
		return fail(s, &e);
	}
	lock = begin(in.volume, &c, &at, &e);
	if (!e.code)
		a = c.v[at].storage;
	if (!e.code && in.directory && strcmp(in.directory, a.directory))
		snapi_error_set(&e, SNAP_E_OBJECT_NOT_FOUND, ENOENT, in.volume,
				"%s has its storage in %s, not in %s", in.volume, a.directory,
				in.directory);
	if (!e.code && !take_amounts(&in, &a, &e) && snapi_storage_wrong(&a))
		wrong(&e, snapi_storage_wrong(&a));
	if (!e.code && !snapi_lives_get(s, &l, &e)) {
		snapi_conf_sum(&c, (unsigned int)at, &l, &allocated, &used, &stores);
		more = allocated > snapi_amount_bytes(&a.maximum, a.directory, SNAP_UNBOUNDED);
		snapi_lives_free(&l);
	}
	if (!e.code && !snapi_conf_put(&c, at, &a, &e))
		snapi_conf_write(&c, lock, &e);
	snapi_conf_free(&c);
	snapi_conf_unlock(lock);
	if (e.code)
		return fail(s, &e);
	return more ? SNAP_S_FALSE : SNAP_S_OK;
}

SNAPI_EXPORT snap_status snap_storage_remove(struct snap_session *s, const char *volume,
					     bool force)
{
	struct snapi_error e = { 0 };
	struct snapi_conf c = { 0 };
	struct snapi_lives l = { 0 };
	unsigned int stores = 0;
	uint64_t allocated, used;
	int lock, at = -1;

	if (!volume) {
		wrong(&e, "snap_storage_remove() needs a volume");
		return fail(s, &e);
	}
	lock = begin(volume, &c, &at, &e);
	if (!e.code && !force && !snapi_lives_get(s, &l, &e)) {
		snapi_conf_sum(&c, (unsigned int)at, &l, &allocated, &used, &stores);
		snapi_lives_free(&l);
	}
	if (stores) {
		snapi_error_set(&e, SNAP_E_VOLUME_IN_USE, EBUSY, volume,
				"%u store%s in %s: delete the snapshots first, or use force",
				stores, stores == 1 ? " lies" : "s lie",
				c.v[at].storage.directory);
	} else if (!e.code) {
		snapi_conf_drop(&c, (unsigned int)at);
		snapi_conf_write(&c, lock, &e);
	}
	snapi_conf_free(&c);
	snapi_conf_unlock(lock);
	return e.code ? fail(s, &e) : SNAP_S_OK;
}

static void fill(const struct snapi_conf *c, unsigned int at, const struct snapi_lives *l,
		 struct snap_storage_props *p)
{
	const struct snapi_storage *a = &c->v[at].storage;
	unsigned int stores;

	strcpy(p->volume, a->volume);
	strcpy(p->directory, a->directory);
	p->minimum = snapi_amount_bytes(&a->minimum, a->directory, 0);
	p->maximum = snapi_amount_bytes(&a->maximum, a->directory, SNAP_UNBOUNDED);
	p->minimum_percent = a->minimum.percent;
	p->maximum_percent = a->maximum.percent;
	p->present = c->v[at].dev || !strcmp(a->volume, "*");
	snapi_conf_sum(c, at, l, &p->allocated, &p->used, &stores);
	p->stores = stores;
}

static snap_status list(const struct snapi_conf *c, const struct snapi_lives *l,
			struct snap_iter *it, unsigned int *n)
{
	*n = 0;
	for (unsigned int i = 0; i < c->nr; i++) {
		struct snap_storage_props *p;

		if (!c->v[i].is_storage)
			continue;
		p = snapi_iter_add(it);
		if (!p)
			return SNAP_E_OUTOFMEMORY;
		fill(c, i, l, p);
		++*n;
	}
	return SNAP_S_OK;
}

SNAPI_EXPORT snap_status snap_storage_query(struct snap_session *s, struct snap_iter **out)
{
	struct snapi_lives l = { 0 };
	struct snapi_error e = { 0 };
	struct snapi_conf c = { 0 };
	struct snap_iter *it = NULL;
	unsigned int n = 0;

	if (!out)
		wrong(&e, "snap_storage_query() needs a place for the iterator");
	else if (!snapi_conf_read(&c, &e) && !snapi_lives_get(s, &l, &e)) {
		snapi_conf_resolve(&c);
		it = snapi_iter_new(SNAP_OBJECT_STORAGE, sizeof(struct snap_storage_props));
		if (!it || list(&c, &l, it, &n))
			snapi_error_set(&e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	}
	snapi_lives_free(&l);
	snapi_conf_free(&c);
	if (e.code) {
		snap_iter_free(it);
		return fail(s, &e);
	}
	*out = it;
	return n ? SNAP_S_OK : SNAP_S_FALSE;
}
