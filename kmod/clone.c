// SPDX-License-Identifier: GPL-2.0-only
/*
 * A clone is allocated, initialised and freed for each write while a set is in the
 * making. Some that have done their work are kept on the CPU that ended them, instead of
 * going through bioset, mempool and slab: a third of what counting costs. They are never
 * those that the pool has in reserve, for whoever waits for one of these would not be
 * told that one lies on another CPU.
 *
 * A write is counted until its submitter's completion has run. The origin lives as long,
 * and so does our text, but for the few instructions after the last count, which the
 * grace periods at the module's exit wait for.
 */
#include <linux/bio.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include "clone.h"
#include "counters.h"
#include "fault.h"
#include "origin.h"

#define RESERVED	(64 + SNAPSET_MAX_LANES + 2)	/* a lane may sleep with one */
#define SPARES		64	/* on each CPU */

struct snapset_clone_spares {
	spinlock_t lock;		/* irq; others only come to take all */
	struct bio *first;
	unsigned int nr;
};

/* A counted write on its way: our bio in the place of @orig. */
struct clone {
	struct snapset_origin *origin;
	struct bio *orig;
	struct bio bio;			/* last */
};

int snapset_clones_init(struct snapset_clones *clones)
{
	int err, cpu;

	clones->spares = snapset_may_fail(alloc_percpu(struct snapset_clone_spares));
	if (!clones->spares)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		spin_lock_init(&per_cpu_ptr(clones->spares, cpu)->lock);
	err = snapset_may_err(bioset_init(&clones->bios, RESERVED,
					  offsetof(struct clone, bio), 0));
	if (err)
		snapset_clones_destroy(clones);
	return err;
}

void snapset_clones_trim(struct snapset_clones *clones)
{
	struct snapset_clone_spares *s;
	struct bio *bio, *next;
	int cpu;

	for_each_possible_cpu(cpu) {
		s = per_cpu_ptr(clones->spares, cpu);
		spin_lock_irq(&s->lock);
		next = s->first;
		s->first = NULL;
		s->nr = 0;
		spin_unlock_irq(&s->lock);
		while ((bio = next)) {
			next = bio->bi_next;
			bio_put(bio);
		}
	}
}

void snapset_clones_destroy(struct snapset_clones *clones)
{
	if (!clones->spares)
		return;
	snapset_clones_trim(clones);
	free_percpu(clones->spares);
	clones->spares = NULL;
	bioset_exit(&clones->bios);
}

static struct bio *spare_get(struct snapset_clones *clones)
{
	struct snapset_clone_spares *s;
	unsigned long flags;
	struct bio *bio;

	s = raw_cpu_ptr(clones->spares);
	spin_lock_irqsave(&s->lock, flags);
	bio = s->first;
	if (bio) {
		s->first = bio->bi_next;
		s->nr--;
	}
	spin_unlock_irqrestore(&s->lock, flags);
	return bio;
}

static bool reserve_is_full(const mempool_t *pool)
{
	smp_rmb();	/* after the element was got: as in mempool_free() */
	return READ_ONCE(pool->curr_nr) >= pool->min_nr;
}

static void spare_put(struct snapset_origin *o, struct bio *bio)
{
	struct snapset_clones *clones = &o->clones;
	struct snapset_clone_spares *s;
	unsigned long flags;

	/* somebody below may have it yet; nobody needs it soon; others need it more */
	if (bio_flagged(bio, BIO_REFFED) || !READ_ONCE(o->counting) ||
	    !reserve_is_full(&clones->bios.bio_pool)) {
		bio_put(bio);
		return;
	}
	/* what it holds of its last device must not be held until its next use */
	bio_uninit(bio);
	s = raw_cpu_ptr(clones->spares);
	spin_lock_irqsave(&s->lock, flags);
	if (s->nr < SPARES) {
		bio->bi_next = s->first;
		s->first = bio;
		s->nr++;
		bio = NULL;
	}
	spin_unlock_irqrestore(&s->lock, flags);
	if (bio)
		bio_put(bio);
}

static void clone_done(struct bio *bio)
{
	struct clone *c = container_of(bio, struct clone, bio);
	struct snapset_origin *o = c->origin;
	struct bio *orig = c->orig;

	if (bio->bi_status)
		orig->bi_status = bio->bi_status;
	spare_put(o, bio);
	bio_endio(orig);	/* not under RCU: some completions want to sleep */
	snapset_gone(SNAPSET_OBJ_CLONE);
	rcu_read_lock();	/* the origin, which with its last write may go */
	snapset_origin_uncount(o);
	rcu_read_unlock();
}

struct bio *snapset_clone(struct snapset_origin *o, struct bio *orig, bool in_place,
			  gfp_t gfp)
{
	struct bio *bio = spare_get(&o->clones);
	struct clone *c;

	if (bio && !snapset_bio_clone_again(bio, orig, gfp, &o->clones.bios)) {
		bio_put(bio);
		return NULL;
	}
	if (!bio)
		bio = snapset_may_fail(snapset_bio_clone(NULL, orig, gfp, &o->clones.bios));
	if (!bio)
		return NULL;
	c = container_of(bio, struct clone, bio);
	c->origin = o;
	c->orig = orig;
	snapset_bio_clone_flags(bio, orig, in_place);
	bio->bi_end_io = clone_done;
	snapset_made(SNAPSET_OBJ_CLONE);
	return bio;
}
