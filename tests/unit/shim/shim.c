// SPDX-License-Identifier: GPL-2.0-only
#include "shim.h"
#include <linux/xarray.h>

int shim_warnings;
long shim_fail = -1;
long shim_live;
size_t shim_bytes;

static struct rcu_head *waiting;

bool shim_may_alloc(void)
{
	if (shim_fail < 0)
		return true;
	if (!shim_fail)
		return false;
	shim_fail--;
	return true;
}

void *shim_alloc(size_t size)
{
	void *p;

	shim_bytes = size;
	if (!shim_may_alloc())
		return NULL;
	p = malloc(size);
	assert(p);
	/* Nobody may rely on zeroes. */
	memset(p, 0xa5, size);
	shim_live++;
	return p;
}

void *shim_zalloc(size_t size)
{
	void *p = shim_alloc(size);

	return p ? memset(p, 0, size) : NULL;
}

void shim_free(void *p)
{
	if (p)
		shim_live--;
	free(p);
}

void shim_rcu_free(struct rcu_head *head, void *object)
{
	head->object = object;
	head->next = waiting;
	waiting = head;
}

void shim_rcu_barrier(void)
{
	while (waiting) {
		struct rcu_head *head = waiting;

		waiting = head->next;
		shim_free(head->object);
	}
}

/*
 * The array: pages of entries that never move, since lookups race with the one
 * who stores. A reserved entry reads as NULL.
 */
#define ZERO	((void *)2)

static void **slot(struct xarray *xa, unsigned long index)
{
	assert(index < SHIM_XA_PAGES * SHIM_XA_PAGE);
	if (!xa->page[index / SHIM_XA_PAGE])
		return NULL;
	return &xa->page[index / SHIM_XA_PAGE][index % SHIM_XA_PAGE];
}

static void *load(void **entry)
{
	void *p = entry ? __atomic_load_n(entry, __ATOMIC_ACQUIRE) : NULL;

	return p == ZERO ? NULL : p;
}

void xa_init(struct xarray *xa)
{
	memset(xa, 0, sizeof(*xa));
}

void *xa_load(struct xarray *xa, unsigned long index)
{
	unsigned long page = index / SHIM_XA_PAGE;

	if (page >= SHIM_XA_PAGES || !__atomic_load_n(&xa->page[page], __ATOMIC_ACQUIRE))
		return NULL;
	return load(slot(xa, index));
}

int xa_reserve(struct xarray *xa, unsigned long index, gfp_t gfp)
{
	void **entry = slot(xa, index);

	(void)gfp;
	if (!entry) {
		void **page;

		if (!shim_may_alloc())
			return -ENOMEM;
		page = calloc(SHIM_XA_PAGE, sizeof(*page));
		assert(page);
		__atomic_store_n(&xa->page[index / SHIM_XA_PAGE], page, __ATOMIC_RELEASE);
		entry = slot(xa, index);
	}
	if (!*entry)
		*entry = ZERO;
	return 0;
}

void xa_release(struct xarray *xa, unsigned long index)
{
	void **entry = slot(xa, index);

	if (entry && *entry == ZERO)
		*entry = NULL;
}

/* An entry that was neither there nor reserved could fail: do so. */
void *xa_store(struct xarray *xa, unsigned long index, void *p, gfp_t gfp)
{
	void **entry = slot(xa, index), *old;

	(void)gfp;
	if (!entry || !*entry)
		return SHIM_XA_ERR;
	old = load(entry);
	__atomic_store_n(entry, p, __ATOMIC_RELEASE);
	return old;
}

void *xa_find(struct xarray *xa, unsigned long *index, unsigned long last, int what)
{
	unsigned long i;

	(void)what;
	for (i = *index; i <= last && i < SHIM_XA_PAGES * SHIM_XA_PAGE; i++) {
		void *p = xa_load(xa, i);

		if (p) {
			*index = i;
			return p;
		}
	}
	return NULL;
}

unsigned long shim_xa_reserved(const struct xarray *xa)
{
	unsigned long i, j, n = 0;

	for (i = 0; i < SHIM_XA_PAGES; i++)
		for (j = 0; xa->page[i] && j < SHIM_XA_PAGE; j++)
			n += xa->page[i][j] == ZERO;
	return n;
}

void xa_destroy(struct xarray *xa)
{
	unsigned long i;

	for (i = 0; i < SHIM_XA_PAGES; i++)
		free(xa->page[i]);
	xa_init(xa);
}
