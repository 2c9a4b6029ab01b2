// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From what the user wrote to a block device. A volume is a mount point or a
 * device; a path inside a mount is refused, as a snapshot of "/srv/data" that
 * is one of all of /srv would surprise.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <blkid/blkid.h>

#include "internal.h"

static bool is_tag(const char *arg)
{
	static const char *const tags[] = {
		"UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=",
	};

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (!strncmp(arg, tags[i], strlen(tags[i])))
			return true;
	return false;
}

static snap_status fail_errno(struct snapi_error *e, const char *arg, int err)
{
	snap_status code = err == ENOENT || err == ENOTDIR ? SNAP_E_OBJECT_NOT_FOUND :
			   err == EACCES || err == EPERM ? SNAP_E_ACCESSDENIED :
			   err == ENOMEM ? SNAP_E_OUTOFMEMORY :
			   SNAP_E_INVALIDARG;

	snapi_error_set(e, code, err, arg, "%s: %s", arg, strerror(err));
	return code;
}

static snap_status resolve_device(const char *arg, dev_t dev, struct snapi_volume *vol,
				  struct snapi_blks *all, struct snapi_error *e)
{
	char name[64];

	/* A node may be left of a device that has gone. */
	if (!snapi_blk_name(dev, name)) {
		snapi_error_set(e, SNAP_E_OBJECT_NOT_FOUND, ENXIO, arg,
				"%s: there is no block device %s", arg, name);
		return e->code;
	}
	vol->dev = dev;
	if (all && snapi_blks_add(all, dev, SNAPI_SELF, 0))
		return fail_errno(e, arg, ENOMEM);
	return SNAP_S_OK;
}

static snap_status resolve_devices(const char *arg, const struct snapi_blks *devs,
				   struct snapi_volume *vol, struct snapi_blks *all,
				   struct snapi_error *e)
{
	for (unsigned int i = 0; i < (all ? devs->nr : 1); i++)
		if (resolve_device(arg, devs->v[i].dev, vol, all, e))
			return e->code;
	vol->dev = devs->v[0].dev;
	return SNAP_S_OK;
}

static snap_status resolve_mount(const char *arg, struct snapi_volume *vol,
				 struct snapi_blks *all, struct snapi_error *e)
{
	struct snapi_blks devs = { 0 };
	struct snapi_mount mount;
	int err = snapi_mount_find(arg, &mount, &devs);

	if (err) {
		fail_errno(e, arg, -err);
	} else if (!mount.is_root) {
		snapi_error_set(e, SNAP_E_INVALIDARG, 0, arg,
				"%s is neither a mount point nor a block device; it lies on %s",
				arg, mount.target);
	} else if (!devs.nr) {
		snapi_error_set(e, SNAP_E_VOLUME_NOT_SUPPORTED, 0, arg,
				"%s is a %s file system, which has no block device below it that could be snapshotted",
				arg, mount.fstype);
	} else {
		e->code = resolve_devices(arg, &devs, vol, all, e);
	}
	snapi_blks_free(&devs);
	return e->code;
}

static snap_status resolve_path(const char *arg, const char *path, struct snapi_volume *vol,
				struct snapi_blks *all, struct snapi_error *e)
{
	struct stat st;

	if (stat(path, &st))
		return fail_errno(e, arg, errno);
	if (S_ISBLK(st.st_mode))
		return resolve_device(arg, st.st_rdev, vol, all, e);
	if (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode))
		return resolve_mount(path, vol, all, e);
	snapi_error_set(e, SNAP_E_INVALIDARG, 0, arg,
			"%s is neither a mount point nor a block device", arg);
	return e->code;
}

static snap_status resolve_tag(const char *arg, struct snapi_volume *vol,
			       struct snapi_blks *all, struct snapi_error *e)
{
	char *path = blkid_evaluate_spec(arg, NULL);

	if (!path) {
		snapi_error_set(e, SNAP_E_OBJECT_NOT_FOUND, ENOENT, arg,
				"no block device has %s", arg);
		return e->code;
	}
	resolve_path(arg, path, vol, all, e);
	free(path);
	return e->code;
}

snap_status snapi_resolve_all(const char *arg, struct snapi_volume *vol,
			      struct snapi_blks *all, struct snapi_error *e)
{
	memset(e, 0, sizeof(*e));
	memset(vol, 0, sizeof(*vol));
	if (!arg || !*arg) {
		snapi_error_set(e, SNAP_E_INVALIDARG, EINVAL, NULL,
				"a volume needs a name");
		return e->code;
	}
	if (strlen(arg) >= 4096) {
		snapi_error_set(e, SNAP_E_INVALIDARG, ENAMETOOLONG, NULL,
				"the name of the volume is too long");
		return e->code;
	}
	/* Longer ones are known by their beginning. */
	snprintf(vol->name, sizeof(vol->name), "%.*s", SNAPSET_NAME_MAX, arg);
	if (is_tag(arg))
		return resolve_tag(arg, vol, all, e);
	return resolve_path(arg, arg, vol, all, e);
}

snap_status snapi_resolve(const char *arg, struct snapi_volume *vol, struct snapi_error *e)
{
	return snapi_resolve_all(arg, vol, NULL, e);
}

snap_status snapi_resolve_device_only(const char *arg, struct snapi_volume *vol,
				      struct snapi_error *e)
{
	struct stat st;

	if (arg && *arg && !is_tag(arg) && !stat(arg, &st) && !S_ISBLK(st.st_mode)) {
		snapi_error_set(e, SNAP_E_INVALIDARG, ENOTBLK, arg,
				"%s is not a block device", arg);
		return e->code;
	}
	return snapi_resolve(arg, vol, e);
}
