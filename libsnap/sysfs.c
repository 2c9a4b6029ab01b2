// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How block devices stand on each other, read from sysfs: slaves and holders
 * (device-mapper, md), partitions and disks, loop files.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "internal.h"

const char *snapi_sysfs = "/sys";

static int open_dir(dev_t dev, const char *sub)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/dev/block/%u:%u/%s", snapi_sysfs,
		 major(dev), minor(dev), sub);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool exists(dev_t dev, const char *sub)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/dev/block/%u:%u/%s", snapi_sysfs,
		 major(dev), minor(dev), sub);
	return access(path, F_OK) == 0;
}

/* Reads a small file without its newline; false if there is none. */
static bool read_at(int dir, const char *name, char *buf, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n <= 0)
		return false;
	buf[n] = 0;
	buf[strcspn(buf, "\n")] = 0;
	return true;
}

static dev_t read_dev(int dir, const char *name)
{
	unsigned int ma, mi;
	char buf[32];

	if (!read_at(dir, name, buf, sizeof(buf)) ||
	    sscanf(buf, "%u:%u", &ma, &mi) != 2)
		return 0;
	return makedev(ma, mi);
}

/* The disk of a partition, 0 if @dev is none. */
static dev_t disk_of(dev_t dev)
{
	dev_t disk;
	int dir;

	if (!exists(dev, "partition"))
		return 0;
	dir = open_dir(dev, "..");
	if (dir < 0)
		return 0;
	disk = read_dev(dir, "dev");
	close(dir);
	return disk;
}

/*
 * Adds each device that has a directory in @sub of @dev; @only: a file it must
 * have.
 */
static int add_each(struct snapi_blks *b, unsigned int from, const char *sub,
		    const char *only, enum snapi_how how)
{
	int fd = open_dir(b->v[from].dev, sub), err = 0;
	struct dirent *de;
	DIR *dir;

	if (fd < 0)
		return 0;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return 0;
	}
	while (!err && (de = readdir(dir))) {
		char path[512];
		dev_t dev;

		if (de->d_name[0] == '.')
			continue;
		if (only) {
			snprintf(path, sizeof(path), "%s/%s", de->d_name, only);
			if (faccessat(fd, path, F_OK, 0))
				continue;
		}
		snprintf(path, sizeof(path), "%s/dev", de->d_name);
		dev = read_dev(fd, path);
		if (dev)
			err = snapi_blks_add(b, dev, how, from);
	}
	closedir(dir);
	return err;
}

static int add_loop_file(struct snapi_blks *b, unsigned int from)
{
	struct snapi_blks devs = { 0 };
	char file[4096];
	int dir = open_dir(b->v[from].dev, "loop"), err = 0;

	if (dir < 0)
		return 0;
	if (read_at(dir, "backing_file", file, sizeof(file)) && file[0] == '/') {
		struct stat st;

		/* A loop may stand on a block device, too. */
		if (!stat(file, &st) && S_ISBLK(st.st_mode))
			err = snapi_blks_add(&devs, st.st_rdev, SNAPI_SELF, 0);
		else if (snapi_mount_devs_of(file, &devs) == -ENOMEM)
			err = -ENOMEM;
	}
	close(dir);
	for (unsigned int i = 0; !err && i < devs.nr; i++)
		err = snapi_blks_add(b, devs.v[i].dev, SNAPI_LOOP, from);
	snapi_blks_free(&devs);
	return err;
}

int snapi_blks_below(struct snapi_blks *b, dev_t dev)
{
	int err = snapi_blks_add(b, dev, SNAPI_SELF, 0);

	/* The list grows while we walk it; each device comes once. */
	for (unsigned int i = 0; !err && i < b->nr; i++) {
		dev_t disk = disk_of(b->v[i].dev);

		if (disk)
			err = snapi_blks_add(b, disk, SNAPI_DISK, i);
		if (!err)
			err = add_each(b, i, "slaves", NULL, SNAPI_SLAVE);
		if (!err)
			err = add_loop_file(b, i);
	}
	return err;
}

int snapi_blks_above(struct snapi_blks *b, dev_t dev)
{
	unsigned int first = b->nr;
	int err = snapi_blks_add(b, dev, SNAPI_SELF, first);

	for (unsigned int i = first; !err && i < b->nr; i++) {
		dev_t disk = disk_of(b->v[i].dev);

		/* What stands on the whole disk covers us, its other partitions do not. */
		if (disk)
			err = snapi_blks_add(b, disk, SNAPI_DISK, i);
		if (!err)
			err = add_each(b, i, "holders", NULL, SNAPI_HOLDER);
		if (!err && b->v[i].how != SNAPI_DISK)
			err = add_each(b, i, "", "partition", SNAPI_PARTITION);
	}
	return err;
}

int snapi_blk_wholly_on(dev_t dev, const struct snapi_blks *members, bool *yes)
{
	struct snapi_blks made_of = { 0 };
	dev_t disk = disk_of(dev);
	int err;

	*yes = snapi_blks_has(members, dev);
	if (*yes)
		return 0;
	if (disk)
		return snapi_blk_wholly_on(disk, members, yes);
	err = snapi_blks_add(&made_of, dev, SNAPI_SELF, 0);
	if (!err)
		err = add_each(&made_of, 0, "slaves", NULL, SNAPI_SLAVE);
	*yes = made_of.nr > 1;
	for (unsigned int i = 1; !err && *yes && i < made_of.nr; i++)
		err = snapi_blk_wholly_on(made_of.v[i].dev, members, yes);
	snapi_blks_free(&made_of);
	return err;
}

int snapi_blks_add(struct snapi_blks *b, dev_t dev, enum snapi_how how,
		   unsigned int from)
{
	struct snapi_blk *v;

	for (unsigned int i = 0; i < b->nr; i++) {
		if (b->v[i].dev != dev)
			continue;
		/* A member itself counts for more than a disk of a partition. */
		if (b->v[i].how != SNAPI_DISK || how == SNAPI_DISK)
			return 0;
		b->v[i].dev = 0;
	}
	v = realloc(b->v, (b->nr + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	b->v = v;
	v += b->nr;
	v->dev = dev;
	v->how = how;
	v->from = how == SNAPI_SELF ? b->nr : from;
	v->loops = (how == SNAPI_SELF ? 0 : b->v[from].loops) + (how == SNAPI_LOOP);
	b->nr++;
	return 0;
}

bool snapi_blks_has(const struct snapi_blks *b, dev_t dev)
{
	for (unsigned int i = 0; i < b->nr; i++)
		if (b->v[i].dev == dev)
			return true;
	return false;
}

void snapi_blks_free(struct snapi_blks *b)
{
	free(b->v);
	b->v = NULL;
	b->nr = 0;
}

bool snapi_blk_name(dev_t dev, char name[64])
{
	char path[512], link[4096];
	const char *base;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/dev/block/%u:%u", snapi_sysfs,
		 major(dev), minor(dev));
	n = readlink(path, link, sizeof(link) - 1);
	if (n <= 0) {
		snprintf(name, 64, "%u:%u", major(dev), minor(dev));
		return false;
	}
	link[n] = 0;
	base = strrchr(link, '/');
	base = base ? base + 1 : link;
	snprintf(name, 64, "%.63s", base);
	for (char *c = name; *c; c++)		/* "cciss!c0d0" is /dev/cciss/c0d0 */
		if (*c == '!')
			*c = '/';
	return true;
}

uint64_t snapi_blk_bytes(dev_t dev)
{
	unsigned long long sectors = 0;
	int dir = open_dir(dev, ".");
	char buf[32];

	if (dir < 0)
		return 0;
	if (!read_at(dir, "size", buf, sizeof(buf)) || sscanf(buf, "%llu", &sectors) != 1)
		sectors = 0;
	close(dir);
	return sectors * 512;
}

bool snapi_blk_is_image(dev_t dev)
{
	return exists(dev, "snapset");
}

bool snapi_blk_is_loop(dev_t dev)
{
	return exists(dev, "loop/backing_file");
}

static const char *const owner_words[] = {
	[SNAPI_OWNER_MD]	= "a leg of the array",
	[SNAPI_OWNER_MULTIPATH]	= "a path of the multipath map",
	[SNAPI_OWNER_BCACHE]	= "a part of the cached device",
};

const char *snapi_owner_words(enum snapi_owner owner)
{
	return owner_words[owner];
}

/* What the holder called @name in @holders makes of the device below. */
static enum snapi_owner owner_kind(int holders, const char *name)
{
	char path[300], uuid[160];

	snprintf(path, sizeof(path), "%s/md", name);
	if (!faccessat(holders, path, F_OK, 0))
		return SNAPI_OWNER_MD;
	snprintf(path, sizeof(path), "%s/bcache", name);
	if (!faccessat(holders, path, F_OK, 0))
		return SNAPI_OWNER_BCACHE;
	snprintf(path, sizeof(path), "%s/dm/uuid", name);
	if (read_at(holders, path, uuid, sizeof(uuid)) && !strncmp(uuid, "mpath-", 6))
		return SNAPI_OWNER_MULTIPATH;
	/* device-mapper takes requests for multipath only, and then no bio reaches a path */
	snprintf(path, sizeof(path), "%s/dm", name);
	if (faccessat(holders, path, F_OK, 0))
		return SNAPI_OWNER_NONE;
	snprintf(path, sizeof(path), "%s/mq", name);
	return faccessat(holders, path, F_OK, 0) ? SNAPI_OWNER_NONE : SNAPI_OWNER_MULTIPATH;
}

/* As the user calls it: mapper/NAME, or of what is not device-mapper's the kernel's name. */
static void owner_name(int holders, const char *name, char owner[160])
{
	char path[300], dm[130];

	snprintf(path, sizeof(path), "%s/dm/name", name);
	if (read_at(holders, path, dm, sizeof(dm)))
		snprintf(owner, 160, "mapper/%s", dm);
	else
		snprintf(owner, 160, "%.159s", name);
}

static enum snapi_owner find_owner(dev_t dev, char name[160])
{
	enum snapi_owner owner = SNAPI_OWNER_NONE;
	int fd = open_dir(dev, "holders");
	struct dirent *de;
	DIR *dir;

	if (fd < 0)
		return owner;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return owner;
	}
	while (!owner && (de = readdir(dir))) {
		if (de->d_name[0] == '.')
			continue;
		owner = owner_kind(fd, de->d_name);
		if (owner)
			owner_name(fd, de->d_name, name);
	}
	closedir(dir);
	return owner;
}

enum snapi_owner snapi_blk_owner(dev_t dev, char name[160])
{
	enum snapi_owner owner = SNAPI_OWNER_NONE;
	struct snapi_blks parts = { 0 };

	if (snapi_blks_add(&parts, dev, SNAPI_SELF, 0) == 0)
		add_each(&parts, 0, "", "partition", SNAPI_PARTITION);
	for (unsigned int i = 0; !owner && i < parts.nr; i++)
		owner = find_owner(parts.v[i].dev, name);
	snapi_blks_free(&parts);
	return owner;
}
