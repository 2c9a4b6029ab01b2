// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "tree.h"

static char root[64], mounts[80];
static const char *mounts_before;

const char *tree_root(void)
{
	return root;
}

static void make_dirs(char *path)
{
	for (char *c = path + 1; (c = strchr(c, '/')); c++) {
		*c = 0;
		if (mkdir(path, 0755) && errno != EEXIST)
			abort();
		*c = '/';
	}
}

void tree_write(const char *path, const char *text)
{
	char full[512];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	make_dirs(full);
	f = fopen(full, "w");
	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

static void link_to(const char *path, const char *target)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	make_dirs(full);
	if (symlink(target, full))
		abort();
}

/* @dir: "vda" or "vda/vda1" */
static void device(const char *dir, const char *dev)
{
	char path[256], target[300], number[32];

	snprintf(path, sizeof(path), "block/%s/dev", dir);
	snprintf(number, sizeof(number), "%s\n", dev);
	tree_write(path, number);
	snprintf(path, sizeof(path), "block/%s/size", dir);
	tree_write(path, "32768\n");
	if (strchr(dir, '/')) {
		snprintf(path, sizeof(path), "block/%s/partition", dir);
		tree_write(path, "1\n");
	}
	snprintf(path, sizeof(path), "dev/block/%s", dev);
	snprintf(target, sizeof(target), "../../block/%s", dir);
	link_to(path, target);
}

/* @upper is made of @lower; both ways, as the kernel does. */
static void stack(const char *upper, const char *lower)
{
	const char *base = strrchr(lower, '/') ? strrchr(lower, '/') + 1 : lower;
	char path[256], target[300];

	snprintf(path, sizeof(path), "block/%s/slaves/%s", upper, base);
	snprintf(target, sizeof(target), "%s/block/%s", root, lower);
	link_to(path, target);
	snprintf(path, sizeof(path), "block/%s/holders/%s", lower, upper);
	snprintf(target, sizeof(target), "%s/block/%s", root, upper);
	link_to(path, target);
}

int tree_setup(void **state)
{
	char file[128];

	(void)state;
	strcpy(root, "/tmp/snapset-tree-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	device("vda", "8:0");
	device("vda/vda1", "8:1");
	device("vda/vda2", "8:2");
	device("vdb", "8:16");
	device("vdb/vdb1", "8:17");
	device("vdc", "8:32");
	device("vdd", "8:48");
	device("dm-0", "253:0");
	device("dm-1", "253:1");
	device("dm-2", "253:2");
	device("vde", "8:64");
	device("vdf", "8:80");
	device("vdg", "8:96");
	device("dm-3", "253:3");
	device("dm-4", "253:4");
	device("bcache0", "252:0");
	device("md0", "9:0");
	device("md0/md0p1", "259:0");
	device("loop0", "7:0");
	device("loop1", "7:1");
	device("snapset0", "250:0");
	stack("dm-0", "vda/vda2");
	stack("dm-1", "dm-0");
	stack("md0", "vdb/vdb1");
	stack("md0", "vdc");
	stack("dm-2", "snapset0");
	stack("dm-3", "vde");
	stack("dm-4", "vdf");
	stack("bcache0", "vdg");
	tree_write("block/dm-0/dm/uuid", "LVM-x\n");
	tree_write("block/dm-3/dm/uuid", "mpath-3600a\n");
	tree_write("block/dm-3/dm/name", "mpatha\n");
	tree_write("block/dm-4/dm/uuid", "\n");
	tree_write("block/dm-4/mq/0/nr_tags", "1\n");
	tree_write("block/bcache0/bcache/state", "clean\n");
	tree_write("block/md0/md/level", "raid1\n");
	tree_write("block/snapset0/snapset/id", "x\n");
	snprintf(file, sizeof(file), "%s/image\n", root);
	tree_write("image", "");
	tree_write("block/loop0/loop/backing_file", file);
	tree_write("mounts", "");
	snprintf(mounts, sizeof(mounts), "%s/mounts", root);
	snapi_sysfs = root;
	snapi_devices = "/nonexistent";
	mounts_before = snapi_mounts;
	snapi_mounts = mounts;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

int tree_teardown(void **state)
{
	(void)state;
	snapi_sysfs = "/sys";
	snapi_devices = "/dev";
	snapi_mounts = mounts_before;
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
