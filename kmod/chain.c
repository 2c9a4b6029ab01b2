// SPDX-License-Identifier: GPL-2.0-only
/*
 * How one leaves while all others go on:
 *
 * 1. The next older one becomes the heir: whatever the leaving one keeps from now
 *    on is put in the heir's map first and then in its own.
 * 2. What it has kept before is put in the heir's map, as far as that lacks it.
 *    Now each granule that the leaving one has, the heir has, too.
 * 3. If it was the newest, the heir is now: who was judged by either map may pass.
 * 4. It is taken out of the list. A reader of an older snapshot, who goes from map to
 *    map towards the newer ones, may have looked at the heir's before 2. and not
 *    find the leaving one any more: the sequence count tells him to begin again.
 *    From now on it keeps nothing more: its jobs end, and the writes are judged again,
 *    by the heir; what its last reads bring is not put in any map.
 * 5. After a grace period nobody finds it; when its last job, copy and reader has
 *    gone, its map is given up, and those places with it that the heir did not take.
 *    That may be long after, if its store hangs: others leave meanwhile, but for the
 *    heir's own places, which may still be written by copies of this one.
 *
 * Most of a device is kept by nobody, or only by a few: how far one has to look is
 * noted by region (latest), so that a read does not cost more with each snapshot.
 *
 * What is not kept by anybody is asked again when the origin's data has come (image-read.c),
 * so that what is being kept in this moment need not be seen here.
 *
 * Who dies takes all older ones along, for they look through it; if it has left, the heir
 * and all that are older, for these look through the places that it was to write (cow.c).
 */
#include <linux/delay.h>
#include <linux/rculist.h>
#include <linux/rcupdate_wait.h>
#include <linux/sched.h>
#include "chain.h"
#include "copy.h"
#include "cow.h"
#include "fault.h"
#include "origin.h"
#include "store.h"

#define AT_ONCE	64	/* runs handed down before others may change maps */

void snapset_chain_init(struct snapset_chain *chain)
{
	INIT_LIST_HEAD(&chain->cows);
	seqcount_init(&chain->seq);
	mutex_init(&chain->map_mutex);
	mutex_init(&chain->leave_mutex);
	xa_init(&chain->latest);
}

void snapset_chain_destroy(struct snapset_chain *chain)
{
	xa_destroy(&chain->latest);
}

bool snapset_chain_join(struct snapset_cow *cow)
{
	struct snapset_origin *o = cow->origin;
	unsigned long flags;
	bool lives;

	spin_lock_irqsave(&o->lock, flags);
	lives = !cow->dead;		/* a kill takes the lock, too */
	if (lives) {
		cow->age = ++o->chain.joined;
		list_add_tail_rcu(&cow->link, &o->chain.cows);
		cow->linked = true;
		rcu_assign_pointer(o->newest, cow);
	}
	spin_unlock_irqrestore(&o->lock, flags);
	return lives;
}

/* What the dead, and those that have left, still have is on its way back. */
static u64 index_of_living(struct snapset_budget *budget)
{
	struct snapset_cow *cow;
	u64 sum = 0;

	lockdep_assert_held(&budget->lock);
	list_for_each_entry(cow, &budget->engines, in_budget)
		if (!snapset_cow_done(cow))
			sum += READ_ONCE(cow->index);
	return sum;
}

static void look_how_large(struct snapset_cow *cow)
{
	static const unsigned int steps[] = { 50, 75, 90 };
	struct snapset_budget *budget = cow->budget;
	unsigned int i, step = 0, was = READ_ONCE(budget->index_step);
	u64 used = atomic64_read(&budget->index);

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		if (used >= budget->index_limit / 100 * steps[i])
			step = steps[i];
	if (step == was)
		return;
	WRITE_ONCE(budget->index_step, step);
	if (step > was)
		cow->ops->index_low(cow);
}

/* Its map has grown: past the set's limit it is lost, rather than the machine's memory. */
static void index_grown(struct snapset_cow *cow)
{
	struct snapset_budget *budget = cow->budget;
	s64 more = cow->map.bytes - cow->index;

	lockdep_assert_held(&cow->origin->chain.map_mutex);
	if (!more)
		return;
	WRITE_ONCE(cow->index, cow->map.bytes);
	more = atomic64_add_return(more, &budget->index);
	look_how_large(cow);
	if (more <= budget->index_limit)
		return;
	/* in one, or another member would see both alive, and die as well */
	spin_lock_irq(&budget->lock);
	if (index_of_living(budget) > budget->index_limit)
		snapset_cow_kill(cow, SNAPSET_E_OUTOFMEMORY,
				 "the index of what is kept takes more RAM than the set may use for it: %llu bytes",
				 budget->index_limit);
	spin_unlock_irq(&budget->lock);
}

/* Those parts of a run that @heir has not are added to its map, at their place. */
static int add_lacking(struct snapset_cow *heir, u64 start, u64 len, u64 place, gfp_t gfp)
{
	struct snapset_map_run has;
	int err;

	while (len) {
		snapset_map_lookup(&heir->map, start, len, &has);
		if (!has.kept) {
			err = snapset_map_add(&heir->map, start, has.len, place, gfp);
			if (err)
				return err;
			if (place < SNAPSET_PLACE_ZERO)
				atomic64_add(has.len, &heir->handed);
			index_grown(heir);
		}
		start += has.len;
		place += has.len;
		len -= has.len;
	}
	return 0;
}

/* Places of a run that @map, if there is one, does not have go back to the store. */
static void free_lacking(const struct snapset_map *map, u64 start, u64 len, u64 place)
{
	struct snapset_map_run has;

	while (len) {
		has.kept = false;
		has.len = len;
		if (map)
			snapset_map_lookup(map, start, len, &has);
		if (!has.kept || has.place != place)
			snapset_place_free(place, has.len);
		start += has.len;
		place += has.len;
		len -= has.len;
	}
}

/*
 * Before a map has it: who looks and does not find a region's entry may answer as if
 * he had looked a moment earlier. The oldest is looked through by nobody but itself,
 * and who has been the oldest is so for ever.
 */
static void note_latest(struct snapset_cow *cow, u64 start, u64 len, gfp_t gfp)
{
	struct snapset_chain *chain = &cow->origin->chain;
	unsigned long i, last = (start + len - 1) >> SNAPSET_MAP_REGION_SHIFT;
	void *had;

	lockdep_assert_held(&chain->map_mutex);
	if (READ_ONCE(cow->link.prev) == &chain->cows)
		return;
	for (i = start >> SNAPSET_MAP_REGION_SHIFT; i <= last; i++) {
		had = xa_load(&chain->latest, i);
		if (had && xa_to_value(had) >= cow->age)
			continue;
		if (snapset_may_err(xa_err(xa_store(&chain->latest, i, xa_mk_value(cow->age),
						    gfp))))
			WRITE_ONCE(chain->latest_lacks, true);
	}
}

/* No snapshot that is newer than this has kept anything of the region of @start. */
static u64 latest_of(struct snapset_chain *chain, u64 start)
{
	void *entry;

	if (READ_ONCE(chain->latest_lacks))
		return U64_MAX;
	entry = xa_load(&chain->latest, start >> SNAPSET_MAP_REGION_SHIFT);
	return entry ? xa_to_value(entry) : 0;
}

int snapset_chain_add(struct snapset_copy *copy)
{
	struct snapset_cow *cow = copy->cow;
	struct mutex *lock = &cow->origin->chain.map_mutex;
	gfp_t gfp = GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN;
	struct snapset_cow *heir;
	int err;

	mutex_lock(lock);
	if (cow->left) {
		mutex_unlock(lock);
		return -ESTALE;
	}
	note_latest(cow, copy->start, copy->io.len, gfp);
	heir = cow->heir;
	if (heir && !snapset_cow_dead(heir) &&
	    add_lacking(heir, copy->start, copy->io.len, copy->io.place, gfp))
		snapset_cow_kill(heir, SNAPSET_E_OUTOFMEMORY,
				 "no memory to take over what a deleted snapshot had kept");
	err = snapset_map_add(&cow->map, copy->start, copy->io.len, copy->io.place, gfp);
	copy->kept = !err;
	index_grown(cow);
	mutex_unlock(lock);
	return err;
}

void snapset_chain_drop(struct snapset_copy *copy)
{
	struct snapset_cow *cow = copy->cow;

	mutex_lock(&cow->origin->chain.map_mutex);
	free_lacking(cow->heir ? &cow->heir->map : NULL, copy->start, copy->io.len,
		     copy->io.place);
	copy->kept = true;	/* or another's, which is as good */
	mutex_unlock(&cow->origin->chain.map_mutex);
}

bool snapset_chain_lookup(struct snapset_cow *cow, u64 start, u64 max,
			  struct snapset_map_run *run, struct snapset_cow **holder)
{
	struct snapset_chain *chain = &cow->origin->chain;
	u64 region = BIT_ULL(SNAPSET_MAP_REGION_SHIFT), latest;
	struct snapset_cow *c;
	unsigned int seq;

	*holder = NULL;
	max = min(max, region - (start & (region - 1)));
	for (;;) {
		rcu_read_lock();
		/* who leaves waits for a grace period after this, so its link is good */
		if (READ_ONCE(cow->retired)) {
			rcu_read_unlock();
			return false;
		}
		seq = raw_read_seqcount_begin(&chain->seq);
		run->start = start;
		run->len = max;
		run->kept = false;
		latest = latest_of(chain, start);
		c = cow;
		list_for_each_entry_from_rcu(c, &chain->cows, link) {
			if (c != cow && c->age > latest)
				break;
			snapset_map_lookup(&c->map, start, run->len, run);
			if (run->kept)
				break;
		}
		if (!read_seqcount_retry(&chain->seq, seq))
			break;
		rcu_read_unlock();
	}
	if (run->kept) {
		snapset_cow_get(c);	/* in the list, so its last put is still to come */
		*holder = c;
	}
	rcu_read_unlock();
	return true;
}

/* The next older one that needs what @cow has kept; NULL: nobody does. */
static void find_heir(struct snapset_cow *cow)
{
	struct snapset_origin *o = cow->origin;
	struct snapset_cow *older = NULL;

	mutex_lock(&o->chain.map_mutex);
	spin_lock_irq(&o->lock);
	if (cow->link.prev != &o->chain.cows)
		older = list_prev_entry(cow, link);
	if (older && !snapset_cow_dead(older)) {
		snapset_cow_get(older);		/* it waits for us after it has left */
		cow->heir = older;
	}
	spin_unlock_irq(&o->lock);
	mutex_unlock(&o->chain.map_mutex);
}

static void put_heir(struct snapset_cow *cow)
{
	struct snapset_origin *o = cow->origin;
	struct snapset_cow *heir;

	mutex_lock(&o->chain.map_mutex);
	spin_lock_irq(&o->lock);
	heir = cow->heir;
	cow->heir = NULL;
	spin_unlock_irq(&o->lock);
	mutex_unlock(&o->chain.map_mutex);
	if (!heir)
		return;
	rcu_read_lock();
	snapset_cow_put(heir);
	rcu_read_unlock();
}

/* Some runs from *at on; false when there is none left. */
static bool hand_some(struct snapset_cow *cow, u64 *at)
{
	struct snapset_cow *heir = cow->heir;
	struct snapset_map_run run;
	bool more = true;
	int n, err = 0;

	mutex_lock(&cow->origin->chain.map_mutex);
	for (n = 0; n < AT_ONCE && !err && more; n++) {
		more = !snapset_cow_dead(heir) && snapset_map_next(&cow->map, *at, &run);
		if (!more)
			break;
		err = add_lacking(heir, run.start, run.len, run.place,
				  GFP_NOWAIT | __GFP_NOWARN);
		if (!err)
			*at = run.start + run.len;
	}
	mutex_unlock(&cow->origin->chain.map_mutex);
	if (err)
		msleep(10);	/* no memory now: nobody but us waits */
	return more;
}

static void hand_down(struct snapset_cow *cow)
{
	u64 at = 0;

	find_heir(cow);
	if (!cow->heir)
		return;
	while (hand_some(cow, &at))
		cond_resched();
}

static void unlink_cow(struct snapset_cow *cow)
{
	struct snapset_origin *o = cow->origin;
	struct snapset_cow *newest = NULL;

	mutex_lock(&o->chain.map_mutex);
	spin_lock_irq(&o->lock);
	if (rcu_access_pointer(o->newest) == cow) {
		if (cow->link.prev != &o->chain.cows)
			newest = list_prev_entry(cow, link);
		rcu_assign_pointer(o->newest, newest);
	}
	raw_write_seqcount_begin(&o->chain.seq);
	list_del_rcu(&cow->link);
	cow->linked = false;
	WRITE_ONCE(cow->left, true);
	raw_write_seqcount_end(&o->chain.seq);
	WRITE_ONCE(o->jobs.done_news, true);	/* its jobs end; the kick comes later */
	spin_unlock_irq(&o->lock);
	mutex_unlock(&o->chain.map_mutex);
}

/* What the heir has not taken goes back to the stores. */
static void free_places(struct snapset_cow *cow)
{
	struct snapset_map_run run;
	u64 at;

	for (at = 0; snapset_map_next(&cow->map, at, &run); at = run.start + run.len) {
		free_lacking(cow->heir ? &cow->heir->map : NULL, run.start, run.len,
			     run.place);
		cond_resched();
	}
}

/* Its map is empty, and whoever had hoped for room may look. */
static void has_left(struct snapset_cow *cow)
{
	bool leaving;

	/* out of the chain: nobody changes it any more */
	snapset_map_destroy(&cow->map);
	atomic64_sub(cow->index, &cow->budget->index);
	WRITE_ONCE(cow->index, 0);
	atomic64_set(&cow->allocated, 0);
	atomic64_set(&cow->handed, 0);
	spin_lock_irq(&cow->origin->lock);
	leaving = cow->leaving;
	cow->leaving = false;
	spin_unlock_irq(&cow->origin->lock);
	if (leaving)
		snapset_store_leaving(cow->store, false);
}

/* Of a run that @cow keeps, what @map has not: it would be handed down. */
static u64 lacking(const struct snapset_map *map, u64 start, u64 len)
{
	struct snapset_map_run has;
	u64 n = 0;

	for (; len; start += has.len, len -= has.len) {
		snapset_map_lookup(map, start, len, &has);
		if (!has.kept)
			n += has.len;
	}
	return n;
}

u64 snapset_chain_exclusive(struct snapset_cow *cow)
{
	struct snapset_origin *o = cow->origin;
	struct snapset_cow *older = NULL;
	struct snapset_map_run run;
	u64 at, n = 0;

	spin_lock_irq(&o->lock);
	if (cow->linked && cow->link.prev != &o->chain.cows) {
		older = list_prev_entry(cow, link);
		snapset_cow_get(older);		/* it waits for us after it has left */
	}
	spin_unlock_irq(&o->lock);
	for (at = 0; snapset_map_next(&cow->map, at, &run); at = run.start + run.len) {
		cond_resched();
		if (run.place >= SNAPSET_PLACE_ZERO)
			continue;
		n += run.len;
		if (older && !snapset_cow_dead(older))
			n -= lacking(&older->map, run.start, run.len);
	}
	if (older) {
		rcu_read_lock();
		snapset_cow_put(older);
		rcu_read_unlock();
	}
	return n;
}

void snapset_chain_leave(struct snapset_cow *cow)
{
	struct snapset_chain *chain = &cow->origin->chain;

	mutex_lock(&cow->leave_mutex);
	mutex_lock(&chain->leave_mutex);
	if (cow->linked) {
		hand_down(cow);
		snapset_fault("leave");
		unlink_cow(cow);
	}
	mutex_unlock(&chain->leave_mutex);
	synchronize_rcu_expedited();	/* who found it in the list, or as the newest */
	snapset_origin_kick(cow->origin);
	snapset_cow_wait_idle(cow);
	free_places(cow);
	has_left(cow);
	put_heir(cow);
	mutex_unlock(&cow->leave_mutex);
}
