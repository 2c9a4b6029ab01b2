// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * File systems that are in use and not mounted in our mount namespace: mounted in that of
 * some other process, or not mounted at all any more and kept by what is open on them.
 * /proc leads to both: a process' root, and the files that it has.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <libmount/libmount.h>

#include "internal.h"

const char *snapi_proc = "/proc";

/* Calls @fn with each process; it ends the walk by not giving 0. */
static int each_process(int (*fn)(const char *pid, void *arg), void *arg)
{
	DIR *dir = opendir(snapi_proc);
	struct dirent *de;
	int err = 0;

	if (!dir)
		return 0;
	while (!err && (de = readdir(dir)))
		if (isdigit((unsigned char)de->d_name[0]))
			err = fn(de->d_name, arg);
	closedir(dir);
	return err;
}

struct namespaces {
	ino_t		*seen;
	unsigned int	nr;
	int		(*fn)(struct libmnt_table *tb, const char *root, void *arg);
	void		*arg;
};

/* That of a process, 0 if there is none, or it has been seen. */
static ino_t new_namespace(const struct namespaces *n, const char *pid)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s/ns/mnt", snapi_proc, pid);
	if (stat(path, &st))
		return 0;
	for (unsigned int i = 0; i < n->nr; i++)
		if (n->seen[i] == st.st_ino)
			return 0;
	return st.st_ino;
}

static int note_namespace(struct namespaces *n, ino_t ino)
{
	ino_t *more = realloc(n->seen, (n->nr + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	n->seen = more;
	n->seen[n->nr++] = ino;
	return 0;
}

static int look_at_namespace(const char *pid, void *arg)
{
	struct namespaces *n = arg;
	struct libmnt_table *tb;
	char path[300];
	ino_t ino = new_namespace(n, pid);
	int err;

	if (!ino)
		return 0;
	snprintf(path, sizeof(path), "%s/%s/mountinfo", snapi_proc, pid);
	tb = mnt_new_table_from_file(path);
	if (!tb)			/* it has ended; others may be there */
		return 0;
	snprintf(path, sizeof(path), "%s/%s/root", snapi_proc, pid);
	err = n->fn(tb, path, n->arg);
	/* of one that has ended meanwhile nothing may have been reached */
	if (!err && new_namespace(n, pid) == ino)
		err = note_namespace(n, ino);
	mnt_unref_table(tb);
	return err;
}

int snapi_elsewhere_mounted(int (*fn)(struct libmnt_table *tb, const char *root, void *arg),
			    void *arg)
{
	struct namespaces n = { .fn = fn, .arg = arg };
	ino_t ours = new_namespace(&n, "thread-self");
	int err = ours ? note_namespace(&n, ours) : 0;

	if (!err)
		err = each_process(look_at_namespace, &n);
	free(n.seen);
	return err;
}

struct wanted {
	dev_t	dev;
	int	fd;
	char	*pid;
	size_t	size;
};

/*
 * Whether it lies on the wanted file system. Its own device, if it is one, is another matter.
 * A network's file system, or a program's, is not asked: it may not answer.
 */
static bool try_link(struct wanted *w, const char *path)
{
	struct statx st;
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (!statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &st) &&
	    makedev(st.stx_dev_major, st.stx_dev_minor) == w->dev) {
		w->fd = fd;
		return true;
	}
	close(fd);
	return false;
}

static bool try_links(struct wanted *w, const char *pid, const char *name)
{
	struct dirent *de;
	bool found = false;
	char path[600];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s/%s", snapi_proc, pid, name);
	dir = opendir(path);
	while (dir && !found && (de = readdir(dir))) {
		if (de->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s/%s", snapi_proc, pid, name, de->d_name);
		found = try_link(w, path);
	}
	if (dir)
		closedir(dir);
	return found;
}

static int look_at_files(const char *pid, void *arg)
{
	static const char *const links[] = { "cwd", "root", "exe" };
	struct wanted *w = arg;
	bool found = false;
	char path[300];

	for (size_t i = 0; !found && i < sizeof(links) / sizeof(links[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s/%s", snapi_proc, pid, links[i]);
		found = try_link(w, path);
	}
	if (!found && !try_links(w, pid, "fd") && !try_links(w, pid, "map_files"))
		return 0;
	snprintf(w->pid, w->size, "%s", pid);
	return 1;
}

int snapi_elsewhere_open(dev_t dev, char *pid, size_t size)
{
	struct wanted w = { .dev = dev, .fd = -1, .pid = pid, .size = size };

	each_process(look_at_files, &w);
	return w.fd;
}
