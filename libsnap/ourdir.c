// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The directory that a store lies in. One of the name that the library gives is made in the
 * root of a file system, which may be anybody's: he can rename it, and put a link or a
 * directory of his own there, between any two looks at a name. So it is opened once, no
 * link is followed, and what was opened is what is looked at, and used.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/magic.h>

#include "internal.h"
#include "storage.h"

static const char *last_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_our_name(const char *path)
{
	return !strcmp(last_of(path), SNAPI_PLACE);
}

/* Without its last component, "." if there is no other. -errno */
static int parent_of(const char *path, char parent[PATH_MAX])
{
	size_t len = (size_t)(last_of(path) - path);

	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(parent, path, len);
	parent[len] = 0;
	if (!len)
		strcpy(parent, ".");
	return 0;
}

static int open_parent(const char *path)
{
	char parent[PATH_MAX];
	int fd, err = parent_of(path, parent);

	if (err)
		return err;
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Whoever may write there could put something else in a file's place. */
static bool is_ours_alone(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_uid == geteuid() && !(st.st_mode & 022);
}

static int open_ours(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ELOOP || errno == ENOTDIR ? -EPERM : -errno;
	if (is_ours_alone(fd))
		return fd;
	close(fd);
	return -EPERM;
}

int snapi_dir_open(const char *path)
{
	int parent, fd;

	if (!is_our_name(path)) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	parent = open_parent(path);
	if (parent < 0)
		return parent;
	fd = open_ours(parent, last_of(path));
	close(parent);
	return fd;
}

/*
 * A subvolume of its own: while a file of one is a store, btrfs makes no snapshot of that
 * subvolume. False: there is none, and a directory will do.
 */
static bool make_subvolume(int parent, const char *name)
{
	struct btrfs_ioctl_vol_args args = { 0 };
	struct statfs fs;
	struct stat st;
	bool made;
	int fd;

	if (fstatfs(parent, &fs) || fs.f_type != BTRFS_SUPER_MAGIC)
		return false;
	/* what an older version has made goes, if it is empty */
	if (!fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) && st.st_ino != BTRFS_FIRST_FREE_OBJECTID)
		unlinkat(parent, name, AT_REMOVEDIR);
	snprintf(args.name, sizeof(args.name), "%s", name);
	if (ioctl(parent, BTRFS_IOC_SUBVOL_CREATE, &args))
		return false;
	/* its mode is what the umask leaves; of what is there now, if it is that */
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	made = fd >= 0 && !fstat(fd, &st) && st.st_uid == geteuid() &&
	       st.st_ino == BTRFS_FIRST_FREE_OBJECTID && !fchmod(fd, 0700);
	if (fd >= 0)
		close(fd);
	return made;
}

int snapi_dir_make(const char *path)
{
	int parent = open_parent(path), fd, err;

	if (parent < 0)
		return parent;
	err = make_subvolume(parent, last_of(path)) ||
	      !mkdirat(parent, last_of(path), 0700) || errno == EEXIST ? 0 : -errno;
	fd = err ? err : open_ours(parent, last_of(path));
	close(parent);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

char *snapi_dir_real(const char *path)
{
	char parent[PATH_MAX], *real, *whole = NULL;

	if (!is_our_name(path))
		return realpath(path, NULL);
	errno = -parent_of(path, parent);
	real = errno ? NULL : realpath(parent, NULL);
	if (real && asprintf(&whole, "%s/" SNAPI_PLACE, strcmp(real, "/") ? real : "") < 0) {
		errno = ENOMEM;
		whole = NULL;
	}
	free(real);
	return whole;
}
