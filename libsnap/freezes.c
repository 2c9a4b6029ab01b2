// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The file systems that are frozen for a set: all that are mounted and use one of its
 * devices.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <libmount/libmount.h>

#include "internal.h"

struct seen {
	dev_t	dev;		/* of the superblock */
	dev_t	lacks;		/* a device of it that is not in the set, or 0 */
	bool	more;		/* there are some of which nothing tells */
	int	fd;
	char	name[SNAPSET_NAME_MAX + 1];
};

static struct seen *find_seen(struct seen *seen, unsigned int nr, dev_t dev)
{
	for (unsigned int i = 0; i < nr; i++)
		if (seen[i].dev == dev)
			return &seen[i];
	return NULL;
}

static bool share(const struct snapi_blks *a, const struct snapi_blks *b)
{
	for (unsigned int i = 0; i < a->nr; i++)
		if (snapi_blks_has(b, a->v[i].dev))
			return true;
	return false;
}

/* The first device of a file system that does not lie on @members. -ENOMEM or 0. */
static int find_lacking(const struct snapi_blks *own, const struct snapi_blks *members,
			dev_t *lacks)
{
	bool yes;
	int err;

	*lacks = 0;
	for (unsigned int i = 0; !*lacks && i < own->nr; i++) {
		err = snapi_blk_wholly_on(own->v[i].dev, members, &yes);
		if (err)
			return err;
		if (!yes)
			*lacks = own->v[i].dev;
	}
	return 0;
}

/* f2fs on several devices is mounted as one of them, and only its size tells. */
static bool is_larger(struct libmnt_fs *fs, int fd)
{
	const char *type = mnt_fs_get_fstype(fs);
	struct statfs st;

	return type && !strcmp(type, "f2fs") && !fstatfs(fd, &st) &&
	       (uint64_t)st.f_blocks * (uint64_t)st.f_bsize >
	       snapi_blk_bytes(mnt_fs_get_devno(fs));
}

/*
 * Any mount of a superblock will do, so one that is hidden counts only if no
 * other is found.
 */
static int collect(struct libmnt_table *tb, const struct snapi_blks *devs,
		   const struct snapi_blks *members, struct seen **seen, unsigned int *nr)
{
	struct libmnt_iter *it = mnt_new_iter(MNT_ITER_BACKWARD);
	struct libmnt_fs *fs;
	int err = 0;

	if (!it)
		return -ENOMEM;
	while (!err && mnt_table_next_fs(tb, it, &fs) == 0) {
		struct seen *s = find_seen(*seen, *nr, mnt_fs_get_devno(fs));
		struct snapi_blks own = { 0 };
		dev_t lacks = 0;
		bool ours;

		if (s && s->fd >= 0)
			continue;
		err = snapi_fs_devs(fs, &own);
		ours = share(&own, devs);
		if (!err && ours)
			err = find_lacking(&own, members, &lacks);
		snapi_blks_free(&own);
		if (err || !ours)
			continue;
		if (!s) {
			s = realloc(*seen, (*nr + 1) * sizeof(*s));
			if (!s) {
				err = -ENOMEM;
				break;
			}
			*seen = s;
			s += (*nr)++;
			s->dev = mnt_fs_get_devno(fs);
			s->lacks = lacks;
			s->more = false;
		}
		s->fd = snapi_mount_open(fs);
		s->more |= s->fd >= 0 && is_larger(fs, s->fd);
		snprintf(s->name, sizeof(s->name), "%s", mnt_fs_get_target(fs));
	}
	mnt_free_iter(it);
	return err;
}

static void in_part(const struct seen *s, struct snapi_error *e)
{
	char lacks[64];

	if (!s->lacks) {
		snapi_error_set(e, SNAP_E_VOLUME_NOT_SUPPORTED, 0, NULL,
				"the file system mounted on %s lies on several devices, and does not tell which",
				s->name);
		return;
	}
	snapi_blk_name(s->lacks, lacks);
	snapi_error_set(e, SNAP_E_VOLUME_NOT_SUPPORTED, 0, NULL,
			"the file system mounted on %s lies on %s as well, which is not in the set: add all of its devices, or none",
			s->name, lacks);
}

snap_status snapi_freezes_open(struct snapi_freezes *f,
			       const struct snapi_blks *members,
			       struct snapi_error *e)
{
	struct libmnt_table *tb = snapi_mount_table();
	struct snapi_blks devs = { 0 };
	struct seen *seen = NULL;
	unsigned int nr = 0, i;
	int err = tb ? 0 : -ENOMEM;

	for (i = 0; !err && i < members->nr; i++)
		err = snapi_blks_above(&devs, members->v[i].dev);
	if (!err)
		err = collect(tb, &devs, members, &seen, &nr);
	snapi_blks_free(&devs);
	e->code = SNAP_S_OK;
	f->nr = 0;
	f->v = calloc(nr + 1, sizeof(*f->v));
	if (err || !f->v)
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	for (i = 0; i < nr; i++) {
		if (e->code == SNAP_S_OK && seen[i].fd < 0)
			snapi_error_set(e, SNAP_E_VOLUME_NOT_SUPPORTED, 0, NULL,
					"the file system mounted on %s cannot be reached to be frozen: another mount hides it, or its path is closed to us",
					seen[i].name);
		if (e->code == SNAP_S_OK && (seen[i].lacks || seen[i].more))
			in_part(&seen[i], e);
		if (seen[i].fd < 0)
			continue;
		if (!f->v) {
			close(seen[i].fd);
			continue;
		}
		f->v[f->nr].fd = seen[i].fd;
		memcpy(f->v[f->nr].name, seen[i].name, sizeof(seen[i].name));
		f->nr++;
	}
	free(seen);
	if (tb)
		mnt_unref_table(tb);
	if (e->code != SNAP_S_OK)
		snapi_freezes_close(f);
	return e->code;
}

void snapi_freezes_close(struct snapi_freezes *f)
{
	for (unsigned int i = 0; i < f->nr; i++)
		close(f->v[i].fd);
	free(f->v);
	f->v = NULL;
	f->nr = 0;
}
