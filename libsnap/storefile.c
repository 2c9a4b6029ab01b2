// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The files that are stores: allocated, and labelled as the kernel wants it.
 *
 * A lock (flock) says that somebody is at work on a file; as it belongs to the open file
 * it stays for as long as the kernel has that as a store. So one that carries labels, or
 * nothing yet, and no lock is left of an end that nobody saw, of the machine or of its
 * maker for example, and is removed.
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <linux/fs.h>
#include <uuid/uuid.h>

#include "internal.h"
#include "storage.h"

#define PREFIX		".snapset-"
#define SUFFIX		".store"
#define NAME_LEN	(sizeof(PREFIX) - 1 + 36 + sizeof(SUFFIX) - 1)
#define PAGE		4096
#define SECTOR		512
#define SMALLEST	(64ull << 10)
#define DEFAULT		(320ull << 20)

static const char magic[16] = SNAPSET_STORE_MAGIC;

static bool is_ours(const char *name)
{
	char id[37];
	uuid_t uuid;

	if (strlen(name) != NAME_LEN || strncmp(name, PREFIX, sizeof(PREFIX) - 1) ||
	    strcmp(name + NAME_LEN - (sizeof(SUFFIX) - 1), SUFFIX))
		return false;
	memcpy(id, name + sizeof(PREFIX) - 1, 36);
	id[36] = 0;
	return !uuid_parse(id, uuid);
}

/* Whether it begins as stores do, or as they do before they have labels. */
static bool is_store(int fd)
{
	static const char zeros[sizeof(magic)];
	char begin[sizeof(magic)];
	ssize_t n = pread(fd, begin, sizeof(begin), 0);

	return !n || (n == sizeof(begin) && (!memcmp(begin, magic, sizeof(magic)) ||
					     !memcmp(begin, zeros, sizeof(zeros))));
}

/* The directory may be anybody's: nothing is followed, and nothing waited for. */
static bool remove_stale(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool removed = false;
	struct stat st;

	if (fd < 0)
		return false;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && !flock(fd, LOCK_EX | LOCK_NB) &&
	    is_store(fd))
		removed = !unlinkat(dir, name, 0);
	close(fd);
	return removed;
}

unsigned int snapi_store_file_sweep(int fd)
{
	int again = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	unsigned int removed = 0;
	struct dirent *de;

	if (!dir) {
		if (again >= 0)
			close(again);
		return 0;
	}
	rewinddir(dir);		/* the copy shares where the other one was */
	while ((de = readdir(dir)))
		if (is_ours(de->d_name))
			removed += remove_stale(dirfd(dir), de->d_name);
	closedir(dir);
	return removed;
}

/* What @err, of doing @what, means to who wanted a store in @path. */
static snap_status failed(struct snapi_error *e, const char *path, const char *what, int err)
{
	snap_status code = err == EACCES || err == EPERM ? SNAP_E_ACCESSDENIED :
			   err == ENOENT || err == ENOTDIR ? SNAP_E_OBJECT_NOT_FOUND :
			   err == ENOMEM ? SNAP_E_OUTOFMEMORY :
			   err == EROFS || err == EFBIG ? SNAP_E_INVALIDARG :
			   SNAP_E_UNEXPECTED;

	snapi_error_set(e, code, err, path, "cannot %s in %s: %s", what, path, strerror(err));
	return code;
}

static uint64_t room(int dir, uint64_t *all)
{
	struct statvfs st;

	*all = 0;
	if (fstatvfs(dir, &st))
		return 0;
	*all = (uint64_t)st.f_blocks * st.f_frsize;
	return (uint64_t)st.f_bavail * st.f_frsize;
}

static snap_status no_room(struct snapi_error *e, const char *path, int dir, uint64_t bytes)
{
	uint64_t all, have = room(dir, &all);

	snapi_error_set(e, SNAP_E_INSUFFICIENT_STORAGE, ENOSPC, path,
			"%s has no room for a store of %llu bytes: %llu are free", path,
			(unsigned long long)bytes, (unsigned long long)have);
	return e->code;
}

/* A tenth of the file system, but half of what is free is somebody else's. */
static uint64_t usual_size(int dir)
{
	uint64_t all, have = room(dir, &all), bytes = all / 10;

	if (bytes < DEFAULT)
		bytes = DEFAULT;
	if (bytes > have / 2)
		bytes = have / 2;
	return bytes & ~(SMALLEST - 1);
}

bool snapi_store_file_size_ok(uint64_t bytes)
{
	return bytes >= SMALLEST && bytes <= INT64_MAX - PAGE;
}

/* What the kernel wants whole ones of. */
static uint64_t block_of(int dir)
{
	struct statvfs st;

	return fstatvfs(dir, &st) || st.f_frsize < PAGE ? PAGE : st.f_frsize;
}

static snap_status decide_size(const char *path, int dir, uint64_t *bytes,
			       struct snapi_error *e)
{
	uint64_t all, block;

	if (!*bytes) {
		*bytes = usual_size(dir);
		return *bytes < SMALLEST ? no_room(e, path, dir, SMALLEST) : SNAP_S_OK;
	}
	if (!snapi_store_file_size_ok(*bytes)) {
		snapi_error_set(e, SNAP_E_INVALIDARG, EINVAL, path,
				"a store in %s has 64 KiB at least, not %llu bytes", path,
				(unsigned long long)*bytes);
		return e->code;
	}
	block = block_of(dir);
	*bytes = (*bytes + block - 1) / block * block;
	/* Else it would be filled to the brim before it says so. */
	return *bytes > room(dir, &all) ? no_room(e, path, dir, *bytes) : SNAP_S_OK;
}

/* Before anything is made. What is not known here the kernel has a word about. */
static snap_status check_fstype(const char *path, struct snapi_error *e)
{
	struct snapi_blks devs = { 0 };
	struct snapi_mount mount;

	if (!snapi_mount_find(path, &mount, &devs) && !snapi_fstype_holds_stores(mount.fstype))
		snapi_error_set(e, SNAP_E_VOLUME_NOT_SUPPORTED, EOPNOTSUPP, path,
				"no store can be in %s: a file system of type %s cannot allocate a file and keep it where it lies, as far as is known",
				path, mount.fstype);
	snapi_blks_free(&devs);
	return e->code;
}

static snap_status allocate(const char *path, const struct snapi_store_file *f,
			    uint64_t bytes, struct snapi_error *e)
{
	int err;

	do {
		err = fallocate(f->fd, 0, 0, (off_t)bytes) ? errno : 0;
	} while (err == EINTR);
	if (!err)
		return SNAP_S_OK;
	if (err == ENOSPC || err == EDQUOT)
		return no_room(e, path, f->dir, bytes);
	if (err != EOPNOTSUPP)
		return failed(e, path, "allocate a store", err);
	snapi_error_set(e, SNAP_E_VOLUME_NOT_SUPPORTED, err, path,
			"no store can be in %s: its file system cannot allocate a file", path);
	return e->code;
}

/* Two pages at each end, as a block of the file system may begin inside of one. */
static int write_labels(int fd, uint64_t bytes)
{
	static const unsigned int each = 2 * PAGE;
	struct snapset_store_label label;
	char buf[2 * PAGE];
	uuid_t id;

	uuid_generate_random(id);
	memcpy(label.magic, magic, sizeof(magic));
	memcpy(label.id, id, sizeof(label.id));
	for (int end = 0; end < 2; end++) {
		uint64_t at = end ? bytes - each : 0;

		memset(buf, 0, sizeof(buf));
		for (unsigned int i = 0; i < each; i += SECTOR) {
			label.sector = htole64((at + i) / SECTOR);
			memcpy(buf + i, &label, sizeof(label));
		}
		errno = EIO;	/* of a short write */
		if (pwrite(fd, buf, each, (off_t)at) != (ssize_t)each)
			return errno;
	}
	return 0;
}

/* btrfs would move it with each write. Only an empty file can be told; others need not. */
static void never_copy(int fd)
{
	int flags;

	if (!ioctl(fd, FS_IOC_GETFLAGS, &flags)) {
		flags |= FS_NOCOW_FL;
		ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
}

static int create(struct snapi_store_file *f)
{
	char id[37];
	uuid_t uuid;

	uuid_generate_random(uuid);
	uuid_unparse_lower(uuid, id);
	snprintf(f->name, sizeof(f->name), PREFIX "%s" SUFFIX, id);
	f->fd = openat(f->dir, f->name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	return f->fd < 0 ? errno : 0;
}

/* Creates and locks. Who sweeps may have seen it in between. */
static int create_locked(struct snapi_store_file *f)
{
	struct stat st;
	int err;

	for (;;) {
		err = create(f);
		if (err)
			return err;
		if (flock(f->fd, LOCK_EX) || fstat(f->fd, &st))
			return errno;
		if (st.st_nlink)
			return 0;
		close(f->fd);
	}
}

snap_status snapi_store_file_make(const char *path, uint64_t bytes,
				  struct snapi_store_file *f, struct snapi_error *e)
{
	int err, dir = snapi_dir_open(path);

	memset(e, 0, sizeof(*e));
	f->fd = -1;
	f->dir = dir;
	if (dir < 0)
		return failed(e, path, "make a store", -dir);
	if (check_fstype(path, e))
		goto fail;
	snapi_store_file_sweep(f->dir);
	if (decide_size(path, f->dir, &bytes, e))
		goto fail;
	err = create_locked(f);
	if (err) {
		failed(e, path, "make a store", err);
		goto fail;
	}
	never_copy(f->fd);
	if (allocate(path, f, bytes, e))
		goto fail;
	err = write_labels(f->fd, bytes);
	if (!err && (fsync(f->fd) || fsync(f->dir)))
		err = errno;
	if (!err)
		return SNAP_S_OK;
	if (err == ENOSPC || err == EDQUOT)	/* some want room for what is allocated, too */
		no_room(e, path, f->dir, bytes);
	else
		failed(e, path, "write a store", err);
fail:
	snapi_store_file_close(f, false);
	return e->code;
}

void snapi_store_file_close(struct snapi_store_file *f, bool taken)
{
	/* If it is still pinned for a moment it stays, for the next to sweep. */
	if (f->fd >= 0 && !taken)
		unlinkat(f->dir, f->name, 0);
	if (f->fd >= 0)
		close(f->fd);
	if (f->dir >= 0)
		close(f->dir);
	f->fd = -1;
	f->dir = -1;
}
