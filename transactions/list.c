// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which programs are run. They run as root, so nobody else may be able to put one
 * there or to change one: the directory, those it lies in and each program are
 * root's and not writable for others. What does not fit is refused, not skipped: a
 * database whose program is left out would be thought to be frozen.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transactions.h"

/* The tests are not root. */
#ifndef TRUSTED
#define TRUSTED(uid)	((uid) == 0)
#endif

static bool say(char text[TEXT_MAX], const char *directory, const char *name, const char *what)
{
	snprintf(text, TEXT_MAX, "%s%s%s %s", directory, name ? "/" : "", name ? name : "",
		 what);
	return false;
}

static bool safe(const struct stat *st, bool parent)
{
	/* In /tmp nobody can rename what is not his. */
	return TRUSTED(st->st_uid) &&
	       (!(st->st_mode & 022) || (parent && st->st_mode & S_ISVTX));
}

/* @path has no symbolic link, "." or "..". */
static bool check_path(char *path, char text[TEXT_MAX])
{
	struct stat st;

	for (char *c = path;; c++) {
		char was = *c;
		bool ok;

		if (was && (was != '/' || c == path))
			continue;
		*c = 0;
		ok = !lstat(path, &st) && safe(&st, was != 0);
		if (!ok)
			say(text, path, NULL, "belongs to or can be written by others than root, so its programs are not run");
		*c = was;
		if (!ok || !was)
			return ok;
	}
}

static bool skipped(const char *name)
{
	size_t len = strlen(name);

	return name[0] == '.' || name[len - 1] == '~' || strstr(name, ".dpkg-") ||
	       (len > 5 && !strcmp(name + len - 5, ".conf"));
}

static bool is_disabled(int dir, const char *name)
{
	char to[16];
	ssize_t len = readlinkat(dir, name, to, sizeof(to));

	return len == 9 && !memcmp(to, "/dev/null", 9);
}

static bool check_program(int dir, const char *directory, const char *name,
			  char text[TEXT_MAX])
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return say(text, directory, name, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return say(text, directory, name, "is not a regular file");
	if (!safe(&st, false))
		return say(text, directory, name,
			   "belongs to or can be written by others than root, so it is not run");
	if (!(st.st_mode & S_IXUSR))
		return say(text, directory, name, "is not executable");
	return true;
}

static bool add(struct list *l, const char *name, char text[TEXT_MAX])
{
	struct program *v = realloc(l->v, (l->nr + 1) * sizeof(*v));

	if (v)
		l->v = v;
	if (!v || !(v[l->nr].name = strdup(name)))
		return say(text, l->directory, NULL, strerror(ENOMEM));
	v[l->nr++].frozen = 0;
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct program *)a)->name, ((const struct program *)b)->name);
}

bool list_read(struct list *l, const char *directory, char text[TEXT_MAX])
{
	struct dirent *de;
	bool ok = true;
	DIR *dir;

	l->directory = realpath(directory, NULL);
	if (!l->directory)
		return say(text, directory, NULL, strerror(errno));
	if (!check_path(l->directory, text))
		return false;
	dir = opendir(l->directory);
	if (!dir)
		return say(text, l->directory, NULL, strerror(errno));
	while (ok && (errno = 0, de = readdir(dir))) {
		if (skipped(de->d_name) || is_disabled(dirfd(dir), de->d_name))
			continue;
		ok = check_program(dirfd(dir), l->directory, de->d_name, text) &&
		     add(l, de->d_name, text);
	}
	if (ok && errno)
		ok = say(text, l->directory, NULL, strerror(errno));
	closedir(dir);
	if (ok && l->nr)
		qsort(l->v, l->nr, sizeof(*l->v), by_name);
	return ok;
}
