// SPDX-License-Identifier: GPL-2.0-only
/*
 * A store in RAM, for tests and short snapshots: it simply keeps the pages it is
 * given. Its limit is the space's size.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include "counters.h"
#include "fault.h"
#include "say.h"
#include "store.h"

static void mem_write(struct snapset_store *store, struct snapset_store_io *io)
{
	u64 place = snapset_place_granule(io->place);
	struct xarray *pages = store->priv;
	int err = snapset_fault("store-write");
	u32 i;

	for (i = 0; i < io->len && !err; i++) {
		err = snapset_may_err(xa_err(xa_store(pages, place + i, io->pages[i],
						      GFP_NOIO | __GFP_NORETRY |
						      __GFP_NOWARN)));
		if (!err)
			io->pages[i] = NULL;
	}
	snapset_store_written(store, io, err);
}

static struct page *mem_page(struct snapset_store *store, u64 place)
{
	return xa_load(store->priv, place);
}

static void mem_drop(struct snapset_store *store, u64 place, u64 len)
{
	struct xarray *pages = store->priv;
	struct page *page;

	for (; len; place++, len--) {
		page = xa_erase(pages, place);
		if (!page)
			continue;	/* reserved, and never written */
		__free_page(page);
		snapset_gone(SNAPSET_OBJ_PAGE);
	}
}

static void mem_close(struct snapset_store *store)
{
	WARN_ON(!xa_empty(store->priv));
	xa_destroy(store->priv);
	kfree(store->priv);
}

static const struct snapset_store_ops mem_ops = {
	.write = mem_write,
	.page = mem_page,
	.drop = mem_drop,
	.close = mem_close,
	.adopts = true,
};

int snapset_store_mem_open(struct snapset_store *store,
			   const struct snapset_params *p,
			   struct netlink_ext_ack *extack)
{
	u64 all = totalram_pages(), limit = p->store_limit >> PAGE_SHIFT;
	struct xarray *pages;
	int err;

	if (!p->store_limit)
		limit = all / 4;
	if (!limit)
		return snapset_say(extack, -EINVAL,
				   "a memory store needs at least %lu bytes", PAGE_SIZE);
	if (limit > all)
		return snapset_say(extack, -ENOSPC,
				   "a memory store of %llu MiB is more than this machine has",
				   limit >> (20 - PAGE_SHIFT));
	pages = snapset_may_fail(kzalloc(sizeof(*pages), GFP_KERNEL));
	if (!pages)
		return -ENOMEM;
	limit = min(limit, 1ULL << SNAPSET_PLACE_GRANULE_BITS);
	err = snapset_space_init(&store->space, limit);
	if (err) {
		kfree(pages);
		return snapset_say(extack, err, "no memory to manage a store of %llu MiB",
				   limit >> (20 - PAGE_SHIFT));
	}
	xa_init(pages);		/* process context alone: the worker, and who deletes */
	store->priv = pages;
	store->granules = limit;
	store->ops = &mem_ops;
	return 0;
}
