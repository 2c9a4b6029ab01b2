// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate, and what passes it.
 *
 * Why the count is exact: a judgement reads "closed" and counts inside one RCU
 * read section. After "closed" was set and a grace period has passed, nobody
 * counts any more, and the sum over the CPUs can only fall. A completion that
 * read "closed" as false has counted down before it was set, so the waiter's
 * first look after the grace period sees that; all later ones wake the waiter.
 *
 * Why nothing is parked for ever: parking and opening take the lock, and park
 * looks at "closed" again under it.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/hashtable.h>
#include <linux/percpu.h>
#include <linux/rcupdate_wait.h>
#include <linux/slab.h>
#include "counters.h"
#include "cow.h"
#include "origin.h"
#include "track.h"

static atomic_t alive;			/* origins, pieces, probes: who still needs our text */
static DECLARE_WAIT_QUEUE_HEAD(alive_wq);

static struct bio_set pieces;		/* parts of a bio that touches several origins */
static struct bio_set io_bios;

enum verdict {
	COUNTED,	/* may go: send a clone */
	PASS,		/* may go as it is */
	TAKEN,		/* parked or queued for copying: ours now */
	ABSORBED,	/* complete it */
};

struct bio *snapset_io_alloc(struct block_device *bdev, unsigned short nr,
			     blk_opf_t opf, gfp_t gfp)
{
	return snapset_bio_alloc(bdev, nr, opf, gfp, &io_bios);
}

void snapset_text_get(void)
{
	atomic_inc(&alive);
}

void snapset_text_put(void)
{
	if (atomic_dec_and_test(&alive))
		wake_up(&alive_wq);
}

static struct snapset_range bio_range(struct bio *bio)
{
	return snapset_range_of(snapset_bio_sector(bio), bio_sectors(bio));
}

/* False if the gate has been opened meanwhile. */
static bool park(struct snapset_origin *o, struct bio *bio)
{
	unsigned long flags;
	bool parked;

	spin_lock_irqsave(&o->lock, flags);
	parked = o->closed;
	if (parked) {
		bio_list_add(&o->parked, bio);
		o->nr_parked++;
	}
	spin_unlock_irqrestore(&o->lock, flags);
	return parked;
}

static void judge_later(struct snapset_origin *o, struct bio *bio)
{
	unsigned long flags;

	spin_lock_irqsave(&o->lock, flags);
	bio_list_add(&o->again, bio);
	spin_unlock_irqrestore(&o->lock, flags);
	snapset_origin_kick(o);
}

/*
 * gate -> count -> coverage, for every submission. Under rcu_read_lock(). @here, in the
 * hook: where to put what is to be submitted instead of a bio that is taken, or NULL.
 */
static enum verdict judge(struct snapset_origin *o, struct bio *bio,
			  struct snapset_range r, struct bio **here)
{
	bool counted = READ_ONCE(o->counting);
	struct snapset_cow *cow;

	/* pairs with snapset_origin_open(): after "open", the newest engine */
	if (unlikely(smp_load_acquire(&o->closed)) && park(o, bio))
		return TAKEN;
	if (counted)
		this_cpu_inc(*o->inflight);
	cow = rcu_dereference(o->newest);
	if (!cow)
		return counted ? COUNTED : PASS;
	r = snapset_range_clamp(r, o->range);
	r.start -= o->range.start;
	r.end -= o->range.start;
	switch (snapset_cow_judge(cow, bio, r)) {
	case SNAPSET_COW_PASS:
		return counted ? COUNTED : PASS;
	case SNAPSET_COW_ABSORB:
		if (counted)
			snapset_origin_uncount(o);
		return ABSORBED;
	case SNAPSET_COW_COPY:
		break;
	}
	if (counted)
		snapset_origin_uncount(o);
	if (here)
		*here = snapset_jobs_take_here(o, cow, bio, r);
	else
		snapset_jobs_take(o, bio);
	return TAKEN;
}

/* The origin that @bio touches; *several if it is not the only one. RCU. */
static struct snapset_origin *find(struct bio *bio, struct gendisk *disk,
				   struct snapset_range *r, bool *several)
{
	struct snapset_origin *o, *found = NULL;

	*several = false;
	hash_for_each_possible_rcu(snapset_origins, o, link, (unsigned long)disk) {
		if (o->disk != disk)
			continue;
		*r = bio_range(bio);
		if (!snapset_range_overlap(*r, o->range))
			continue;
		if (found) {
			*several = true;
			break;
		}
		found = o;
	}
	return found;
}

/*
 * A clone that @o has counted comes by again: what is left of it after a split, or
 * one that was put off below. One of another origin, or of one that was here before,
 * is a new write, and so is what md sends on to a leg.
 */
static bool counted_by(const struct snapset_origin *o, const struct bio *bio)
{
	return bio->bi_pool == &o->clones.bios;
}

struct bio *snapset_filter(struct bio *bio)
{
	struct gendisk *disk;
	struct snapset_origin *o;
	struct snapset_range r;
	struct bio *go = bio, *here = NULL;
	enum verdict verdict;
	bool several;

	disk = snapset_bio_disk(bio);
	rcu_read_lock();
	o = find(bio, disk, &r, &several);
	if (!o || (!several && counted_by(o, bio)) || snapset_store_sends(bio, disk)) {
		rcu_read_unlock();
		return bio;
	}
	if (several) {
		judge_later(o, bio);
		rcu_read_unlock();
		return NULL;
	}
	verdict = judge(o, bio, r, &here);
	if (verdict == COUNTED) {
		go = snapset_clone(o, bio, true, GFP_NOWAIT | __GFP_NOWARN);
		if (!go) {
			snapset_origin_uncount(o);
			judge_later(o, bio);
		}
	} else if (verdict != PASS) {
		go = verdict == ABSORBED ? ERR_PTR(-ECANCELED) : here;
	}
	rcu_read_unlock();
	return go;
}

/* A bio over several origins: one piece for each of them and for the gaps. */
struct straddle {
	struct bio *orig;
	atomic_t left;
};

static void straddle_put(struct straddle *s)
{
	if (!atomic_dec_and_test(&s->left))
		return;
	bio_endio(s->orig);
	kfree(s);
	snapset_text_put();
}

static void piece_done(struct bio *bio)
{
	struct straddle *s = bio->bi_private;

	rcu_read_lock();
	if (bio->bi_status)
		s->orig->bi_status = bio->bi_status;
	bio_put(bio);
	straddle_put(s);
	rcu_read_unlock();
}

/* Sectors from @at to the next border of an origin on @disk. */
static u64 next_border(struct gendisk *disk, u64 at, u64 end)
{
	struct snapset_origin *o;

	rcu_read_lock();
	hash_for_each_possible_rcu(snapset_origins, o, link, (unsigned long)disk) {
		if (o->disk != disk)
			continue;
		if (o->range.start > at && o->range.start < end)
			end = o->range.start;
		if (o->range.end > at && o->range.end < end)
			end = o->range.end;
	}
	rcu_read_unlock();
	return end;
}

void snapset_origin_straddle(struct bio *orig)
{
	struct straddle *s = kmalloc(sizeof(*s), GFP_NOIO | __GFP_NOFAIL);
	struct snapset_range r = bio_range(orig);
	u64 at = r.start, end;
	struct bio *piece;

	s->orig = orig;
	atomic_set(&s->left, 1);
	snapset_text_get();
	while (at < r.end) {
		end = next_border(snapset_bio_disk(orig), at, r.end);
		while (!(piece = snapset_bio_clone(NULL, orig, GFP_NOIO, &pieces)))
			msleep(1);
		bio_advance(piece, (at - r.start) << 9);
		piece->bi_iter.bi_size = (end - at) << 9;
		snapset_bio_clone_flags(piece, orig, false);
		snapset_bio_piece_flags(piece);
		piece->bi_private = s;
		piece->bi_end_io = piece_done;
		atomic_inc(&s->left);
		submit_bio_noacct(piece);	/* through the hook, each for itself */
		at = end;
	}
	straddle_put(s);
}

/* The bioset's reserve comes back without us, but a payload has none (integrity). */
static struct bio *clone_surely(struct snapset_origin *o, struct bio *orig)
{
	struct bio *bio;

	while (!(bio = snapset_clone(o, orig, false, GFP_NOIO)))
		msleep(1);
	return bio;
}

void snapset_origin_resubmit(struct bio *bio)
{
	snapset_bio_taken_flags(bio);
	submit_bio_noacct(bio);
}

void snapset_origin_submit(struct snapset_origin *origin, struct bio *bio)
{
	struct snapset_origin *o;
	struct snapset_range r;
	enum verdict verdict = PASS;
	bool several;

	rcu_read_lock();
	r = bio_range(bio);
	o = find(bio, snapset_bio_disk(bio), &r, &several);
	if (o && !several)
		verdict = judge(o, bio, r, NULL);
	rcu_read_unlock();
	if (several)
		snapset_lane_straddle(origin, bio);
	else if (verdict == ABSORBED)
		bio_endio(bio);
	else if (verdict == COUNTED)
		submit_bio_noacct(clone_surely(o, bio));
	else if (verdict == PASS)
		snapset_origin_resubmit(bio);
}

void snapset_origin_work(struct work_struct *work)
{
	struct snapset_origin *o = container_of(work, struct snapset_origin, work);
	struct bio_list bios;
	struct blk_plug plug;
	struct bio *bio;

	/* what owns its resources goes first, then what may need some */
	snapset_jobs_finish(o);
	spin_lock_irq(&o->lock);
	bios = o->again;
	bio_list_init(&o->again);
	if (!o->closed) {
		bio_list_merge(&bios, &o->parked);
		bio_list_init(&o->parked);
	}
	spin_unlock_irq(&o->lock);
	blk_start_plug(&plug);
	while ((bio = bio_list_pop(&bios)))
		if (!snapset_lane_take(o, bio))
			snapset_origin_submit(o, bio);
	blk_finish_plug(&plug);
	snapset_jobs_start(o);
}

void snapset_origin_kick(struct snapset_origin *origin)
{
	queue_work(origin->wq, &origin->work);
}

void snapset_origin_close(struct snapset_origin *origin)
{
	spin_lock_irq(&origin->lock);
	WRITE_ONCE(origin->closed, true);
	spin_unlock_irq(&origin->lock);
}

void snapset_origin_open(struct snapset_origin *origin)
{
	unsigned long flags;
	bool parked;

	spin_lock_irqsave(&origin->lock, flags);
	/* who sees it open sees the engine that was set before; pairs with judge() */
	smp_store_release(&origin->closed, false);
	parked = !bio_list_empty(&origin->parked);
	spin_unlock_irqrestore(&origin->lock, flags);
	if (parked)
		snapset_origin_kick(origin);
}

unsigned long snapset_origin_inflight(const struct snapset_origin *origin)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += smp_load_acquire(per_cpu_ptr(origin->inflight, cpu));	/* uncount() */
	return sum;
}

sector_t snapset_origin_sectors_now(const struct snapset_origin *origin)
{
	return bdev_nr_sectors(origin->bdev.bdev);
}

const char *snapset_origin_lost(const struct snapset_origin *origin)
{
	sector_t capacity = get_capacity(origin->disk);

	if (snapset_disk_medium(origin->disk) != origin->medium)
		return "there is another medium in the device";
	if (!capacity)	/* what del_gendisk() leaves */
		return "the device has gone";
	if (capacity < origin->range.end)
		return "the device has become smaller";
	return NULL;
}

int snapset_origin_init(void)
{
	int err;

	err = bioset_init(&pieces, 64, 0, 0);
	if (err)
		return err;
	err = bioset_init(&io_bios, 4, 0, BIOSET_NEED_BVECS);
	if (err)
		bioset_exit(&pieces);
	return err;
}

void snapset_origin_exit(void)
{
	wait_event(alive_wq, !atomic_read(&alive));
	/* completions that are past their last count, preempted even */
	synchronize_rcu();
	synchronize_rcu_tasks();
	bioset_exit(&io_bios);
	bioset_exit(&pieces);
}
