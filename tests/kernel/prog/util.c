// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

static void say(const char *fmt, va_list ap)
{
	fflush(stdout);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	exit(EXIT_ERROR);
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000l };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

uint64_t rnd(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint64_t rnd_below(uint64_t *state, uint64_t limit)
{
	return rnd(state) % limit;
}

void *xmalloc(size_t size)
{
	void *p = malloc(size);

	if (!p)
		die("no memory for %zu bytes", size);
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		die("no memory for %zu x %zu bytes", n, size);
	return p;
}

void *aligned(size_t size)
{
	void *p;

	if (posix_memalign(&p, 4096, ALIGN_UP(size, 4096)))
		die("no memory for %zu bytes", size);
	memset(p, 0, size);
	return p;
}

const char *errno_name(int err)
{
	static __thread char other[16];

	switch (err) {
#define NAME(x)	case x: return #x
	NAME(EPERM);
	NAME(ENOENT);
	NAME(EIO);
	NAME(ENXIO);
	NAME(E2BIG);
	NAME(EBADF);
	NAME(EAGAIN);
	NAME(ENOMEM);
	NAME(EACCES);
	NAME(ENOTBLK);
	NAME(EBUSY);
	NAME(EEXIST);
	NAME(ENODEV);
	NAME(EINVAL);
	NAME(ENOSPC);
	NAME(EROFS);
	NAME(ERANGE);
	NAME(ELOOP);
	NAME(EPROTO);
	NAME(EMSGSIZE);
	NAME(EOPNOTSUPP);
	NAME(ETIMEDOUT);
	NAME(EINPROGRESS);
	NAME(EDQUOT);
	NAME(ENOTRECOVERABLE);
#undef NAME
	}
	snprintf(other, sizeof(other), "errno %d", err);
	return other;
}

uint64_t bytes(const char *text)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || end == text)
		die("'%s' is not a size", text);
	switch (*end) {
	case 'G': case 'g':
		n <<= 10;
		/* fall through */
	case 'M': case 'm':
		n <<= 10;
		/* fall through */
	case 'K': case 'k':
		n <<= 10;
		end++;
	}
	if (*end)
		die("'%s' is not a size", text);
	return n;
}

uint64_t number(const char *text)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || end == text || *end)
		die("'%s' is not a number", text);
	return n;
}

void disk_open(struct disk *d, const char *path, int flags)
{
	struct stat st;
	int block = SECTOR;

	d->path = path;
	d->fd = open(path, flags | O_CLOEXEC);
	if (d->fd < 0)
		die("cannot open %s: %s", path, strerror(errno));
	if (fstat(d->fd, &st))
		die("cannot stat %s: %s", path, strerror(errno));
	d->dev = 0;
	d->size = st.st_size;
	if (S_ISBLK(st.st_mode)) {
		d->dev = st.st_rdev;
		if (ioctl(d->fd, BLKGETSIZE64, &d->size) || ioctl(d->fd, BLKSSZGET, &block))
			die("cannot ask %s for its size: %s", path, strerror(errno));
	}
	d->block = block;
}

void disk_close(struct disk *d)
{
	if (close(d->fd))
		die("closing %s: %s", d->path, strerror(errno));
	d->fd = -1;
}

int read_at(int fd, void *buf, size_t len, uint64_t off)
{
	char *p = buf;

	while (len) {
		ssize_t n = pread(fd, p, len, off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EIO;
		p += n;
		off += n;
		len -= n;
	}
	return 0;
}

int write_at(int fd, const void *buf, size_t len, uint64_t off)
{
	const char *p = buf;

	while (len) {
		ssize_t n = pwrite(fd, p, len, off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EIO;
		p += n;
		off += n;
		len -= n;
	}
	return 0;
}

int read_text(const char *path, char *buf, size_t size)
{
	size_t got = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	while (got < size - 1) {
		ssize_t n = read(fd, buf + got, size - 1 - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int err = -errno;

			close(fd);
			return err;
		}
		if (!n)
			break;
		got += n;
	}
	close(fd);
	buf[got] = 0;
	return got;
}
