/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways in which a program can write to a disk, behind one door. The kernel
 * interfaces are called directly, so that no library decides which flags go
 * down and the programs build wherever the kernel's headers are.
 *
 * One thread per engine.
 */
#ifndef SNAPSET_TEST_ENGINE_H
#define SNAPSET_TEST_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#define ENGINE_DEPTH_MAX	256

enum engine_flags {
	ENGINE_NOWAIT	= 1,	/* RWF_NOWAIT on each write */
	ENGINE_HIPRI	= 2,	/* RWF_HIPRI, or a ring made with IOPOLL */
	ENGINE_DSYNC	= 4,	/* RWF_DSYNC: FUA */
};

struct engine;

/* @name: direct, buffered, mmap, aio or uring. */
struct engine *engine_open(const char *name, const char *path, unsigned int depth,
			   unsigned int flags);

/* Starts a write; @slot < depth must be free, @buf stays untouched until the
 * slot comes back. Gives up if the kernel does not take the write.
 */
void engine_write(struct engine *e, unsigned int slot, const void *buf, size_t len, uint64_t off);

/* Waits for any write. Returns its slot and sets *@result to the number of bytes
 * or -errno; returns -1 if none is under way.
 */
int engine_wait(struct engine *e, int *result);

/* Writes again, without ENGINE_NOWAIT and now. 0 or -errno. */
int engine_rewrite(struct engine *e, const void *buf, size_t len, uint64_t off);

/* Everything that was written is on the disk when it returns. 0 or -errno. */
int engine_flush(struct engine *e);

void engine_close(struct engine *e);

#endif
