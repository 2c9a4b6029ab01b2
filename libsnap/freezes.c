// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The file systems that are frozen for a set: all that are mounted, or still in use, and use
 * one of its devices.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <libmount/libmount.h>
#include <linux/magic.h>

#include "internal.h"

struct seen {
	dev_t	dev;		/* of the superblock */
	dev_t	lacks;		/* a device of it that is not in the set, or 0 */
	bool	more;		/* there are some of which nothing tells */
	int	fd;
	struct snapi_blks own;
	char	name[SNAPSET_NAME_MAX + 1];
};

struct collection {
	const struct snapi_blks *devs, *members;
	struct seen	*seen;
	unsigned int	nr;
};

static struct seen *find_seen(const struct collection *c, dev_t dev)
{
	for (unsigned int i = 0; i < c->nr; i++)
		if (c->seen[i].dev == dev)
			return &c->seen[i];
	return NULL;
}

/* NULL: no memory. Takes over @own then not. */
static struct seen *add_seen(struct collection *c, dev_t dev, const struct snapi_blks *own)
{
	struct seen *s = realloc(c->seen, (c->nr + 1) * sizeof(*s));

	if (!s)
		return NULL;
	c->seen = s;
	s += c->nr++;
	memset(s, 0, sizeof(*s));
	s->dev = dev;
	s->fd = -1;
	s->own = *own;
	return s;
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
 * One file system of a mount table. Any mount of a superblock will do, so one that is hidden
 * counts only if no other is found.
 */
static int collect_one(struct collection *c, struct libmnt_fs *fs, const char *root)
{
	struct seen *s = find_seen(c, mnt_fs_get_devno(fs));
	struct snapi_blks own = { 0 };
	dev_t lacks = 0;
	int err, len;

	if (s && s->fd >= 0)
		return 0;
	err = snapi_fs_devs(fs, root, &own);
	if (!err && !share(&own, c->devs))
		goto free;
	if (!err)
		err = find_lacking(&own, c->members, &lacks);
	if (err)
		goto free;
	if (!s) {
		s = add_seen(c, mnt_fs_get_devno(fs), &own);
		if (!s) {
			err = -ENOMEM;
			goto free;
		}
		s->lacks = lacks;
		memset(&own, 0, sizeof(own));
	}
	s->fd = snapi_mount_open(fs, root);
	s->more |= s->fd >= 0 && is_larger(fs, s->fd);
	len = snprintf(s->name, sizeof(s->name), "%s", mnt_fs_get_target(fs));
	if (*root && len > 0 && (size_t)len < sizeof(s->name))	/* "/proc/123/root" */
		snprintf(s->name + len, sizeof(s->name) - len, " (of process %.*s)",
			 (int)strspn(root + strlen(snapi_proc) + 1, "0123456789"),
			 root + strlen(snapi_proc) + 1);
free:
	snapi_blks_free(&own);
	return err;
}

static int collect(struct libmnt_table *tb, const char *root, void *arg)
{
	struct libmnt_iter *it = mnt_new_iter(MNT_ITER_BACKWARD);
	struct libmnt_fs *fs;
	int err = it ? 0 : -ENOMEM;

	while (!err && mnt_table_next_fs(tb, it, &fs) == 0)
		err = collect_one(arg, fs, root);
	mnt_free_iter(it);
	return err;
}

/*
 * Without a mount its options do not say which other devices a file system has. Whether it
 * has some an xfs says in its first sector: a realtime part, a log that is not in it.
 */
static bool has_more(int fd, dev_t dev)
{
	unsigned char sb[512];
	char name[64], path[128];
	struct statfs st;
	bool more = true;
	int disk;

	if (fstatfs(fd, &st))
		return true;
	if (st.f_type == F2FS_SUPER_MAGIC)
		return (uint64_t)st.f_blocks * (uint64_t)st.f_bsize > snapi_blk_bytes(dev);
	if (st.f_type != XFS_SUPER_MAGIC)
		return false;
	snapi_blk_name(dev, name);
	snprintf(path, sizeof(path), "%s/%s", snapi_devices, name);
	disk = open(path, O_RDONLY | O_CLOEXEC);
	if (disk >= 0 && pread(disk, sb, sizeof(sb), 0) == sizeof(sb) && !memcmp(sb, "XFSB", 4)) {
		static const unsigned char none[8];

		more = memcmp(sb + 16, none, 8) || !memcmp(sb + 48, none, 8);
	}
	if (disk >= 0)
		close(disk);
	return more;
}

/* Those that are not mounted any more, by what is open on them. */
static int collect_unmounted(struct collection *c)
{
	for (unsigned int i = 0; i < c->devs->nr; i++) {
		struct seen *s = find_seen(c, c->devs->v[i].dev);
		struct snapi_blks own = { 0 };
		char pid[16], name[64];
		int fd;

		if (s && s->fd >= 0)
			continue;
		fd = snapi_elsewhere_open(c->devs->v[i].dev, pid, sizeof(pid));
		if (fd < 0)
			continue;
		if (s) {		/* mounted, and hidden */
			s->fd = fd;
			continue;
		}
		if (!snapi_blks_add(&own, c->devs->v[i].dev, SNAPI_SELF, 0) &&
		    !snapi_journal_devs(c->devs->v[i].dev, &own))
			s = add_seen(c, c->devs->v[i].dev, &own);
		if (!s) {
			snapi_blks_free(&own);
			close(fd);
			return -ENOMEM;
		}
		s->fd = fd;
		s->more = has_more(fd, s->dev);
		if (find_lacking(&s->own, c->members, &s->lacks))
			return -ENOMEM;
		snapi_blk_name(s->dev, name);
		snprintf(s->name, sizeof(s->name),
			 "the file system on %s, not mounted any more, in use by process %s", name, pid);
	}
	return 0;
}

/* A line of its own, so that what is a line end in a name must look other. */
static void add_name(struct snapi_frozen *f, const char *name)
{
	size_t len = strlen(f->names), at = len;

	f->nr++;
	if (len && at < sizeof(f->names) - 1)
		f->names[at++] = '\n';
	for (; *name; name++) {
		bool escape = *name == '\n' || *name == '\\';
		size_t need = escape ? 4 : 1;

		if (at + need >= sizeof(f->names)) {
			f->names[len] = 0;	/* it does not fit: not a part of it */
			return;
		}
		if (escape)
			at += snprintf(f->names + at, 5, "\\%03o", (unsigned char)*name);
		else
			f->names[at++] = *name;
	}
	f->names[at] = 0;
}

static int find_frozen(struct snapi_freezes *f, const struct collection *c)
{
	int err = 0;

	f->of = calloc(c->members->nr + 1, sizeof(*f->of));
	if (!f->of)
		return -ENOMEM;
	for (unsigned int i = 0; !err && i < c->members->nr; i++) {
		struct snapi_blks mine = { 0 };

		err = snapi_blks_above(&mine, c->members->v[i].dev);
		for (unsigned int j = 0; !err && j < c->nr; j++)
			if (share(&c->seen[j].own, &mine))
				add_name(&f->of[i], c->seen[j].name);
		snapi_blks_free(&mine);
	}
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

/* Hands the descriptors over, and says what cannot be frozen. */
static void hand_over(struct snapi_freezes *f, struct collection *c, struct snapi_error *e)
{
	for (unsigned int i = 0; i < c->nr; i++) {
		struct seen *s = &c->seen[i];

		if (e->code == SNAP_S_OK && s->fd < 0)
			snapi_error_set(e, SNAP_E_VOLUME_NOT_SUPPORTED, 0, NULL,
					"the file system mounted on %s cannot be reached to be frozen: another mount hides it, or its path is closed to us",
					s->name);
		if (e->code == SNAP_S_OK && (s->lacks || s->more))
			in_part(s, e);
		if (s->fd < 0)
			continue;
		if (!f->v) {
			close(s->fd);
			continue;
		}
		f->v[f->nr].fd = s->fd;
		memcpy(f->v[f->nr].name, s->name, sizeof(s->name));
		f->nr++;
	}
}

/* What was found elsewhere must have been found again, or it would not be frozen. */
static void check_found(const struct collection *c, const struct snapi_elsewhere *elsewhere,
			struct snapi_error *e)
{
	for (unsigned int i = 0; elsewhere && !e->code && i < elsewhere->found.nr; i++) {
		dev_t dev = elsewhere->found.v[i].dev;
		bool found = false;
		char name[64];

		for (unsigned int j = 0; !found && j < c->nr; j++)
			found = snapi_blks_has(&c->seen[j].own, dev);
		if (found)
			continue;
		snapi_blk_name(dev, name);
		snapi_error_set(e, SNAP_E_PROVIDER_VETO, EAGAIN, NULL,
				"the file system on %s is not mounted here, and was not found any more when it was to be frozen: try again",
				name);
	}
}

snap_status snapi_freezes_open(struct snapi_freezes *f,
			       const struct snapi_blks *members,
			       const struct snapi_elsewhere *elsewhere,
			       struct snapi_error *e)
{
	struct libmnt_table *tb = snapi_mount_table();
	struct snapi_blks devs = { 0 };
	struct collection c = { .devs = &devs, .members = members };
	int err = tb ? 0 : -ENOMEM;

	memset(f, 0, sizeof(*f));
	for (unsigned int i = 0; !err && i < members->nr; i++)
		err = snapi_blks_above(&devs, members->v[i].dev);
	if (!err)
		err = collect(tb, "", &c);
	if (!err && elsewhere && elsewhere->look)
		err = snapi_elsewhere_mounted(collect, &c);
	if (!err && elsewhere && elsewhere->look)
		err = collect_unmounted(&c);
	if (!err)
		err = find_frozen(f, &c);
	e->code = SNAP_S_OK;
	f->v = calloc(c.nr + 1, sizeof(*f->v));
	if (err || !f->v)
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	check_found(&c, elsewhere, e);
	hand_over(f, &c, e);
	for (unsigned int i = 0; i < c.nr; i++)
		snapi_blks_free(&c.seen[i].own);
	free(c.seen);
	snapi_blks_free(&devs);
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
	free(f->of);
	memset(f, 0, sizeof(*f));
}
