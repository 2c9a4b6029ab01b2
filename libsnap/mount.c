// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The mount table: which devices a file system uses, and which file systems
 * use given devices.
 *
 * A path says little: it may be hidden by a later mount or lead through a
 * symbolic link. So a path is opened first, and the kernel is asked for the
 * mount id of what was opened (fdinfo).
 */
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <blkid/blkid.h>
#include <libmount/libmount.h>
#include <linux/btrfs.h>

#include "internal.h"

#define MOUNTINFO	"/proc/thread-self/mountinfo"	/* see namespace.c */

const char *snapi_mounts = MOUNTINFO;

/* The mount id behind @fd, -1 if the kernel does not say. */
static int mount_id(int fd)
{
	char path[64], line[256];
	int id = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (id < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "mnt_id: %d", &id) != 1)
			id = -1;
	fclose(f);
	return id;
}

static int add_source(struct snapi_blks *devs, const char *path)
{
	struct stat st;

	if (!path || path[0] != '/' || stat(path, &st) || !S_ISBLK(st.st_mode))
		return 0;
	return snapi_blks_add(devs, st.st_rdev, SNAPI_SELF, 0);
}

/* Where the file system is mounted, as seen from @root: "", or that of some process. */
static int open_target(struct libmnt_fs *fs, const char *root, int flags)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s%s", root, mnt_fs_get_target(fs));

	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, flags);
}

/* btrfs has an anonymous device number; its real ones are in sysfs. */
static int add_btrfs(struct snapi_blks *devs, struct libmnt_fs *fs, const char *root)
{
	struct btrfs_ioctl_fs_info_args info;
	char path[512], uuid[SNAP_ID_TEXT_MAX];
	struct dirent *de;
	int fd, err = 0;
	snap_id id;
	DIR *dir;

	memset(&info, 0, sizeof(info));
	fd = open_target(fs, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (ioctl(fd, BTRFS_IOC_FS_INFO, &info)) {
		close(fd);
		return 0;
	}
	close(fd);
	memcpy(id.b, info.fsid, sizeof(id.b));
	snap_id_format(&id, uuid);
	snprintf(path, sizeof(path), "%s/fs/btrfs/%s/devices", snapi_sysfs, uuid);
	dir = opendir(path);
	if (!dir)
		return 0;
	while (!err && (de = readdir(dir))) {
		unsigned int ma, mi;
		char buf[1024];
		FILE *f;

		if (de->d_name[0] == '.')
			continue;
		snprintf(buf, sizeof(buf), "%s/%s/dev", path, de->d_name);
		f = fopen(buf, "re");
		if (!f)
			continue;
		if (fscanf(f, "%u:%u", &ma, &mi) == 2)
			err = snapi_blks_add(devs, makedev(ma, mi), SNAPI_SELF, 0);
		fclose(f);
	}
	closedir(dir);
	return err;
}

/* The devices given by an option such as logdev=/dev/x. */
static int add_option(struct snapi_blks *devs, struct libmnt_fs *fs,
		      const char *name)
{
	char *value, path[PATH_MAX];
	size_t len;

	if (mnt_fs_get_option(fs, name, &value, &len) || !value || len >= sizeof(path))
		return 0;
	memcpy(path, value, len);
	path[len] = 0;
	return add_source(devs, path);
}

/* The UUID called @name in the superblock on @dev; false: it has none. */
static bool probe_uuid(dev_t dev, const char *name, char uuid[40])
{
	char path[80], kernel[64];
	const char *value;
	blkid_probe pr;
	bool found;

	snapi_blk_name(dev, kernel);
	snprintf(path, sizeof(path), "/dev/%s", kernel);
	pr = blkid_new_probe_from_filename(path);
	found = pr && blkid_do_safeprobe(pr) == 0 &&
		blkid_probe_lookup_value(pr, name, &value, NULL) == 0;
	if (found)
		snprintf(uuid, 40, "%s", value);
	blkid_free_probe(pr);
	return found;
}

/*
 * ext4's journal may be on a device of its own. The file system knows it by its UUID; and
 * the journals that are in use, by the kernel's name of their device, are listed.
 */
int snapi_journal_devs(dev_t dev, struct snapi_blks *devs)
{
	char want[40], have[40];
	struct dirent *de;
	DIR *dir = opendir("/proc/fs/jbd2");
	int err = 0;

	while (dir && !err && (de = readdir(dir))) {
		char path[320];
		unsigned int ma, mi;
		FILE *f;

		/* "vda1-8" is an inode of vda1, "vdb" is a device */
		snprintf(path, sizeof(path), "%s/class/block/%s/dev", snapi_sysfs, de->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fscanf(f, "%u:%u", &ma, &mi) == 2 &&
		    probe_uuid(dev, "EXT_JOURNAL", want) &&
		    probe_uuid(makedev(ma, mi), "UUID", have) && !strcmp(want, have))
			err = snapi_blks_add(devs, makedev(ma, mi), SNAPI_SELF, 0);
		fclose(f);
	}
	if (dir)
		closedir(dir);
	return err;
}

int snapi_fs_devs(struct libmnt_fs *fs, const char *root, struct snapi_blks *devs)
{
	const char *type = mnt_fs_get_fstype(fs), *source = mnt_fs_get_source(fs);
	dev_t dev = mnt_fs_get_devno(fs);
	int err = 0;

	if (!type)
		return 0;
	if (major(dev)) {
		err = snapi_blks_add(devs, dev, SNAPI_SELF, 0);
		if (!err && !strncmp(type, "ext", 3))
			err = snapi_journal_devs(dev, devs);
		if (!err && !strcmp(type, "xfs"))
			err = add_option(devs, fs, "logdev");
		if (!err && !strcmp(type, "xfs"))
			err = add_option(devs, fs, "rtdev");
	} else if (!strcmp(type, "btrfs")) {
		err = add_btrfs(devs, fs, root);
		if (!err && !devs->nr)
			err = add_source(devs, source);
	} else if (!strcmp(type, "bcachefs") && source) {
		char *list = strdup(source), *rest = list, *path;

		if (!list)
			return -ENOMEM;
		while (!err && (path = strsep(&rest, ":")))
			err = add_source(devs, path);
		free(list);
	}
	return err;
}

struct libmnt_table *snapi_mount_table(void)
{
	return mnt_new_table_from_file(MOUNTINFO);
}

static struct libmnt_fs *find_id(struct libmnt_table *tb, int id)
{
	struct libmnt_iter *it = mnt_new_iter(MNT_ITER_BACKWARD);
	struct libmnt_fs *fs, *found = NULL;

	while (it && !found && mnt_table_next_fs(tb, it, &fs) == 0)
		if (mnt_fs_get_id(fs) == id)
			found = fs;
	mnt_free_iter(it);
	return found;
}

int snapi_mount_find(const char *path, struct snapi_mount *mount,
		     struct snapi_blks *devs)
{
	struct libmnt_table *tb = NULL;
	char real[PATH_MAX];
	struct libmnt_fs *fs;
	int fd, err = 0;

	/* as a directory, so that what is mounted on demand is mounted */
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOTDIR)
		fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!realpath(path, real)) {
		err = -errno;
		goto out;
	}
	tb = snapi_mount_table();
	fs = tb ? find_id(tb, mount_id(fd)) : NULL;
	if (!fs) {		/* no /proc, or outside of our root */
		err = tb ? -ENODEV : -ENOMEM;
		goto out;
	}
	snprintf(mount->target, sizeof(mount->target), "%s", mnt_fs_get_target(fs));
	snprintf(mount->fstype, sizeof(mount->fstype), "%s",
		 mnt_fs_get_fstype(fs) ? mnt_fs_get_fstype(fs) : "unknown");
	mount->is_root = !strcmp(mount->target, real);
	err = snapi_fs_devs(fs, "", devs);
out:
	if (tb)
		mnt_unref_table(tb);
	close(fd);
	return err;
}

int snapi_mount_devs_of(const char *path, struct snapi_blks *devs)
{
	struct snapi_mount mount;

	return snapi_mount_find(path, &mount, devs);
}

int snapi_mount_open(struct libmnt_fs *fs, const char *root)
{
	int fd;

	fd = open_target(fs, root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOTDIR)		/* a file bound to a file */
		fd = open_target(fs, root, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (mount_id(fd) == mnt_fs_get_id(fs))
		return fd;
	close(fd);
	return -1;
}

/* Of those that the kernel takes ext2 and ext3 cannot allocate a file. It has the last word. */
bool snapi_fstype_holds_stores(const char *type)
{
	static const char *const types[] = { "ext4", "xfs", "btrfs" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

static bool holds_stores(struct libmnt_fs *fs)
{
	const char *type = mnt_fs_get_fstype(fs);

	return type && snapi_fstype_holds_stores(type) && !mnt_fs_match_options(fs, "ro");
}

/* Whether an earlier entry has the same file system, and would do as well. */
static bool listed_before(struct libmnt_table *tb, struct libmnt_fs *fs)
{
	struct libmnt_iter *it = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *other;
	bool found = false;
	int fd;

	while (it && !found && mnt_table_next_fs(tb, it, &other) == 0 && other != fs) {
		if (mnt_fs_get_devno(other) != mnt_fs_get_devno(fs) || !holds_stores(other))
			continue;
		fd = snapi_mount_open(other, "");
		found = fd >= 0;
		if (found)
			close(fd);
	}
	mnt_free_iter(it);
	return found;
}

static int offer(struct libmnt_table *tb, struct libmnt_fs *fs,
		 int (*fn)(const char *target, void *arg), void *arg)
{
	struct snapi_blks devs = { 0 };
	struct stat st;
	int fd, err;

	if (!holds_stores(fs))
		return 0;
	fd = snapi_mount_open(fs, "");
	if (fd < 0)
		return 0;
	/* of a file that is bound to a file there is no directory */
	err = fstat(fd, &st) || !S_ISDIR(st.st_mode) || listed_before(tb, fs);
	close(fd);
	if (err)
		return 0;
	err = snapi_fs_devs(fs, "", &devs);
	if (!err && devs.nr == 1)
		err = fn(mnt_fs_get_target(fs), arg);
	snapi_blks_free(&devs);
	return err;
}

int snapi_mounts_for_stores(int (*fn)(const char *target, void *arg), void *arg)
{
	struct libmnt_table *tb = mnt_new_table_from_file(snapi_mounts);
	struct libmnt_iter *it = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	int err = tb && it ? 0 : -ENOMEM;

	while (!err && mnt_table_next_fs(tb, it, &fs) == 0)
		err = offer(tb, fs, fn, arg);
	mnt_free_iter(it);
	if (tb)
		mnt_unref_table(tb);
	return err;
}
