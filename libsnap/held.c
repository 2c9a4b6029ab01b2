// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Volumes that something holds for itself of which nothing is known: neither is it a file
 * system, mounted here, in another namespace or nowhere any more, nor swap, a store, or a
 * device that stands on it. An exported target is such, and a database on a raw disk. What it
 * has in its own memory nothing can ask it to write, so the image would be that of a crash.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <libmount/libmount.h>

#include "internal.h"

#define TRIES		5
#define PAUSE_MS	10

const char *snapi_devices = "/dev";

/* Adds the devices of all file systems of a mount table. */
static int add_mounted(struct libmnt_table *tb, const char *root, void *known)
{
	struct libmnt_iter *it = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	int err = it ? 0 : -ENOMEM;

	while (!err && mnt_table_next_fs(tb, it, &fs) == 0) {
		struct snapi_blks own = { 0 };	/* what it has is another list than what all have */

		err = snapi_fs_devs(fs, root, &own);
		for (unsigned int i = 0; !err && i < own.nr; i++)
			err = snapi_blks_add(known, own.v[i].dev, SNAPI_SELF, 0);
		snapi_blks_free(&own);
	}
	mnt_free_iter(it);
	return err;
}

static int add_swaps(struct snapi_blks *known)
{
	struct libmnt_table *swaps = mnt_new_table();
	struct libmnt_iter *it = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	int err = swaps && it ? 0 : -ENOMEM;

	if (!err && mnt_table_parse_swaps(swaps, NULL) == 0) {
		while (!err && mnt_table_next_fs(swaps, it, &fs) == 0) {
			const char *path = mnt_fs_get_source(fs);
			struct stat st;

			if (path && !stat(path, &st) && S_ISBLK(st.st_mode))
				err = snapi_blks_add(known, st.st_rdev, SNAPI_SELF, 0);
		}
	}
	mnt_free_iter(it);
	if (swaps)
		mnt_unref_table(swaps);
	return err;
}

/* Adds the devices of all file systems that are mounted here, and of swap. */
static int add_known(struct snapi_blks *known)
{
	struct libmnt_table *tb = snapi_mount_table();
	int err = tb ? add_mounted(tb, "", known) : -ENOMEM;

	if (!err)
		err = add_swaps(known);
	if (tb)
		mnt_unref_table(tb);
	return err;
}

/* Something stands on [at]: a partition, or a device that says so. */
static bool carries(const struct snapi_blks *b, unsigned int at)
{
	for (unsigned int i = 0; i < b->nr; i++)
		if (i != at && b->v[i].from == at && b->v[i].how != SNAPI_DISK)
			return true;
	return false;
}

/* The disk of a partition is in use as a whole, so that the partition cannot be held besides. */
static bool disk_is_used(const struct snapi_blks *b, unsigned int at, const struct snapi_blks *known)
{
	for (unsigned int d = 0; d < b->nr; d++) {
		if (!(b->v[at].how == SNAPI_PARTITION && b->v[at].from == d) &&
		    !(b->v[d].how == SNAPI_DISK && b->v[d].from == at))
			continue;
		if (snapi_blks_has(known, b->v[d].dev))
			return true;
		for (unsigned int i = 0; i < b->nr; i++)
			if (b->v[i].how == SNAPI_HOLDER && b->v[i].from == d)
				return true;
	}
	return false;
}

enum claim { FREE, CLAIMED, CANNOT_TELL };

/*
 * Asks for it exclusively, for the moment of an open() and a close(), which is the only way
 * to learn it; others may be asking just now. What has its node elsewhere, or none, is not
 * asked.
 */
static enum claim claim_of(dev_t dev)
{
	char name[64], path[128];
	struct stat st;
	int fd = -1;

	snapi_blk_name(dev, name);
	snprintf(path, sizeof(path), "%s/%s", snapi_devices, name);
	if (stat(path, &st) || !S_ISBLK(st.st_mode) || st.st_rdev != dev)
		return CANNOT_TELL;
	for (int tries = 0; fd < 0 && tries < TRIES; tries++) {
		if (tries)
			poll(NULL, 0, PAUSE_MS);
		fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 && errno != EBUSY)
			return CANNOT_TELL;
	}
	if (fd >= 0)
		close(fd);
	return fd < 0 ? CLAIMED : FREE;
}

/* Whether something has [at] and nothing that is known. */
static enum claim unexplained(struct snap_session *s, const struct snapi_blks *above, unsigned int at,
			      const struct snapi_blks *known)
{
	const struct snapi_blk *v = &above->v[at];

	enum claim claim;

	if (!v->dev || v->how == SNAPI_DISK || carries(above, at) ||
	    disk_is_used(above, at, known) || snapi_blks_has(known, v->dev))
		return FREE;
	claim = claim_of(v->dev);
	return claim == CLAIMED && snapi_is_store(s, v->dev) ? FREE : claim;
}

/* A file system that is not mounted any more has it. */
static bool is_unmounted(dev_t dev)
{
	char pid[16];
	int fd = snapi_elsewhere_open(dev, pid, sizeof(pid));

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Puts the device of a file system that is not mounted here into @elsewhere. 1: it is one. */
static int find_elsewhere(const struct snapi_blks *above, unsigned int at,
			  const struct snapi_blks *known, struct snapi_elsewhere *elsewhere)
{
	dev_t dev = above->v[at].dev;

	if (!snapi_blks_has(known, dev) && !is_unmounted(dev)) {
		if (!disk_is_used(above, at, known))
			return 0;
		elsewhere->look = true;		/* its disk is found by itself */
		return 1;
	}
	elsewhere->look = true;
	return snapi_blks_add(&elsewhere->found, dev, SNAPI_SELF, 0) ? -ENOMEM : 1;
}

snap_status snapi_held(struct snap_session *s, const struct snapi_volume *vol,
		       struct snapi_elsewhere *elsewhere, struct snapi_error *e)
{
	struct snapi_blks above = { 0 }, known = { 0 };
	bool looked = false;
	char name[64];
	int err;

	e->code = SNAP_S_OK;
	err = snapi_blks_above(&above, vol->dev);
	if (!err)
		err = add_known(&known);
	for (unsigned int i = 0; err >= 0 && i < above.nr; i++) {
		enum claim claim = unexplained(s, &above, i, &known);

		if (claim == CANNOT_TELL)
			elsewhere->look = true;
		if (claim != CLAIMED)
			continue;
		if (!looked) {		/* which takes a look at each process */
			looked = true;
			err = snapi_elsewhere_mounted(add_mounted, &known);
			if (err < 0)
				break;
		}
		err = find_elsewhere(&above, i, &known, elsewhere);
		if (err || e->code)	/* the first one is told, all are looked for */
			continue;
		snapi_blk_name(above.v[i].dev, name);
		snapi_error_set(e, SNAP_E_VOLUME_NOT_SUPPORTED, EBUSY, vol->name,
				"%s: something that cannot be asked to write what it has holds %s for itself: not a file system, nor swap, nor a device; its image would be as after a crash, and must be allowed (--allow-held)",
				vol->name, name);
	}
	if (err < 0)
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	snapi_blks_free(&above);
	snapi_blks_free(&known);
	return e->code;
}
