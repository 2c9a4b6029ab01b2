// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "engine.h"
#include "util.h"

#ifndef RWF_NOWAIT
#define RWF_NOWAIT	0x8
#endif

struct engine_ops {
	const char	*name;
	int		open_flags;
	void		(*open)(struct engine *e);
	void		(*write)(struct engine *e, unsigned int slot, const void *buf, size_t len,
				 uint64_t off);
	int		(*wait)(struct engine *e, int *result);
	void		(*close)(struct engine *e);
};

struct engine {
	const struct engine_ops	*ops;
	struct disk	disk;
	unsigned int	depth, flags, busy;
	int		rwf;

	/* direct, buffered, mmap: the write has been done; what comes back next */
	struct {
		unsigned int	slot;
		int		result;
	} done[ENGINE_DEPTH_MAX];
	unsigned int	ndone, unflushed;
	char		*map;

	aio_context_t	aio;
	struct iocb	iocb[ENGINE_DEPTH_MAX];

	int		ring;
	void		*sq_ring, *cq_ring;
	size_t		sq_len, cq_len, sqe_len;
	struct io_uring_sqe	*sqes;
	unsigned int	*sq_tail, *sq_array, sq_mask;
	unsigned int	*cq_head, *cq_tail, cq_mask;
	struct io_uring_cqe	*cqes;
};

static void finish(struct engine *e, unsigned int slot, int result)
{
	e->done[e->ndone].slot = slot;
	e->done[e->ndone++].result = result;
}

static int plain_wait(struct engine *e, int *result)
{
	unsigned int slot = e->done[0].slot;

	/* the oldest: who writes on and on is to hear of each some time */
	*result = e->done[0].result;
	memmove(&e->done[0], &e->done[1], --e->ndone * sizeof(e->done[0]));
	return slot;
}

static void plain_write(struct engine *e, unsigned int slot, const void *buf, size_t len,
			uint64_t off)
{
	struct iovec iov = { (void *)buf, len };
	ssize_t n;

	do {
		n = pwritev2(e->disk.fd, &iov, 1, off, e->rwf);
	} while (n < 0 && errno == EINTR);
	finish(e, slot, n < 0 ? -errno : n);
}

/* The cache would swallow everything: push it out from time to time. */
static void buffered_write(struct engine *e, unsigned int slot, const void *buf, size_t len,
			   uint64_t off)
{
	plain_write(e, slot, buf, len, off);
	e->unflushed += len;
	if (e->unflushed > 4 << 20) {
		e->unflushed = 0;
		sync_file_range(e->disk.fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	}
}

static void mmap_open(struct engine *e)
{
	e->map = mmap(NULL, e->disk.size, PROT_READ | PROT_WRITE, MAP_SHARED, e->disk.fd, 0);
	if (e->map == MAP_FAILED)
		die("cannot map %s: %s", e->disk.path, strerror(errno));
}

static void mmap_write(struct engine *e, unsigned int slot, const void *buf, size_t len,
		       uint64_t off)
{
	uint64_t page = off & ~4095ull;

	memcpy(e->map + off, buf, len);
	if (msync(e->map + page, off + len - page, MS_ASYNC))
		die("msync: %s", strerror(errno));
	e->unflushed += len;
	if (e->unflushed > 4 << 20) {
		e->unflushed = 0;
		sync_file_range(e->disk.fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	}
	finish(e, slot, len);
}

static void mmap_close(struct engine *e)
{
	munmap(e->map, e->disk.size);
}

static void aio_open(struct engine *e)
{
	if (syscall(SYS_io_setup, e->depth, &e->aio))
		die("io_setup: %s", strerror(errno));
}

static void aio_write(struct engine *e, unsigned int slot, const void *buf, size_t len,
		      uint64_t off)
{
	struct iocb *cb = &e->iocb[slot];
	long n;

	memset(cb, 0, sizeof(*cb));
	cb->aio_data = slot;
	cb->aio_lio_opcode = IOCB_CMD_PWRITE;
	cb->aio_fildes = e->disk.fd;
	cb->aio_buf = (uintptr_t)buf;
	cb->aio_nbytes = len;
	cb->aio_offset = off;
	cb->aio_rw_flags = e->rwf;
	do {
		n = syscall(SYS_io_submit, e->aio, 1, &cb);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n != 1)
		die("io_submit to %s: %s", e->disk.path, strerror(errno));
}

static int aio_wait(struct engine *e, int *result)
{
	struct io_event ev;
	long n;

	do {
		n = syscall(SYS_io_getevents, e->aio, 1, 1, &ev, NULL);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		die("io_getevents: %s", strerror(errno));
	*result = ev.res;
	return ev.data;
}

static void aio_close(struct engine *e)
{
	syscall(SYS_io_destroy, e->aio);
}

static void *ring_map(int fd, size_t len, uint64_t where)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, where);

	if (p == MAP_FAILED)
		die("cannot map the ring: %s", strerror(errno));
	return p;
}

static void uring_open(struct engine *e)
{
	struct io_uring_params p = { 0 };
	char *sq, *cq;

	if (e->flags & ENGINE_HIPRI)
		p.flags |= IORING_SETUP_IOPOLL;
	e->ring = syscall(SYS_io_uring_setup, e->depth, &p);
	if (e->ring < 0)
		die("io_uring_setup: %s", strerror(errno));

	e->sq_len = p.sq_off.array + p.sq_entries * sizeof(unsigned int);
	e->cq_len = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	e->sqe_len = p.sq_entries * sizeof(struct io_uring_sqe);
	e->sq_ring = sq = ring_map(e->ring, e->sq_len, IORING_OFF_SQ_RING);
	e->cq_ring = cq = ring_map(e->ring, e->cq_len, IORING_OFF_CQ_RING);
	e->sqes = ring_map(e->ring, e->sqe_len, IORING_OFF_SQES);
	e->sq_tail = (unsigned int *)(sq + p.sq_off.tail);
	e->sq_mask = *(unsigned int *)(sq + p.sq_off.ring_mask);
	e->sq_array = (unsigned int *)(sq + p.sq_off.array);
	e->cq_head = (unsigned int *)(cq + p.cq_off.head);
	e->cq_tail = (unsigned int *)(cq + p.cq_off.tail);
	e->cq_mask = *(unsigned int *)(cq + p.cq_off.ring_mask);
	e->cqes = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
}

static int uring_enter(struct engine *e, unsigned int submit, unsigned int wait)
{
	long n;

	do {
		n = syscall(SYS_io_uring_enter, e->ring, submit, wait,
			    wait ? IORING_ENTER_GETEVENTS : 0, NULL, 0);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	return n < 0 ? -errno : n;
}

static void uring_write(struct engine *e, unsigned int slot, const void *buf, size_t len,
			uint64_t off)
{
	unsigned int tail = *e->sq_tail, at = tail & e->sq_mask;
	struct io_uring_sqe *sqe = &e->sqes[at];
	int n;

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_WRITE;
	sqe->fd = e->disk.fd;
	sqe->addr = (uintptr_t)buf;
	sqe->len = len;
	sqe->off = off;
	sqe->rw_flags = e->rwf & ~RWF_HIPRI;
	sqe->user_data = slot;
	e->sq_array[at] = at;
	__atomic_store_n(e->sq_tail, tail + 1, __ATOMIC_RELEASE);
	n = uring_enter(e, 1, 0);
	if (n != 1)
		die("io_uring_enter for %s: %s", e->disk.path, strerror(-n));
}

static int uring_wait(struct engine *e, int *result)
{
	unsigned int head = *e->cq_head;
	struct io_uring_cqe *cqe;
	int slot;

	while (head == __atomic_load_n(e->cq_tail, __ATOMIC_ACQUIRE)) {
		int n = uring_enter(e, 0, 1);

		if (n < 0)
			die("io_uring_enter: %s", strerror(-n));
	}
	cqe = &e->cqes[head & e->cq_mask];
	*result = cqe->res;
	slot = cqe->user_data;
	__atomic_store_n(e->cq_head, head + 1, __ATOMIC_RELEASE);
	return slot;
}

static void uring_close(struct engine *e)
{
	munmap(e->sqes, e->sqe_len);
	munmap(e->sq_ring, e->sq_len);
	munmap(e->cq_ring, e->cq_len);
	close(e->ring);
}

static const struct engine_ops all_ops[] = {
	{ "direct", O_WRONLY | O_DIRECT, NULL, plain_write, plain_wait, NULL },
	{ "buffered", O_WRONLY, NULL, buffered_write, plain_wait, NULL },
	{ "mmap", O_RDWR, mmap_open, mmap_write, plain_wait, mmap_close },
	{ "aio", O_WRONLY | O_DIRECT, aio_open, aio_write, aio_wait, aio_close },
	{ "uring", O_WRONLY | O_DIRECT, uring_open, uring_write, uring_wait, uring_close },
};

struct engine *engine_open(const char *name, const char *path, unsigned int depth,
			   unsigned int flags)
{
	struct engine *e = xcalloc(1, sizeof(*e));
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all_ops); i++)
		if (!strcmp(name, all_ops[i].name))
			e->ops = &all_ops[i];
	if (!e->ops)
		die("there is no engine '%s'", name);
	if (!depth || depth > ENGINE_DEPTH_MAX)
		die("the depth must be 1 to %u", ENGINE_DEPTH_MAX);
	e->depth = depth;
	e->flags = flags;
	e->rwf = (flags & ENGINE_NOWAIT ? RWF_NOWAIT : 0) | (flags & ENGINE_HIPRI ? RWF_HIPRI : 0) |
		 (flags & ENGINE_DSYNC ? RWF_DSYNC : 0);
	disk_open(&e->disk, path, e->ops->open_flags);
	if (e->ops->open)
		e->ops->open(e);
	return e;
}

void engine_write(struct engine *e, unsigned int slot, const void *buf, size_t len, uint64_t off)
{
	e->busy++;
	e->ops->write(e, slot, buf, len, off);
}

int engine_wait(struct engine *e, int *result)
{
	if (!e->busy)
		return -1;
	e->busy--;
	return e->ops->wait(e, result);
}

int engine_rewrite(struct engine *e, const void *buf, size_t len, uint64_t off)
{
	return write_at(e->disk.fd, buf, len, off);
}

int engine_flush(struct engine *e)
{
	if (e->map && msync(e->map, e->disk.size, MS_SYNC))
		return -errno;
	return fsync(e->disk.fd) ? -errno : 0;
}

void engine_close(struct engine *e)
{
	if (e->ops->close)
		e->ops->close(e);
	disk_close(&e->disk);
	free(e);
}
