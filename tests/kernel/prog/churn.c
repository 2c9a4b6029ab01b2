// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "churn.h"
#include "engine.h"
#include "util.h"

#define THREADS_MAX	32
#define GRANULE		4096u

struct piece {
	uint64_t	off, len;
};

enum {
	BEGUN	= 1,
	ENDED	= 2,
};

struct worker {
	struct churn	*churn;
	pthread_t	thread;
	unsigned int	no;
	uint64_t	chance;
	struct piece	busy[ENGINE_DEPTH_MAX];	/* under churn->lock; len 0: free */
	uint64_t	begun[ENGINE_DEPTH_MAX];
	uint32_t	seq[ENGINE_DEPTH_MAX];
	bool		of_cover[ENGINE_DEPTH_MAX];
};

struct churn {
	struct churn_options	o;
	struct model	*model;
	uint64_t	block;
	uint64_t	end_ns;

	pthread_mutex_t	lock;
	pthread_cond_t	changed;
	bool		paused;
	unsigned int	running, resting;	/* threads alive; of them, with nothing under way */
	struct piece	*pieces;		/* cover: what is left, in random order */
	size_t		npieces, next, uncovered;
	uint64_t	issued;
	struct churn_stats	stats;
	atomic_uchar	*written;		/* by granule: BEGUN, ENDED */

	atomic_bool	stop;
	struct worker	worker[THREADS_MAX];
};

static uint64_t size_of_write(struct churn *c, uint64_t *chance)
{
	unsigned int steps = 0;
	uint64_t len;

	while (c->o.min << (steps + 1) <= c->o.max)
		steps++;
	len = c->o.min << rnd_below(chance, steps + 1);
	/* half of them are no power of two */
	if (rnd_below(chance, 2) && len > c->o.min)
		len -= rnd_below(chance, len / 2 / c->block + 1) * c->block;
	return len < c->o.min ? c->o.min : len;
}

static void add_piece(struct churn *c, uint64_t off, uint64_t len)
{
	if (!(c->npieces & (c->npieces + 1))) {
		c->pieces = realloc(c->pieces, (c->npieces + 1) * 2 * sizeof(*c->pieces));
		if (!c->pieces)
			die("no memory for a list of writes");
	}
	c->pieces[c->npieces++] = (struct piece){ off, len };
}

/*
 * Cuts the disk into stretches of one size of write each, at most 128 writes
 * of it, so that small writes do not take all the time; then shuffles.
 */
static void plan_cover(struct churn *c)
{
	uint64_t chance = c->o.seed, at = c->o.from, end = c->o.from + c->o.len;
	size_t i;

	while (at < end) {
		uint64_t len = size_of_write(c, &chance);
		unsigned int n = len > 16384 ? 1 : 1 + rnd_below(&chance, 128);

		for (; n && at < end; n--) {
			if (len > end - at)
				len = end - at;
			add_piece(c, at, len);
			at += len;
		}
	}
	for (i = c->npieces; i > 1; i--) {
		size_t j = rnd_below(&chance, i);
		struct piece p = c->pieces[i - 1];

		c->pieces[i - 1] = c->pieces[j];
		c->pieces[j] = p;
	}
}

static bool overlaps(struct churn *c, const struct piece *p)
{
	unsigned int t, i;

	for (t = 0; t < c->o.threads; t++) {
		for (i = 0; i < c->o.depth; i++) {
			const struct piece *b = &c->worker[t].busy[i];

			if (b->len && p->off < b->off + b->len && b->off < p->off + p->len)
				return true;
		}
	}
	return false;
}

static void mark(struct churn *c, const struct piece *p, unsigned char what)
{
	uint64_t i;

	for (i = p->off / GRANULE; i <= (p->off + p->len - 1) / GRANULE; i++)
		atomic_fetch_or(&c->written[i], what);
}

static bool over(struct churn *c)
{
	if (atomic_load(&c->stop) || (c->o.seconds && now_ns() > c->end_ns))
		return true;
	if (c->o.cover)
		return !c->o.on && c->next == c->npieces;
	return c->o.writes && c->issued >= c->o.writes;
}

/* Under the lock. False if there is nothing to write. */
static bool pick(struct churn *c, struct worker *w, unsigned int slot)
{
	uint64_t align = c->o.align ? c->o.align : c->block;
	struct piece p;

	if (over(c))
		return false;
	w->of_cover[slot] = c->next < c->npieces;
	if (w->of_cover[slot]) {
		p = c->pieces[c->next++];
	} else {
		do {
			p.len = size_of_write(c, &w->chance);
			if (p.len > c->o.len)
				p.len = c->o.len / c->block * c->block;
			p.off = c->o.from +
				rnd_below(&w->chance, (c->o.len - p.len) / align + 1) * align;
		} while (overlaps(c, &p));
	}
	c->issued++;
	w->busy[slot] = p;
	mark(c, &p, BEGUN);
	w->seq[slot] = c->model->next++;
	if (w->seq[slot] == PAT_ANY)
		die("sequence numbers are used up");
	return true;
}

static void finished(struct worker *w, struct engine *e, unsigned int slot, const void *buf,
		     int result)
{
	struct churn *c = w->churn;
	struct piece p = w->busy[slot];
	uint64_t took;
	bool again = false;
	int err;

	if (result == -EAGAIN && c->o.engine_flags & ENGINE_NOWAIT) {
		again = true;
		err = engine_rewrite(e, buf, p.len, p.off);
		if (err)
			result = err;
	} else if (result >= 0 && (uint64_t)result < p.len) {
		/* a short write is legal; the rest has to follow */
		again = true;
		err = engine_rewrite(e, (const char *)buf + result / c->block * c->block,
				     p.len - result / c->block * c->block,
				     p.off + result / c->block * c->block);
		if (err)
			result = err;
	}
	if (result < 0 && !(again && result == -EAGAIN))
		die("THE ORIGIN FAILED: %s, write of %llu bytes at %llu: %s", c->o.path,
		    (unsigned long long)p.len, (unsigned long long)p.off, strerror(-result));

	took = now_ns() - w->begun[slot];
	pthread_mutex_lock(&c->lock);
	model_set(c->model, p.off / SECTOR, p.len / SECTOR, w->seq[slot]);
	mark(c, &p, ENDED);
	w->busy[slot].len = 0;
	c->stats.writes++;
	c->stats.bytes += p.len;
	c->stats.again += again;
	if (took > c->stats.slowest_ns)
		c->stats.slowest_ns = took;
	if (w->of_cover[slot] && !--c->uncovered)
		pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

static void rest(struct churn *c)
{
	pthread_mutex_lock(&c->lock);
	c->resting++;
	pthread_cond_broadcast(&c->changed);
	while (c->paused && !atomic_load(&c->stop))
		pthread_cond_wait(&c->changed, &c->lock);
	c->resting--;
	pthread_mutex_unlock(&c->lock);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct churn *c = w->churn;
	struct engine *e = engine_open(c->o.engine, c->o.path, c->o.depth, c->o.engine_flags);
	char *buf[ENGINE_DEPTH_MAX];
	unsigned int free_slot[ENGINE_DEPTH_MAX], nfree = 0, i;
	int err;

	for (i = 0; i < c->o.depth; i++) {
		buf[i] = aligned(c->o.max);
		free_slot[nfree++] = i;
	}

	for (;;) {
		bool more = true, paused;
		int slot, result;

		while (nfree) {
			struct piece p;

			slot = free_slot[nfree - 1];
			pthread_mutex_lock(&c->lock);
			paused = c->paused;
			more = !paused && pick(c, w, slot);
			p = w->busy[slot];
			pthread_mutex_unlock(&c->lock);
			if (!more)
				break;
			nfree--;
			pat_make(buf[slot], c->model->id, p.off / SECTOR, p.len / SECTOR,
				 w->seq[slot]);
			w->begun[slot] = now_ns();
			engine_write(e, slot, buf[slot], p.len, p.off);
		}
		slot = engine_wait(e, &result);
		if (slot >= 0) {
			finished(w, e, slot, buf[slot], result);
			free_slot[nfree++] = slot;
			if (c->o.pause_ms)
				sleep_ms(c->o.pause_ms);
			continue;
		}
		if (!more && !paused)
			break;
		/* what lies in the cache is under way as well */
		err = engine_flush(e);
		if (err)
			die("THE ORIGIN FAILED: flush of %s: %s", c->o.path, strerror(-err));
		rest(c);
	}

	err = c->o.noflush ? 0 : engine_flush(e);
	if (err)
		die("THE ORIGIN FAILED: flush of %s: %s", c->o.path, strerror(-err));
	engine_close(e);
	for (i = 0; i < c->o.depth; i++)
		free(buf[i]);
	pthread_mutex_lock(&c->lock);
	c->running--;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

struct churn *churn_start(const struct churn_options *o, struct model *model)
{
	struct churn *c = xcalloc(1, sizeof(*c));
	struct disk d;
	unsigned int i;

	c->o = *o;
	c->model = model;
	disk_open(&d, o->path, O_RDONLY);
	c->block = d.block;
	if (model->sectors != d.size / SECTOR)
		die("the model is of a disk of another size than %s", o->path);
	if (!c->o.len)
		c->o.len = d.size - c->o.from;
	c->written = xcalloc(d.size / GRANULE + 1, sizeof(*c->written));
	disk_close(&d);
	if (c->o.min < c->block)
		c->o.min = c->block;
	if (c->o.max < c->o.min)
		c->o.max = c->o.min;
	if (o->threads < 1 || o->threads > THREADS_MAX)
		die("1 to %u threads", THREADS_MAX);
	if (c->o.cover)
		plan_cover(c);
	c->uncovered = c->npieces;
	c->end_ns = now_ns() + o->seconds * 1000000000ull;

	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	c->running = o->threads;
	for (i = 0; i < o->threads; i++) {
		struct worker *w = &c->worker[i];

		w->churn = c;
		w->no = i;
		w->chance = o->seed * 1000 + i;
		if (pthread_create(&w->thread, NULL, work, w))
			die("cannot start a thread");
	}
	return c;
}

void churn_pause(struct churn *c)
{
	pthread_mutex_lock(&c->lock);
	c->paused = true;
	while (c->resting < c->running)
		pthread_cond_wait(&c->changed, &c->lock);
	pthread_mutex_unlock(&c->lock);
}

void churn_resume(struct churn *c)
{
	pthread_mutex_lock(&c->lock);
	c->paused = false;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

bool churn_peek(struct churn *c, uint64_t *chance, uint64_t *off, uint64_t *len)
{
	struct worker *w = &c->worker[rnd_below(chance, c->o.threads)];
	unsigned int slot = rnd_below(chance, c->o.depth);

	/* without the lock: a guess is enough, and the race must not be slowed */
	*off = *(volatile uint64_t *)&w->busy[slot].off;
	*len = *(volatile uint64_t *)&w->busy[slot].len;
	return *len;
}

void churn_look(struct churn *c, uint64_t off, uint64_t len, struct churn_seen *seen)
{
	uint64_t i;

	*seen = (struct churn_seen){ 0 };
	for (i = off / GRANULE; i <= (off + len - 1) / GRANULE; i++) {
		unsigned char what = atomic_load(&c->written[i]);

		seen->granules++;
		seen->begun += what & BEGUN ? 1 : 0;
		seen->ended += what & ENDED ? 1 : 0;
	}
}

void churn_progress(struct churn *c, struct churn_stats *stats)
{
	pthread_mutex_lock(&c->lock);
	*stats = c->stats;
	pthread_mutex_unlock(&c->lock);
}

void churn_stop(struct churn *c)
{
	atomic_store(&c->stop, true);
	pthread_cond_broadcast(&c->changed);
}

void churn_wait_covered(struct churn *c)
{
	pthread_mutex_lock(&c->lock);
	while (c->uncovered && c->running)
		pthread_cond_wait(&c->changed, &c->lock);
	pthread_mutex_unlock(&c->lock);
}

bool churn_done(struct churn *c)
{
	bool done;

	pthread_mutex_lock(&c->lock);
	done = !c->running;
	pthread_mutex_unlock(&c->lock);
	return done;
}

void churn_end(struct churn *c, struct churn_stats *stats)
{
	unsigned int i;

	for (i = 0; i < c->o.threads; i++)
		pthread_join(c->worker[i].thread, NULL);
	*stats = c->stats;
	free(c->written);
	free(c->pieces);
	free(c);
}
