// SPDX-License-Identifier: GPL-2.0-only
/*
 * A copy holds its budget from before the read until its pages are gone or the
 * store's own. From keep() until the store has the data, image reads are served
 * from the pages; the copy is found by its place among the store's writes.
 */
#include <linux/bio.h>
#include <linux/blk-cgroup.h>
#include <linux/slab.h>
#include "chain.h"
#include "copy.h"
#include "counters.h"
#include "cow.h"
#include "fault.h"
#include "origin.h"
#include "reserve.h"

static void free_page_of(struct snapset_copy *copy, struct page *page)
{
	mempool_t *pool = &copy->cow->origin->jobs.page_pool;

	if (copy->store->ops->adopts)
		__free_page(page);
	else if (READ_ONCE(pool->curr_nr) < pool->min_nr ||	/* the reserve first */
		 !snapset_store_spare_put(copy->store, page))
		mempool_free(page, pool);
	snapset_gone(SNAPSET_OBJ_PAGE);
}

static struct page *new_page(struct snapset_copy *copy, gfp_t gfp)
{
	mempool_t *pool = &copy->cow->origin->jobs.page_pool;
	struct page *page;

	/* the store keeps them: then a reserve would only be emptied */
	if (copy->store->ops->adopts)
		page = snapset_may_fail(alloc_page(gfp));
	else
		page = snapset_store_spare(copy->store);
	if (!page && !copy->store->ops->adopts)
		page = snapset_may_lack(mempool_alloc(pool, GFP_NOWAIT | __GFP_NOWARN));
	if (page)
		snapset_made(SNAPSET_OBJ_PAGE);
	return page;
}

/* Shortens what a copy has reserved: budget, place, pages. */
static void trim(struct snapset_copy *copy, u32 len)
{
	struct snapset_cow *cow = copy->cow;
	u32 cut = copy->io.len - len;

	if (!cut)
		return;
	snapset_place_give(cow, copy->io.place + len, cut);
	snapset_budget_give(cow->budget, cut, cow);
	copy->io.len = len;
}

/* Not for @self, who asks now, does it look who starves. */
static void copy_free(struct snapset_copy *copy, const struct snapset_cow *self)
{
	struct snapset_cow *cow = copy->cow;
	struct snapset_origin *o = cow->origin;
	u32 i;

	for (i = 0; i < copy->io.len; i++)
		if (copy->pages[i])
			free_page_of(copy, copy->pages[i]);
	if (!copy->kept)
		snapset_place_give(cow, copy->io.place, copy->io.len);
	atomic64_sub((u64)copy->io.len << SNAPSET_GRANULE_SHIFT, &cow->in_ram);
	snapset_gone(SNAPSET_OBJ_COPY);
	i = copy->io.len;
	if (copy->small)
		mempool_free(copy, &o->jobs.copy_pool);
	else
		kfree(copy);
	snapset_budget_give(cow->budget, i, self);
	/* an engine of another set may wait for what came from the origin's reserves */
	if (!self && atomic_read(&o->starving))
		snapset_origin_kick(o);
	snapset_cow_put(cow);
}

void snapset_copy_put(struct snapset_copy *copy)
{
	rcu_read_lock();	/* the engine lives until the unlock */
	if (refcount_dec_and_test(&copy->refs))
		copy_free(copy, NULL);
	rcu_read_unlock();
}

static void read_done(struct bio *bio)
{
	struct snapset_copy *copy = bio->bi_private;
	struct snapset_cow *cow = copy->cow;

	rcu_read_lock();
	copy->err = blk_status_to_errno(bio->bi_status) ?:
		    snapset_fault_atomic("copy-read");
	bio_put(bio);
	llist_add(&copy->done, &cow->origin->jobs.done);
	atomic_dec(&cow->origin->jobs.reading);
	snapset_jobs_tell(cow->origin);
	rcu_read_unlock();
}

/* The read of the old data; NULL: no memory, which with GFP_NOIO does not happen. */
static struct bio *read_bio(struct snapset_copy *copy, gfp_t gfp)
{
	struct snapset_cow *cow = copy->cow;
	struct snapset_range r;
	struct bio *bio;
	u32 i, bytes;
	u64 left;

	r = snapset_range_of_granules(copy->start, copy->io.len, cow->sectors);
	left = (r.end - r.start) << SECTOR_SHIFT;
	bio = snapset_bio_alloc(cow->origin->bdev.bdev, copy->io.len, REQ_OP_READ, gfp,
				&cow->origin->jobs.reads);
	if (!bio)
		return NULL;
	bio->bi_iter.bi_sector = r.start;
	bio->bi_private = copy;
	bio->bi_end_io = read_done;
	for (i = 0; i < copy->io.len; i++) {
		bytes = min_t(u64, left, PAGE_SIZE);
		if (bytes < PAGE_SIZE)	/* beyond the device's end */
			memset(page_address(copy->pages[i]) + bytes, 0,
			       PAGE_SIZE - bytes);
		__bio_add_page(bio, copy->pages[i], bytes, 0);
		left -= bytes;
	}
	atomic_inc(&cow->origin->jobs.reading);
	return bio;
}

static void stored(struct snapset_store_io *io, int err);

static struct snapset_copy *copy_alloc(struct snapset_cow *cow, u64 *len)
{
	struct snapset_copy *copy;
	bool small = false;

	copy = snapset_may_fail(kmalloc(struct_size(copy, pages, *len),
					GFP_NOWAIT | __GFP_NOWARN));
	if (!copy) {
		copy = snapset_may_lack(mempool_alloc(&cow->origin->jobs.copy_pool,
						      GFP_NOWAIT | __GFP_NOWARN));
		if (!copy)
			return NULL;
		*len = min_t(u64, *len, SNAPSET_COPY_SMALL);
		small = true;
	}
	memset(copy, 0, struct_size(copy, pages, *len));
	copy->small = small;
	return copy;
}

#define GFP_WORKER	(GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN)
#define GFP_HERE	(GFP_NOWAIT | __GFP_NOMEMALLOC | __GFP_NOWARN)

/*
 * Budget, a place and pages for up to @want granules, or as snapset_copy_begin(); but
 * without pages for a store in memory it is given up only where @gfp lets us wait.
 */
static struct snapset_copy *copy_new(struct snapset_cow *cow, struct snapset_job *job,
				     u64 start, u64 want, gfp_t gfp,
				     enum snapset_lack *lack)
{
	struct snapset_copy *copy;
	u64 place, use;
	s64 len;
	u32 i;

	len = snapset_reserve(cow, min_t(u64, want, SNAPSET_COPY_MAX), &place, lack);
	if (len <= 0)
		return ERR_PTR(len);
	*lack = SNAPSET_LACKS_MEMORY;
	use = len;
	copy = copy_alloc(cow, &use);
	if (!copy) {
		snapset_place_give(cow, place, len);
		snapset_budget_give(cow->budget, len, cow);
		return NULL;
	}
	copy->cow = cow;
	copy->store = snapset_place_store(place);
	copy->job = job;
	copy->start = start;
	copy->io.place = place;
	copy->io.len = len;
	copy->io.pages = copy->pages;
	copy->io.done = stored;
	refcount_set(&copy->refs, 1);
	RB_CLEAR_NODE(&copy->io.ram);
	trim(copy, use);
	for (i = 0; i < use; i++) {
		copy->pages[i] = new_page(copy, gfp);
		if (!copy->pages[i])
			break;
	}
	snapset_made(SNAPSET_OBJ_COPY);
	snapset_cow_get(cow);
	atomic64_add(use << SNAPSET_GRANULE_SHIFT, &cow->in_ram);
	if (!i) {
		bool needed = copy->store->ops->adopts && gfpflags_allow_blocking(gfp);

		copy_free(copy, cow);
		if (!needed)
			return NULL;
		snapset_cow_kill(cow, SNAPSET_E_OUTOFMEMORY,
				 "no memory for old data");
		return ERR_PTR(-ENOMEM);
	}
	if (i < use) {
		atomic64_sub((use - i) << SNAPSET_GRANULE_SHIFT, &cow->in_ram);
		trim(copy, i);
	}
	return copy;
}

struct snapset_copy *snapset_copy_begin(struct snapset_cow *cow,
					struct snapset_job *job, u64 start,
					u64 want)
{
	enum snapset_lack lack;
	struct snapset_copy *copy = copy_new(cow, job, start, want, GFP_WORKER, &lack);

	if (!copy)
		WRITE_ONCE(cow->lack, lack);
	if (IS_ERR_OR_NULL(copy))
		return copy;
	job->reading++;
	snapset_fault("copy-begin");
	/* its reserve comes back by interrupts alone */
	submit_bio_noacct(read_bio(copy, GFP_NOIO));
	return copy;
}

struct bio *snapset_copy_begin_here(struct snapset_cow *cow, struct snapset_job *job,
				    u64 start, u64 want)
{
	enum snapset_lack lack;
	struct snapset_copy *copy = copy_new(cow, job, start, want, GFP_HERE, &lack);
	struct bio *bio;

	if (IS_ERR_OR_NULL(copy))
		return NULL;
	if (copy->io.len < want)
		goto free;
	bio = snapset_may_fail(read_bio(copy, GFP_HERE));
	if (!bio)
		goto free;
	if (!snapset_bio_at_hook(bio))
		goto free_bio;
	/* not for the writer's cgroup to pay, or to be slowed down: others may wait */
	snapset_bio_charge_root(bio);
	return bio;

free_bio:
	bio_put(bio);
	atomic_dec(&cow->origin->jobs.reading);
free:
	copy_free(copy, cow);
	return NULL;
}

static void ram_insert(struct snapset_copy *copy)
{
	struct snapset_store *store = copy->store;
	struct rb_node **p = &store->ram.rb_node, *parent = NULL;
	unsigned long flags;

	spin_lock_irqsave(&store->ram_lock, flags);
	while (*p) {
		parent = *p;
		if (copy->io.place < rb_entry(parent, struct snapset_store_io, ram)->place)
			p = &parent->rb_left;
		else
			p = &parent->rb_right;
	}
	rb_link_node(&copy->io.ram, parent, p);
	rb_insert_color(&copy->io.ram, &store->ram);
	spin_unlock_irqrestore(&store->ram_lock, flags);
}

static void ram_erase(struct snapset_copy *copy)
{
	struct snapset_store *store = copy->store;
	unsigned long flags;

	spin_lock_irqsave(&store->ram_lock, flags);
	if (!RB_EMPTY_NODE(&copy->io.ram)) {
		rb_erase(&copy->io.ram, &store->ram);
		RB_CLEAR_NODE(&copy->io.ram);
	}
	spin_unlock_irqrestore(&store->ram_lock, flags);
}

struct snapset_copy *snapset_copy_find(struct snapset_store *store, u64 place, u64 *max)
{
	struct snapset_store_io *io, *found = NULL;
	struct rb_node *node;
	unsigned long flags;

	spin_lock_irqsave(&store->ram_lock, flags);
	node = store->ram.rb_node;
	while (node) {
		io = rb_entry(node, struct snapset_store_io, ram);
		if (place < io->place) {
			*max = min(*max, io->place - place);
			node = node->rb_left;
		} else if (place >= io->place + io->len) {
			node = node->rb_right;
		} else {
			refcount_inc(&container_of(io, struct snapset_copy, io)->refs);
			found = io;
			break;
		}
	}
	spin_unlock_irqrestore(&store->ram_lock, flags);
	return found ? container_of(found, struct snapset_copy, io) : NULL;
}

/* The store has it, or will never have it. Any context. */
static void stored(struct snapset_store_io *io, int err)
{
	struct snapset_copy *copy = container_of(io, struct snapset_copy, io);
	struct snapset_cow *cow = copy->cow;

	rcu_read_lock();
	if (err)	/* before ram_erase(): nobody reads what is not there */
		snapset_cow_lose(cow, err == -ENOMEM ? SNAPSET_E_OUTOFMEMORY :
				 SNAPSET_E_UNEXPECTED_PROVIDER_ERROR,
				 "a write to the store failed: error %d", err);
	else
		atomic64_add((u64)io->len << SNAPSET_GRANULE_SHIFT, &cow->stored);
	ram_erase(copy);
	snapset_copy_put(copy);
	rcu_read_unlock();
}

/*
 * If it cannot be kept, its place becomes another copy's: not before it has left the tree,
 * for the other one would be looked for there under the same place.
 */
static bool map_it(struct snapset_copy *copy)
{
	struct snapset_cow *cow = copy->cow;
	int err;

	err = snapset_chain_add(copy);
	if (!err) {
		atomic64_add((u64)copy->io.len << SNAPSET_GRANULE_SHIFT, &cow->copied);
		return true;
	}
	if (err != -ESTALE)
		snapset_cow_kill(cow, err == -ENOMEM ? SNAPSET_E_OUTOFMEMORY :
				 SNAPSET_E_UNEXPECTED,
				 "no place in the map for old data: error %d", err);
	ram_erase(copy);
	if (err != -ESTALE)
		snapset_chain_drop(copy);
	return false;
}

void snapset_copy_keep(struct snapset_copy *copy)
{
	struct snapset_cow *cow = copy->cow;
	const char *lost;

	lost = snapset_origin_lost(cow->origin);
	if (lost)
		snapset_cow_kill(cow, SNAPSET_E_UNEXPECTED_PROVIDER_ERROR, "%s", lost);
	if (copy->err && !READ_ONCE(cow->left))		/* else its heir reads once more */
		snapset_cow_kill(cow, SNAPSET_E_UNEXPECTED_PROVIDER_ERROR,
				 "old data could not be read: error %d", copy->err);
	if (snapset_cow_done(cow)) {
		snapset_copy_put(copy);
		return;
	}
	if (copy->store->ops->adopts) {
		/* the store has the pages before anybody looks for them there */
		refcount_inc(&copy->refs);
		snapset_store_write(copy->store, &copy->io);
		if (!snapset_cow_dead(cow))
			map_it(copy);
		snapset_copy_put(copy);
		return;
	}
	ram_insert(copy);
	if (map_it(copy))
		snapset_store_write(copy->store, &copy->io);
	else
		snapset_copy_put(copy);
}
