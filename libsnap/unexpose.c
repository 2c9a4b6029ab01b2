// SPDX-License-Identifier: LGPL-2.1-or-later
/* Trees of images: which there are, and how they go. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <libmount/libmount.h>

#include "expose.h"

void snapi_exposed_name(const snap_id *set, const snap_id *snapshot, char name[96])
{
	char text[SNAP_ID_TEXT_MAX], one[SNAP_ID_TEXT_MAX];

	snap_id_format(set, text);
	if (snapshot)
		snap_id_format(snapshot, one);
	snprintf(name, 96, SNAPI_EXPOSED "%s%s%s", text, snapshot ? ":" : "", snapshot ? one : "");
}

/* Whether a tree with such a name begins here. */
static bool is_base(struct libmnt_fs *fs, const char *name, const char *directory)
{
	const char *source = mnt_fs_get_source(fs), *type = mnt_fs_get_fstype(fs);

	return source && type && !strcmp(type, "tmpfs") && !strncmp(source, name, strlen(name)) &&
	       (!directory || !strcmp(mnt_fs_get_target(fs), directory));
}

/* Whether the directory was made for the tree. */
static bool was_made(struct libmnt_fs *base)
{
	const char *target = mnt_fs_get_target(base), *source = mnt_fs_get_source(base);
	size_t len = strlen(SNAPI_EXPOSED_IN);

	return !strncmp(target, SNAPI_EXPOSED_IN, len) &&
	       !strcmp(target + len, source + strlen(SNAPI_EXPOSED));
}

/* Whether @fs is @base, or is mounted on it or on what is. */
static bool is_within(struct libmnt_table *tb, struct libmnt_fs *fs, struct libmnt_fs *base)
{
	int nr = mnt_table_get_nents(tb);

	while (fs && fs != base && nr-- > 0) {
		struct libmnt_iter *it = mnt_new_iter(MNT_ITER_FORWARD);
		struct libmnt_fs *other, *parent = NULL;

		while (it && !parent && mnt_table_next_fs(tb, it, &other) == 0)
			if (mnt_fs_get_id(other) == mnt_fs_get_parent_id(fs) && other != fs)
				parent = other;
		mnt_free_iter(it);
		fs = parent;
	}
	return fs == base;
}

/* What was mounted last goes first. */
static snap_status unmount_tree(struct libmnt_table *tb, struct libmnt_fs *base, bool force,
				struct snapi_error *e)
{
	struct libmnt_iter *it = mnt_new_iter(MNT_ITER_BACKWARD);
	int flags = UMOUNT_NOFOLLOW | (force ? MNT_DETACH : 0);
	struct libmnt_fs *fs;

	e->code = it ? SNAP_S_OK : SNAP_E_OUTOFMEMORY;
	while (!e->code && mnt_table_next_fs(tb, it, &fs) == 0) {
		const char *target = mnt_fs_get_target(fs);

		if (!is_within(tb, fs, base) || !umount2(target, flags))
			continue;
		if (errno == EBUSY)
			snapi_error_set(e, SNAP_E_VOLUME_IN_USE, EBUSY, target,
					"%s is in use and cannot be unmounted", target);
		else
			snapi_error_set(e, SNAP_E_PROVIDER_VETO, errno, target,
					"%s cannot be unmounted: %s", target, strerror(errno));
	}
	mnt_free_iter(it);
	return e->code;
}

snap_status snapi_unexpose(const char *name, const char *directory, bool force,
			   unsigned int *found, struct snapi_error *e)
{
	struct libmnt_table *tb = snapi_mount_table();
	struct libmnt_iter *it = mnt_new_iter(MNT_ITER_BACKWARD);
	struct libmnt_fs *fs;
	unsigned int nr = 0;

	e->code = SNAP_S_OK;
	if (!tb || !it)
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	while (!e->code && mnt_table_next_fs(tb, it, &fs) == 0) {
		if (!is_base(fs, name, directory))
			continue;
		nr++;
		if (!unmount_tree(tb, fs, force, e) && was_made(fs))
			rmdir(mnt_fs_get_target(fs));
	}
	if (found)
		*found = nr;
	mnt_free_iter(it);
	if (tb)
		mnt_unref_table(tb);
	return e->code;
}

snap_status snapi_unexpose_deleted(struct snap_session *s, const snap_id *id,
				   enum snap_object type, bool force, struct snapi_error *e)
{
	struct snap_snapshot_props p = { .size = sizeof(p) };
	char name[96];

	if (type == SNAP_OBJECT_SNAPSHOT_SET) {
		snapi_exposed_name(id, NULL, name);
	} else {
		if (SNAP_FAILED(snapi_query_snapshot(s, id, &p, e)))
			return e->code = SNAP_S_OK;	/* who deletes it will say that */
		snapi_exposed_name(&p.set_id, id, name);
	}
	return snapi_unexpose(name, NULL, force, NULL, e);
}

/* The name of what is mounted by that id; snapshots are known only while they are there. */
static snap_status name_of(struct snap_session *s, const snap_id *id, enum snap_object type,
			   char name[96], struct snapi_error *e)
{
	struct snap_snapshot_props p = { .size = sizeof(p) };

	e->code = SNAP_S_OK;
	if (!id) {
		snprintf(name, 96, "%s", SNAPI_EXPOSED);
	} else if (type == SNAP_OBJECT_SNAPSHOT_SET) {
		snapi_exposed_name(id, NULL, name);
	} else {
		snapi_query_snapshot(s, id, &p, e);
		snapi_exposed_name(&p.set_id, id, name);
	}
	return e->code;
}

SNAPI_EXPORT snap_status snap_unexpose(struct snap_session *s, const snap_id *id,
				       enum snap_object type, const char *directory, bool force)
{
	struct snapi_error e = { 0 };
	char name[96], real[PATH_MAX];
	unsigned int found;

	if (!s)
		return SNAP_E_INVALIDARG;
	if ((!id && !directory) ||
	    (id && type != SNAP_OBJECT_SNAPSHOT && type != SNAP_OBJECT_SNAPSHOT_SET))
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "snap_unexpose() needs a directory, or an id and whether it is that of a set or a snapshot");
	if (directory && !realpath(directory, real)) {
		snapi_error_set(&e, SNAP_E_OBJECT_NOT_FOUND, errno, directory, "%s: %s",
				directory, strerror(errno));
		return snapi_fail_with(s, &e);
	}
	if (!name_of(s, id, type, name, &e) &&
	    !snapi_unexpose(name, directory ? real : NULL, force, &found, &e) && !found)
		snapi_error_set(&e, SNAP_E_OBJECT_NOT_FOUND, 0, directory,
				directory ? "no images are mounted at %s" :
				"no images of it are mounted%s", directory ? directory : "");
	return e.code ? snapi_fail_with(s, &e) : SNAP_S_OK;
}
