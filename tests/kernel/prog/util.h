/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every test program needs: give up with a sentence, time, chance, and
 * files and disks opened the same way.
 */
#ifndef SNAPSET_TEST_UTIL_H
#define SNAPSET_TEST_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Exit codes of all programs. */
enum {
	EXIT_PASS	= 0,
	EXIT_ERROR	= 1,	/* could not do the job */
	EXIT_USAGE	= 2,
	EXIT_REFUSED	= 3,	/* did the job, and the answer is no */
};

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define ALIGN_UP(x, a)	(((x) + (a) - 1) / (a) * (a))
#define SECTOR		512u

void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

uint64_t now_ns(void);
void sleep_ms(unsigned int ms);

/* Chance that repeats: the same seed gives the same numbers. */
uint64_t rnd(uint64_t *state);
uint64_t rnd_below(uint64_t *state, uint64_t limit);

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *aligned(size_t size);		/* good for O_DIRECT */

/* "EINVAL"; errnos that the tests meet, others as numbers. */
const char *errno_name(int err);

/* 64K, 2M, 1G, 512: bytes. Gives up on anything else. */
uint64_t bytes(const char *text);
uint64_t number(const char *text);

struct disk {
	int		fd;
	const char	*path;
	uint64_t	size;		/* bytes */
	unsigned int	block;		/* logical block size */
	dev_t		dev;		/* of the block device, 0 for a file */
};

/* Opens a block device or a file; @flags as for open(). */
void disk_open(struct disk *d, const char *path, int flags);
void disk_close(struct disk *d);

/* Whole transfers. 0 or -errno; end of file is -EIO. */
int read_at(int fd, void *buf, size_t len, uint64_t off);
int write_at(int fd, const void *buf, size_t len, uint64_t off);

/* Reads a small file into @buf and ends it with 0. Length or -errno. */
int read_text(const char *path, char *buf, size_t size);

#endif
