// SPDX-License-Identifier: LGPL-2.1-or-later
/* Where the images of a set belong in the tree that they make up. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmount/libmount.h>

#include "expose.h"

/* -ENOMEM or 0; takes over the strings, NULL @path is no memory. */
static int add_place(struct snapi_plan *plan, char *path, char *subvolume, unsigned int image)
{
	struct snapi_place *v;

	v = path ? realloc(plan->places, (plan->nr_places + 1) * sizeof(*v)) : NULL;
	if (!v) {
		free(path);
		free(subvolume);
		return -ENOMEM;
	}
	plan->places = v;
	v[plan->nr_places] = (struct snapi_place){
		.path = path, .subvolume = subvolume, .image = image, .nr = plan->nr_places,
	};
	plan->nr_places++;
	plan->images[image].placed = true;
	return 0;
}

/* Which image is that of @dev, and has a file system to mount; -1: none. */
static int image_of(const struct snapi_plan *plan, dev_t dev)
{
	for (unsigned int i = 0; i < plan->nr_images; i++)
		if (plan->images[i].origin == dev && plan->images[i].type[0])
			return (int)i;
	return -1;
}

/* A subvolume that is mounted as a whole: "/@home"; NULL: it is none. */
static char *whole_subvolume(struct libmnt_fs *fs)
{
	const char *root = mnt_fs_get_root(fs);
	char *value;
	size_t len;

	if (!root || strcmp(mnt_fs_get_fstype(fs), "btrfs") ||
	    mnt_fs_get_option(fs, "subvol", &value, &len) || !value)
		return NULL;
	if (strncmp(root, value, len) || root[len])
		return NULL;
	return strdup(root);
}

/* A part of a file system that is mounted, by a bind, is in the image where it lies. */
static int place_mounted(struct snapi_plan *plan, struct libmnt_fs *fs)
{
	const char *type = mnt_fs_get_fstype(fs), *root = mnt_fs_get_root(fs);
	struct snapi_blks devs = { 0 };
	char *subvolume;
	int err, image;

	if (!type || !root || !mnt_fs_get_target(fs))
		return 0;
	err = snapi_fs_devs(fs, "", &devs);
	image = devs.nr ? image_of(plan, devs.v[0].dev) : -1;
	snapi_blks_free(&devs);
	if (err || image < 0)
		return err;
	subvolume = whole_subvolume(fs);
	if (!subvolume && strcmp(root, "/"))
		return 0;
	return add_place(plan, strdup(mnt_fs_get_target(fs)), subvolume, image);
}

static int places_by_table(struct snapi_plan *plan)
{
	struct libmnt_table *tb = snapi_mount_table();
	struct libmnt_iter *it = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	int err = tb && it ? 0 : -ENOMEM;

	while (!err && mnt_table_next_fs(tb, it, &fs) == 0)
		err = place_mounted(plan, fs);
	mnt_free_iter(it);
	if (tb)
		mnt_unref_table(tb);
	return err;
}

/* One line of what was frozen as a path: "\\012" is a line end. NULL: no memory. */
static char *unescape(const char *name, size_t len)
{
	char *path = malloc(len + 1), *to = path;

	for (size_t i = 0; path && i < len; i++) {
		const char *n = name + i;

		if (len - i >= 4 && n[0] == '\\' && (!memcmp(n, "\\012", 4) || !memcmp(n, "\\134", 4))) {
			*to++ = n[2] == '1' ? '\n' : '\\';
			i += 3;
		} else {
			*to++ = *n;
		}
	}
	if (path)
		*to = 0;
	return path;
}

static bool is_placed(const struct snapi_plan *plan, const char *path)
{
	for (unsigned int i = 0; i < plan->nr_places; i++)
		if (!strcmp(plan->places[i].path, path))
			return true;
	return false;
}

/* Where it was mounted at the instant; in this mount namespace, the others are told in words. */
static int place_frozen(struct snapi_plan *plan, unsigned int image)
{
	const char *name = plan->images[image].p.frozen;
	int err = 0;

	for (size_t len; !err && *name; name += len + (name[len] == '\n')) {
		char *path;

		len = strcspn(name, "\n");
		if (*name != '/' || memmem(name, len, " (of process ", 13))
			continue;
		path = unescape(name, len);
		if (path && is_placed(plan, path))	/* by another device of the file system */
			free(path);
		else
			err = add_place(plan, path, NULL, image);
	}
	return err;
}

static int outer_first(const void *a, const void *b)
{
	const struct snapi_place *one = a, *two = b;
	int order = strcmp(one->path, two->path);

	return order ? order : (int)one->nr - (int)two->nr;
}

int snapi_plan_places(struct snapi_plan *plan)
{
	int err = places_by_table(plan);

	for (unsigned int i = 0; !err && i < plan->nr_images; i++)
		if (!plan->images[i].placed && plan->images[i].type[0])
			err = place_frozen(plan, i);
	if (!err && plan->nr_places)
		qsort(plan->places, plan->nr_places, sizeof(*plan->places), outer_first);
	return err;
}

void snapi_plan_free(struct snapi_plan *plan)
{
	for (unsigned int i = 0; i < plan->nr_places; i++) {
		free(plan->places[i].path);
		free(plan->places[i].subvolume);
	}
	free(plan->places);
	free(plan->images);
}
