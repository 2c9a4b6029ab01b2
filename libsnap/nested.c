// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The nesting rule. Two volumes of a set must not share sectors, and none may
 * stand on another: the gate of the lower one, once closed, would hold writes
 * that the upper one waits for. VSS says the same of a VHD and the volume that
 * holds its file. The kernel itself sees shared sectors only.
 */
#include <errno.h>
#include <stdio.h>

#include "internal.h"

static snap_status nested(struct snapi_error *e, const struct snapi_volume *vol,
			  const char *fmt, ...) SNAPI_PRINTF(3);

static snap_status nested(struct snapi_error *e, const struct snapi_volume *vol,
			  const char *fmt, ...)
{
	va_list args;
	char text[sizeof(e->text)];

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snapi_error_set(e, SNAP_E_NESTED_VOLUME_LIMIT, ELOOP, vol->name, "%s", text);
	return e->code;
}

/* How [0] stands on @b->v[at], in words. */
static const char *how(const struct snapi_blks *b, unsigned int at)
{
	bool slave = false;

	for (; b->v[at].how != SNAPI_SELF; at = b->v[at].from) {
		if (b->v[at].how == SNAPI_LOOP)
			return "is a loop device with its file on";
		if (b->v[at].how == SNAPI_SLAVE)
			slave = true;
	}
	return slave ? "is made of sectors of" : "is a partition of";
}

/* Whether @upper stands on @lower. @below is what @upper stands on. */
static bool stands_on(const struct snapi_blks *below, dev_t lower,
		      const char **words)
{
	for (unsigned int i = 1; i < below->nr; i++) {
		if (below->v[i].dev == lower) {
			*words = how(below, i);
			return true;
		}
	}
	return false;
}

static snap_status check_store(const struct snapi_volume *vol,
			       const struct snapi_blks *below, dev_t store,
			       struct snapi_error *e)
{
	struct snapi_blks theirs = { 0 };
	char name[64], store_name[64];
	const char *words;

	snapi_blk_name(vol->dev, name);
	snapi_blk_name(store, store_name);
	if (store == vol->dev)
		return nested(e, vol, "%s (%s) is the store of the set", vol->name, name);
	if (stands_on(below, store, &words))
		return nested(e, vol, "%s (%s) %s %s, which is the store of the set",
			      vol->name, name, words, store_name);
	if (snapi_blks_below(&theirs, store))
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	else if (stands_on(&theirs, vol->dev, &words))
		nested(e, vol, "the store %s %s %s (%s)", store_name, words,
		       vol->name, name);
	snapi_blks_free(&theirs);
	return e->code;
}

/* A disk and its partitions are the same to the kernel, which knows the file's sectors. */
static bool same_disk(const struct snapi_blks *b, unsigned int at)
{
	for (; b->v[at].how != SNAPI_SELF; at = b->v[at].from)
		if (b->v[at].how != SNAPI_DISK)
			return false;
	return true;
}

/* stands_on() by more than being a partition. */
static bool stacked_on(const struct snapi_blks *below, dev_t lower, const char **words)
{
	for (unsigned int i = 1; i < below->nr; i++) {
		if (below->v[i].dev == lower && !same_disk(below, i)) {
			*words = how(below, i);
			return true;
		}
	}
	return false;
}

static snap_status check_file(const struct snapi_volume *vol,
			      const struct snapi_blks *below, dev_t dev,
			      struct snapi_error *e)
{
	struct snapi_blks theirs = { 0 };
	char name[64], file_name[64];
	const char *words;

	snapi_blk_name(vol->dev, name);
	snapi_blk_name(dev, file_name);
	if (stacked_on(below, dev, &words))
		return nested(e, vol, "%s (%s) %s %s, where the store of the set has its file",
			      vol->name, name, words, file_name);
	if (snapi_blks_below(&theirs, dev))
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	else if (stacked_on(&theirs, vol->dev, &words))
		nested(e, vol, "%s, where the store of the set has its file, %s %s (%s)",
		       file_name, words, vol->name, name);
	snapi_blks_free(&theirs);
	return e->code;
}

snap_status snapi_nested_file(const struct snapi_volume *vol,
			      const struct snapi_blks *devs, struct snapi_error *e)
{
	struct snapi_blks below = { 0 };

	e->code = SNAP_S_OK;
	if (devs->nr && snapi_blks_below(&below, vol->dev))
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	for (unsigned int i = 0; e->code == SNAP_S_OK && i < devs->nr; i++)
		check_file(vol, &below, devs->v[i].dev, e);
	snapi_blks_free(&below);
	return e->code;
}

static snap_status check_alone(const struct snapi_volume *vol,
			       const struct snapi_blks *below, dev_t store,
			       struct snapi_error *e)
{
	char name[64], lower[64], by[160];
	enum snapi_owner owner;

	snapi_blk_name(vol->dev, name);
	for (unsigned int i = 0; i < below->nr; i++) {
		if (!snapi_blk_is_image(below->v[i].dev))
			continue;
		snapi_blk_name(below->v[i].dev, lower);
		if (!i)
			return nested(e, vol, "%s (%s) is itself the image of a snapshot",
				      vol->name, name);
		return nested(e, vol, "%s (%s) stands on %s, which is the image of a snapshot",
			      vol->name, name, lower);
	}
	for (unsigned int i = 0; i < below->nr; i++) {
		if (below->v[i].loops && snapi_blk_is_loop(below->v[i].dev))
			return nested(e, vol, "%s (%s) is a loop device in a file on a loop device",
				      vol->name, name);
	}
	owner = snapi_blk_owner(vol->dev, by);
	if (owner)
		return nested(e, vol, "%s (%s) is %s %s: add that instead",
			      vol->name, name, snapi_owner_words(owner), by);
	return store ? check_store(vol, below, store, e) : SNAP_S_OK;
}

static snap_status check_pair(const struct snapi_volume *vol,
			      const struct snapi_blks *below,
			      const struct snapi_member *other,
			      struct snapi_error *e)
{
	struct snapi_blks theirs = { 0 };
	char name[64], other_name[64];
	const char *words;

	snapi_blk_name(vol->dev, name);
	snapi_blk_name(other->dev, other_name);
	if (vol->dev == other->dev) {
		snapi_error_set(e, SNAP_E_OBJECT_ALREADY_EXISTS, EEXIST, vol->name,
				"%s (%s) is in the set already, as %s",
				vol->name, name, other->name);
		return e->code;
	}
	if (stands_on(below, other->dev, &words))
		return nested(e, vol, "%s (%s) %s %s (%s), which is in the set already",
			      vol->name, name, words, other->name, other_name);
	if (snapi_blks_below(&theirs, other->dev)) {
		snapi_blks_free(&theirs);
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
		return e->code;
	}
	if (stands_on(&theirs, vol->dev, &words))
		nested(e, vol, "%s (%s), which is in the set already, %s %s (%s)",
		       other->name, other_name, words, vol->name, name);
	snapi_blks_free(&theirs);
	return e->code;
}

snap_status snapi_nested(const struct snapi_volume *vol,
			 const struct snapi_member *members, unsigned int nr,
			 dev_t store, struct snapi_error *e)
{
	struct snapi_blks below = { 0 };

	e->code = SNAP_S_OK;
	if (snapi_blks_below(&below, vol->dev))
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	else
		check_alone(vol, &below, store, e);
	for (unsigned int i = 0; e->code == SNAP_S_OK && i < nr; i++)
		check_pair(vol, &below, &members[i], e);
	snapi_blks_free(&below);
	return e->code;
}

struct supported_call {
	struct snap_session	*s;
	const char		*volume;
	struct snapi_error	*e;
};

static void call_supported(void *arg)
{
	struct supported_call *c = arg;
	struct snapi_elsewhere elsewhere = { 0 };
	struct snapi_blks devs = { 0 };
	struct snapi_volume vol;

	snapi_resolve_all(c->volume, &vol, &devs, c->e);
	for (unsigned int i = 0; !c->e->code && i < devs.nr; i++) {
		vol.dev = devs.v[i].dev;
		if (!snapi_nested(&vol, NULL, 0, 0, c->e) && !c->s->allow_held)
			snapi_held(c->s, &vol, &elsewhere, c->e);
	}
	snapi_blks_free(&devs);
	snapi_blks_free(&elsewhere.found);
}

SNAPI_EXPORT snap_status snap_is_volume_supported(struct snap_session *s,
						  const char *volume,
						  bool *supported,
						  snap_status *why)
{
	struct snapi_error e = { 0 };
	struct supported_call call = { s, volume, &e };

	if (!s)
		return SNAP_E_INVALIDARG;
	if (!supported)
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "snap_is_volume_supported() needs a place for the answer");
	snapi_in_namespace(s, call_supported, &call, &e);
	if (e.code)
		snapi_fail_with(s, &e);
	if (e.code && e.code != SNAP_E_VOLUME_NOT_SUPPORTED &&
	    e.code != SNAP_E_NESTED_VOLUME_LIMIT)
		return e.code;
	*supported = !e.code;
	if (why)
		*why = e.code;
	return SNAP_S_OK;
}
