/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store.h - where old data goes: a space of granules, written once, read often.
 * Small back ends behind an ops table: store-mem.c, store-bdev.c, store-file.c.
 *
 * A place says in which store it is and where there. Snapshots that are handed what
 * a deleted one had kept go on using the store of its set, which therefore lives
 * until its sets have gone and no place of it is in use.
 *
 * Several sets may use one store: users.h. What does not fit into one may go to a second
 * one behind it, its spill: then sets know only the first.
 */
#ifndef SNAPSET_STORE_H
#define SNAPSET_STORE_H

#include <linux/blkdev.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include "control.h"
#include "range.h"
#include "space.h"
#include "users.h"

#define SNAPSET_STORES			1024	/* at once, with the one of zeros */
#define SNAPSET_PLACE_GRANULE_BITS	35	/* of a place; those above: the store */
/* Place of a granule that is left out: zeros for ever, in no store; + its number. */
#define SNAPSET_PLACE_ZERO	((SNAPSET_STORES - 1ULL) << SNAPSET_PLACE_GRANULE_BITS)

struct netlink_ext_ack;
struct snapset_cow;
struct snapset_extents;
struct snapset_store;
struct snapset_store_disk;

static inline u64 snapset_place_granule(u64 place)
{
	return place & ((1ULL << SNAPSET_PLACE_GRANULE_BITS) - 1);
}

/* One write: granules at @place, one page each. */
struct snapset_store_io {
	struct list_head link;		/* the store's */
	struct rb_node ram;		/* of whose data is not yet in the store: copy.c */
	u64 place;
	u32 len;
	struct page **pages;		/* the store clears those it keeps */
	void (*done)(struct snapset_store_io *io, int err);	/* any context */
};

struct snapset_store_ops {
	/*
	 * Queues the write, which is sent soon, or now if enough have gathered. May
	 * call done() at once. Does not wait for I/O.
	 */
	void (*write)(struct snapset_store *store, struct snapset_store_io *io);
	/* Somebody waits for what the writes hold: send them now. NULL: none waits. */
	void (*push)(struct snapset_store *store);
	/* Back ends are given places without the store's number. */
	/* The page at @place; NULL for stores on disks. Under no lock. */
	struct page *(*page)(struct snapset_store *store, u64 place);
	/* [place, place + len) is given back; NULL if that needs nothing. Any context. */
	void (*drop)(struct snapset_store *store, u64 place, u64 len);
	void (*close)(struct snapset_store *store);
	/* Keeps the pages it is given, so they are not to come from a reserve. */
	bool adopts;
	/* Lies on sectors that are nobody else's, and so on no member. */
	bool exclusive;
};

struct snapset_store {
	const struct snapset_store_ops *ops;
	u32 kind;			/* enum snapset_store_kind */
	dev_t dev;			/* block device store */
	u64 granules;			/* size; only grows */
	unsigned int slot;		/* its number in places */
	u64 id;				/* never used again */
	struct snapset_store *first;	/* whose spill it is, or itself; fixed before use */
	struct snapset_store *spill;	/* NULL: there is none; set once, under set_mutex */
	struct snapset_users users;	/* of a first */
	spinlock_t lock;		/* irq; guards space, and what follows it */
	struct snapset_space space;
	bool wanting;			/* it had no room for somebody */
	bool silent, orphan, closing;	/* its sets go, have gone; so does it */
	bool refused;			/* it was never one: what it was made of stays */
	unsigned int holds;		/* takes that count on where it lies: lock */
	struct work_struct close_work;
	spinlock_t ram_lock;		/* irq; guards ram and spare */
	struct rb_root ram;		/* writes by place */
	struct page **spare;		/* pages of writes that have ended, for the next */
	unsigned int spares;

	/* a first's: what its users are told */
	unsigned int low, told_low;	/* percent step that is reached, was told last */
	bool room;			/* there is some again */
	atomic_t leaving;		/* dead snapshots that have yet to give back room */
	struct work_struct news;
	atomic64_t taken;		/* granules, ever */
	u64 rate, rate_taken;		/* bytes per second, and what it is reckoned from; lock */
	ktime_t rate_at;

	/* stall watch: a store that completes nothing for so long has failed */
	unsigned long stall;		/* jiffies */
	atomic_t outstanding;		/* writes at the driver */
	unsigned long progress;		/* jiffies of the last completion */
	bool stale;			/* seen without progress once; the watch's */
	struct delayed_work watch;
	struct snapset_store_disk *disk;	/* store-disk.c; NULL: it lies on none */
	struct snapset_extents __rcu *extents;	/* likewise */
	void *priv;			/* the back end's */
};

/*
 * For the set @set, whose id a device is labelled with. Takes over p->pins in any case.
 * Process context.
 */
struct snapset_store *snapset_store_open(const struct snapset_params *p, const snapset_id *set,
					 u64 stall_ms,
					 struct netlink_ext_ack *extack);
/* Nobody uses it; closed when no place is in use. Process context; NULL is fine. */
void snapset_store_put(struct snapset_store *store);
/* What does not fit into @store goes to @spill from now on. Under set_mutex. */
void snapset_store_add_spill(struct snapset_store *store, struct snapset_store *spill);

/* It has a number from now on, or not any more. Process context. */
int snapset_store_enlist(struct snapset_store *store, struct netlink_ext_ack *extack);
void snapset_store_delist(struct snapset_store *store);

/*
 * Up to @max granules in one piece, from @store or its spill. 0: they are full, and the
 * users are told when there is room again. Any context.
 */
u64 snapset_store_alloc(struct snapset_store *store, u64 max, u64 *place);
/* There is room again, or more. Any context. */
void snapset_store_has_room(struct snapset_store *store);
/* A snapshot that keeps what it has in @store dies, or has given all of it back. Any context. */
void snapset_store_leaving(struct snapset_store *store, bool on);

/* Of a store with its spill. Any context. */
struct snapset_store_totals {
	u64 size, used;			/* granules */
	u64 rate;			/* bytes per second */
};

void snapset_store_count(struct snapset_store *store, struct snapset_store_totals *t);

/* The store of a place that is in use. Any context, as the next. */
struct snapset_store *snapset_place_store(u64 place);
void snapset_place_free(u64 place, u64 len);

/* Where on which device a place of a store on disks is. Any context. */
void snapset_store_locate(struct snapset_store *store, u64 place,
			  struct block_device **bdev, sector_t *sector);
/* Is it a write to a store, on its way to @disk? Any context. */
bool snapset_store_sends(const struct bio *bio, const struct gendisk *disk);

/*
 * What the sectors @range of @disk, which a member is to be, have to do with stores:
 * -ELOOP: an exclusive one lies there; -EINVAL: blocks of a file store do, and are not
 * whole granules of the member. Process context.
 */
int snapset_stores_check(const struct gendisk *disk, struct snapset_range range);
/* Does the store lie on these sectors? Process context. */
bool snapset_store_shares(struct snapset_store *store, const struct gendisk *disk,
			  struct snapset_range range);
/*
 * What lies on @cow's origin of file stores is zeros in its image, and is not copied:
 * it changes with each write to the store, past the hook. Before it joins the chain.
 * These stores, whose numbers are noted in @held, stay until the take that this is for has
 * ended: their blocks must not become somebody else's before its instant. -ENOMEM.
 * Process context.
 */
int snapset_stores_leave_out(struct snapset_cow *cow, unsigned long *held);
void snapset_stores_release(unsigned long *held);
/* For these two. False: it goes already. Under stores_mutex. */
bool snapset_store_hold(struct snapset_store *store);
void snapset_store_release(struct snapset_store *store);

/*
 * Pages go from write to write: the allocator clears them, which takes longer than all
 * else that is done for one. NULL: there is none; false: there are enough. Any context.
 */
struct page *snapset_store_spare(struct snapset_store *store);
bool snapset_store_spare_put(struct snapset_store *store, struct page *page);

/* Bytes; what an image read may not be smaller than. Process context. */
unsigned int snapset_store_block_size(struct snapset_store *store);

void snapset_store_write(struct snapset_store *store, struct snapset_store_io *io);
void snapset_store_push(struct snapset_store *store);
/* Back ends: one write has ended. Any context. */
void snapset_store_written(struct snapset_store *store,
			   struct snapset_store_io *io, int err);

/* Back ends fill in ops, granules and, if they have any, priv and disk. */
int snapset_store_mem_open(struct snapset_store *store,
			   const struct snapset_params *p,
			   struct netlink_ext_ack *extack);
int snapset_store_bdev_open(struct snapset_store *store,
			    const struct snapset_params *p, const snapset_id *set,
			    struct netlink_ext_ack *extack);
/* Takes over p->pins in any case. */
int snapset_store_file_open(struct snapset_store *store,
			    const struct snapset_params *p,
			    struct netlink_ext_ack *extack);
/* More room for a store of files. Takes over @pins when it returns 0. */
int snapset_store_file_extend(struct snapset_store *store, struct snapset_pins *pins,
			      struct netlink_ext_ack *extack);
/* What its files are; "" and 0 for others. Under set_mutex. */
u32 snapset_store_files(struct snapset_store *store, char *first, size_t size);

#endif
