// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Mounts the images of a set as one tree.
 *
 * mount(2) is called, and not libmount: its targets are descriptors. A path in the tree leads
 * through images, whose directories other people have written; each part of it is opened by
 * itself, and a symbolic link is no directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expose.h"

/* The images */

static int add_image(struct snapi_plan *plan, const struct snap_snapshot_props *p)
{
	struct snapi_image *v = realloc(plan->images, (plan->nr_images + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	plan->images = v;
	v[plan->nr_images++] = (struct snapi_image){
		.p = *p, .origin = makedev(p->origin_major, p->origin_minor),
	};
	return 0;
}

static snap_status can_be_mounted(const struct snap_snapshot_props *p, struct snapi_error *e)
{
	if (p->state == SNAP_SNAPSHOT_DEAD)
		snapi_error_set(e, p->code, 0, p->volume, "the snapshot of %s is lost: %s",
				p->volume, p->text);
	else if (!p->device[0])
		snapi_error_set(e, SNAP_E_BAD_STATE, 0, p->volume,
				"the snapshot of %s has no image yet", p->volume);
	return e->code;
}

/* All of a set; of a snapshot those of its set, as its file system may need them. */
static snap_status get_images(struct snap_session *s, const snap_id *set, struct snapi_plan *plan,
			      struct snapi_error *e)
{
	struct snap_filter f = {
		.size = sizeof(f), .object = SNAP_OBJECT_SNAPSHOT, .set_id = *set,
	};
	struct snap_snapshot_props p = { .size = sizeof(p) };
	struct snap_iter *it;

	if (SNAP_FAILED(snapi_query(s, &f, &it, e)))
		return e->code;
	while (!e->code && snap_iter_next_snapshot(it, &p) == SNAP_S_OK) {
		if (!can_be_mounted(&p, e) && add_image(plan, &p))
			snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	}
	snap_iter_free(it);
	if (!e->code && !plan->nr_images)
		snapi_error_set(e, SNAP_E_OBJECT_NOT_FOUND, 0, NULL, "there is no such set");
	for (unsigned int i = 0; !e->code && i < plan->nr_images; i++)
		snapi_image_probe(&plan->images[i]);
	return e->code;
}

/* Of all places those of one image, the outermost, which becomes the tree's root. */
static int only_place(struct snapi_plan *plan, const snap_id *id)
{
	struct snapi_place *v = plan->places;
	unsigned int image = 0, nr = plan->nr_places;
	struct snapi_place one = { 0 };

	while (!snap_id_equal(&plan->images[image].p.id, id))
		image++;
	one.image = image;
	for (unsigned int i = nr; i-- > 0; ) {
		if (v[i].image == image) {
			free(one.subvolume);
			one.subvolume = v[i].subvolume;
			v[i].subvolume = NULL;
		}
		free(v[i].path);
		free(v[i].subvolume);
	}
	free(v);
	plan->nr_places = 0;
	plan->places = malloc(sizeof(one));
	one.path = strdup("/");
	if (!plan->places || !one.path || !plan->images[image].type[0]) {
		free(one.path);
		free(one.subvolume);
		return plan->places && one.path ? 0 : -ENOMEM;
	}
	plan->places[plan->nr_places++] = one;
	return 0;
}

/* The tree */

/* Opens the directory @path of the tree whose root is @root; makes what is missing if it can. */
static int open_place(int root, const char *path)
{
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	char *copy = strdup(path), *rest = copy, *part;
	int fd = copy ? fcntl(root, F_DUPFD_CLOEXEC, 3) : -1, next;

	while (fd >= 0 && (part = strsep(&rest, "/"))) {
		if (!*part)
			continue;
		next = openat(fd, part, flags);
		if (next < 0 && errno == ENOENT && !mkdirat(fd, part, 0755))
			next = openat(fd, part, flags);
		if (next < 0) {
			int err = errno;

			close(fd);
			free(copy);
			errno = err == EROFS ? ENOENT : err;
			return -1;
		}
		close(fd);
		fd = next;
	}
	free(copy);
	return fd;
}

/* False: it does not fit, or a name would be taken for an option, as a comma cannot be written. */
static bool options_of(const struct snapi_plan *plan, const struct snapi_place *place,
		       char *text, size_t size)
{
	const struct snapi_image *image = &plan->images[place->image];
	int n = snprintf(text, size, "%s", snapi_image_options(image->type));

	if (place->subvolume && strchr(place->subvolume, ','))
		return false;
	if (place->subvolume)
		n += snprintf(text + n, size - n, ",subvol=%s", place->subvolume);
	return (size_t)n < size;
}

static snap_status mount_failed(const struct snapi_image *image, int err, struct snapi_error *e)
{
	const char *why = "";

	if (err == EEXIST && !strcmp(image->type, "btrfs"))
		why = "; this kernel mounts no second btrfs with the UUID of one that is mounted, and an older one only after \"btrfs device scan --forget\"";
	snapi_error_set(e, SNAP_E_VOLUME_NOT_SUPPORTED, err, image->p.volume,
			"%s, the image of %s, cannot be mounted as %s: %s%s", image->p.device,
			image->p.volume, image->type, strerror(err), why);
	return e->code;
}

/* @root: of the tree, as far as it is mounted. */
static snap_status mount_place(const struct snapi_plan *plan, const struct snapi_place *place,
			       int root, struct snapi_error *e)
{
	const struct snapi_image *image = &plan->images[place->image];
	char target[64], options[PATH_MAX];
	int fd, err = 0;

	if (!options_of(plan, place, options, sizeof(options)))
		return mount_failed(image, EINVAL, e);
	fd = open_place(root, place->path);
	if (fd < 0) {
		snapi_error_set(e, SNAP_E_VOLUME_NOT_SUPPORTED, errno, image->p.volume,
				"the tree has no directory %s to mount %s at: %s", place->path,
				image->p.device, strerror(errno));
		return e->code;
	}
	snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	if (mount(image->p.device, target, image->type, MS_RDONLY | MS_NODEV | MS_NOSUID, options))
		err = errno;
	close(fd);
	return err ? mount_failed(image, err, e) : SNAP_S_OK;
}

/* The tmpfs that the tree begins with; -1: the error is in @e. */
static int mount_base(const char *directory, const char *name, struct snapi_error *e)
{
	char path[64];
	int fd = -1;

	if (!mount(name, directory, "tmpfs", MS_NODEV | MS_NOSUID | MS_NOEXEC, "size=1m,mode=755"))
		fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/*
	 * Namespaces that are there have got the tmpfs, by propagation, and get no more. Those
	 * that are made from ours later, for a service, copy it all, and what is unmounted here
	 * then goes there as well.
	 */
	if (fd >= 0 && (mount(NULL, path, NULL, MS_PRIVATE, NULL) ||
			mount(NULL, path, NULL, MS_SHARED, NULL))) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		snapi_error_set(e, SNAP_E_PROVIDER_VETO, errno, directory,
				"nothing can be mounted at %s: %s", directory, strerror(errno));
	return fd;
}

static snap_status mount_all(const struct snapi_plan *plan, const char *directory, int base,
			     struct snapi_error *e)
{
	char path[64];
	int root = base;

	for (unsigned int i = 0; !e->code && i < plan->nr_places; i++) {
		mount_place(plan, &plan->places[i], root, e);
		/* what lies on the first place is found through what is mounted there */
		if (!e->code && !strcmp(plan->places[i].path, "/")) {
			if (root != base)
				close(root);
			root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
			if (root < 0)
				snapi_error_set(e, SNAP_E_PROVIDER_VETO, errno, directory, "%s: %s",
						directory, strerror(errno));
		}
	}
	if (root != base && root >= 0)
		close(root);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", base);
	if (!e->code && mount(NULL, path, NULL, MS_REMOUNT | MS_RDONLY | MS_NODEV | MS_NOSUID |
			      MS_NOEXEC, NULL))
		snapi_error_set(e, SNAP_E_PROVIDER_VETO, errno, directory, "%s: %s", directory,
				strerror(errno));
	return e->code;
}

/* Where: as the caller says, or a directory that is made for it. */
static snap_status find_directory(const char *wanted, const char *name, char real[PATH_MAX],
				  struct snapi_error *e)
{
	char path[PATH_MAX];
	struct stat st;

	if (!wanted) {		/* what cannot be made is not there, as is said below */
		mkdir(SNAPI_EXPOSED_IN, 0700);
		snprintf(path, sizeof(path), SNAPI_EXPOSED_IN "%s", name + strlen(SNAPI_EXPOSED));
		mkdir(path, 0700);
	}
	if (!realpath(wanted ? wanted : path, real) || stat(real, &st)) {
		snapi_error_set(e, SNAP_E_OBJECT_NOT_FOUND, errno, wanted, "%s: %s",
				wanted ? wanted : path, strerror(errno));
	} else if (!S_ISDIR(st.st_mode)) {
		snapi_error_set(e, SNAP_E_INVALIDARG, ENOTDIR, wanted, "%s is no directory", real);
	}
	return e->code;
}

static void say_why(const struct snapi_image *image, char *text, size_t size)
{
	snprintf(text, size, image->several ?
		 "%s: a btrfs on several devices, of which the kernel would put images and originals together" :
		 image->type[0] ?
		 "%s: its file system is not mounted, and was not when it was taken" :
		 "%s: there is no file system on it that could be mounted", image->p.volume);
}

/* What was not mounted, and why of the first; @only: the one that was to be. */
static void tell_left(const struct snapi_plan *plan, const snap_id *only, struct snap_exposed *out)
{
	for (unsigned int i = 0; i < plan->nr_images; i++) {
		const struct snapi_image *image = &plan->images[i];

		if (only ? !snap_id_equal(&image->p.id, only) || plan->nr_places : image->placed)
			continue;
		if (!out->left++)
			say_why(image, out->why, sizeof(out->why));
	}
}

static snap_status expose(struct snap_session *s, const snap_id *set, const snap_id *snapshot,
			  const char *directory, struct snap_exposed *out, struct snapi_error *e)
{
	struct snapi_plan plan = { 0 };
	struct snapi_error undo;
	char name[96];
	int base, err;

	snapi_exposed_name(set, snapshot, name);
	if (get_images(s, set, &plan, e))
		goto out;
	err = snapi_plan_places(&plan);
	if (!err && snapshot)
		err = only_place(&plan, snapshot);
	if (err)
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	else
		tell_left(&plan, snapshot, out);
	if (!e->code && !plan.nr_places)
		snapi_error_set(e, SNAP_E_VOLUME_NOT_SUPPORTED, 0, NULL, "%s", out->why);
	if (e->code || find_directory(directory, name, out->directory, e))
		goto out;
	base = mount_base(out->directory, name, e);
	if (base < 0)
		goto out;
	if (mount_all(&plan, out->directory, base, e)) {
		close(base);
		snapi_unexpose(name, out->directory, true, NULL, &undo);
	} else {
		close(base);
	}
	out->mounted = plan.nr_places;
out:
	snapi_plan_free(&plan);
	return e->code;
}

SNAPI_EXPORT snap_status snap_expose(struct snap_session *s, const snap_id *id,
				     enum snap_object type, const char *directory,
				     struct snap_exposed *out)
{
	struct snap_snapshot_props p = { .size = sizeof(p) };
	struct snap_exposed own = { .size = sizeof(own) };
	struct snapi_error e = { 0 };

	if (!s)
		return SNAP_E_INVALIDARG;
	if (!id || (type != SNAP_OBJECT_SNAPSHOT && type != SNAP_OBJECT_SNAPSHOT_SET))
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "snap_expose() needs an id, and whether it is that of a set or a snapshot");
	if (out && !snapi_struct_fits(out))
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "the size of struct snap_exposed is not set");
	if (type == SNAP_OBJECT_SNAPSHOT_SET)
		expose(s, id, NULL, directory, &own, &e);
	else if (!snapi_query_snapshot(s, id, &p, &e))
		expose(s, &p.set_id, id, directory, &own, &e);
	if (e.code)
		return snapi_fail_with(s, &e);
	if (out)
		snapi_struct_out(out, &own, sizeof(own));
	return own.left ? SNAP_S_FALSE : SNAP_S_OK;
}
