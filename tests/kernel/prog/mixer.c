// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "mixer.h"
#include "util.h"

#define THREADS_MAX	8
#define WRITE_STEPS	9		/* 512 bytes to 256 KiB */
#define WRITE_MAX	(SECTOR << WRITE_STEPS)
#define PIECE		(1u << 20)	/* of a fill and of a look */

struct range {
	uint64_t	off, len;
};

struct worker {
	struct mixer	*mixer;
	pthread_t	thread;
	uint64_t	chance;
	struct range	busy;		/* mixer->lock; len 0: none */
};

struct mixer {
	struct disk	disk;
	struct model	model;		/* mixer->lock */
	bool		*maybe;		/* discarded: as the model says, or zeroes */
	char		*buf;		/* PIECE bytes, of who has paused it */

	pthread_mutex_t	lock;
	pthread_cond_t	changed;
	bool		paused, stop;
	unsigned int	threads, resting;
	struct range	window;		/* where they write */
	atomic_uint	nap_us;		/* and how long they wait in between */
	struct mixer_stats	stats;
	unsigned int	told;
	struct worker	worker[THREADS_MAX];
};

static bool overlaps(struct mixer *m, const struct range *r)
{
	unsigned int i;

	for (i = 0; i < m->threads; i++) {
		const struct range *b = &m->worker[i].busy;

		if (b->len && r->off < b->off + b->len && b->off < r->off + r->len)
			return true;
	}
	return false;
}

/* Under the lock. */
static struct range pick(struct mixer *m, uint64_t *chance)
{
	struct range r;

	do {
		r.len = SECTOR << rnd_below(chance, WRITE_STEPS + 1);
		/* half of them are no power of two */
		if (rnd_below(chance, 2))
			r.len -= rnd_below(chance, r.len / 2 / SECTOR + 1) * SECTOR;
		if (r.len > m->window.len)
			r.len = m->window.len;
		r.off = m->window.off +
			rnd_below(chance, (m->window.len - r.len) / SECTOR + 1) * SECTOR;
	} while (overlaps(m, &r));
	return r;
}

static void mark(struct mixer *m, struct range r, uint32_t seq, bool discarded)
{
	uint64_t s;

	for (s = r.off / SECTOR; s < (r.off + r.len) / SECTOR; s++) {
		m->maybe[s] = discarded;
		if (!discarded)
			m->model.seq[s] = seq;
	}
}

static void range_ioctl(struct mixer *m, unsigned long cmd, struct range r)
{
	uint64_t arg[2] = { r.off, r.len };

	if (ioctl(m->disk.fd, cmd, arg))
		die("THE ORIGIN FAILED: %s, %s of %llu bytes at %llu: %s", m->disk.path,
		    cmd == BLKDISCARD ? "discard" : "zeroing", (unsigned long long)r.len,
		    (unsigned long long)r.off, strerror(errno));
}

static void rest(struct mixer *m)
{
	m->resting++;
	pthread_cond_broadcast(&m->changed);
	while (m->paused && !m->stop)
		pthread_cond_wait(&m->changed, &m->lock);
	m->resting--;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct mixer *m = w->mixer;
	char *buf = aligned(WRITE_MAX);

	pthread_mutex_lock(&m->lock);
	while (!m->stop) {
		unsigned int kind = rnd_below(&w->chance, 16), nap;
		uint32_t seq = 0;
		struct range r;
		int err;

		if (m->paused) {
			rest(m);
			continue;
		}
		r = w->busy = pick(m, &w->chance);
		if (kind > 1)
			seq = m->model.next++;
		pthread_mutex_unlock(&m->lock);

		if (!kind) {
			range_ioctl(m, BLKDISCARD, r);
		} else if (kind == 1) {
			range_ioctl(m, BLKZEROOUT, r);
		} else {
			pat_make(buf, m->model.id, r.off / SECTOR, r.len / SECTOR, seq);
			err = write_at(m->disk.fd, buf, r.len, r.off);
			if (err)
				die("THE ORIGIN FAILED: %s, write of %llu bytes at %llu: %s",
				    m->disk.path, (unsigned long long)r.len,
				    (unsigned long long)r.off, strerror(-err));
		}

		pthread_mutex_lock(&m->lock);
		mark(m, r, seq, !kind);
		w->busy.len = 0;
		m->stats.discards += !kind;
		m->stats.zeroes += kind == 1;
		m->stats.writes += kind > 1;
		nap = atomic_load(&m->nap_us);
		if (nap && !m->paused) {
			struct timespec ts = { 0, nap * 1000l };

			pthread_mutex_unlock(&m->lock);
			nanosleep(&ts, NULL);
			pthread_mutex_lock(&m->lock);
		}
	}
	pthread_mutex_unlock(&m->lock);
	free(buf);
	return NULL;
}

/* Reads the disk piece by piece, those with discarded sectors or all. */
static uint64_t look(struct mixer *m, bool all)
{
	uint64_t sector, bad = 0, i, n;
	int err;

	for (sector = 0; sector < m->model.sectors; sector += n) {
		n = m->model.sectors - sector;
		if (n > PIECE / SECTOR)
			n = PIECE / SECTOR;
		if (!all && !memchr(m->maybe + sector, true, n))
			continue;
		err = read_at(m->disk.fd, m->buf, n * SECTOR, sector * SECTOR);
		if (err)
			die("THE ORIGIN FAILED: reading %s: %s", m->disk.path, strerror(-err));
		for (i = 0; i < n; i++) {
			if (m->maybe[sector + i] &&
			    pat_match(m->buf + i * SECTOR, m->model.id, sector + i, 0))
				m->model.seq[sector + i] = 0;
			/* else it must be as before: checked at the end, and by who compares */
			m->maybe[sector + i] = false;
		}
		if (all)
			bad += pat_check(m->disk.path, m->buf, m->model.id, sector, n,
					 m->model.seq + sector, &m->told);
	}
	return bad;
}

static void fill(struct mixer *m)
{
	uint64_t off, len;
	int err;

	for (off = 0; off < m->disk.size; off += len) {
		len = m->disk.size - off < PIECE ? m->disk.size - off : PIECE;
		pat_make(m->buf, m->model.id, off / SECTOR, len / SECTOR, m->model.next);
		err = write_at(m->disk.fd, m->buf, len, off);
		if (err)
			die("writing to %s: %s", m->disk.path, strerror(-err));
	}
	model_set(&m->model, 0, m->model.sectors, m->model.next++);
}

struct mixer *mixer_start(const char *path, uint64_t id, unsigned int threads, uint64_t seed)
{
	struct mixer *m = xcalloc(1, sizeof(*m));
	unsigned int i;

	if (!threads || threads > THREADS_MAX)
		die("1 to %u threads", THREADS_MAX);
	disk_open(&m->disk, path, O_RDWR | O_DIRECT);
	model_new(&m->model, id, m->disk.size / SECTOR);
	m->maybe = xcalloc(m->model.sectors, sizeof(*m->maybe));
	m->buf = aligned(PIECE);
	m->window.len = m->disk.size;
	m->threads = threads;
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->changed, NULL);
	fill(m);
	for (i = 0; i < threads; i++) {
		struct worker *w = &m->worker[i];

		w->mixer = m;
		w->chance = seed * 1000 + i;
		if (pthread_create(&w->thread, NULL, work, w))
			die("cannot start a thread");
	}
	return m;
}

const struct model *mixer_pause(struct mixer *m)
{
	pthread_mutex_lock(&m->lock);
	m->paused = true;
	while (m->resting < m->threads)
		pthread_cond_wait(&m->changed, &m->lock);
	look(m, false);
	pthread_mutex_unlock(&m->lock);
	return &m->model;
}

void mixer_resume(struct mixer *m)
{
	pthread_mutex_lock(&m->lock);
	m->paused = false;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
}

void mixer_vary(struct mixer *m, uint64_t *chance)
{
	/* now and then fast; else they leave the processor to those who look */
	static const unsigned int naps[] = { 500, 2000, 5000, 10000, 20000, 50000 };
	struct range w = { 0, m->disk.size };

	if (rnd_below(chance, 2)) {
		w.len = m->disk.size / 8;
		w.off = rnd_below(chance, 8) * w.len / SECTOR * SECTOR;
		w.len = w.len / SECTOR * SECTOR;
	}
	pthread_mutex_lock(&m->lock);
	m->window = w;
	pthread_mutex_unlock(&m->lock);
	atomic_store(&m->nap_us, naps[rnd_below(chance, ARRAY_SIZE(naps))]);
}

bool mixer_peek(struct mixer *m, uint64_t *chance, uint64_t *off, uint64_t *len)
{
	struct worker *w = &m->worker[rnd_below(chance, m->threads)];

	/* without the lock: a guess is enough, and the race must not be slowed */
	*off = *(volatile uint64_t *)&w->busy.off;
	*len = *(volatile uint64_t *)&w->busy.len;
	return *len;
}

uint64_t mixer_end(struct mixer *m, struct mixer_stats *stats)
{
	uint64_t bad;
	unsigned int i;

	pthread_mutex_lock(&m->lock);
	m->stop = true;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
	for (i = 0; i < m->threads; i++)
		pthread_join(m->worker[i].thread, NULL);
	bad = look(m, true);
	*stats = m->stats;
	disk_close(&m->disk);
	model_free(&m->model);
	free(m->maybe);
	free(m->buf);
	free(m);
	return bad;
}
