/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_XARRAY_H
#define SHIM_XARRAY_H

#include "../shim.h"

#define SHIM_XA_PAGES	16ul
#define SHIM_XA_PAGE	8ul
#define SHIM_XA_ERR	((void *)3)
#define XA_PRESENT	0
#define XA_CHUNK_SIZE	64

struct xa_node {
	char		as_large_as_it[576];
};

struct xarray {
	void **page[SHIM_XA_PAGES];
};

void xa_init(struct xarray *xa);
void *xa_load(struct xarray *xa, unsigned long index);
int xa_reserve(struct xarray *xa, unsigned long index, gfp_t gfp);
void xa_release(struct xarray *xa, unsigned long index);
void *xa_store(struct xarray *xa, unsigned long index, void *p, gfp_t gfp);
void *xa_find(struct xarray *xa, unsigned long *index, unsigned long last, int what);
void xa_destroy(struct xarray *xa);
unsigned long shim_xa_reserved(const struct xarray *xa);

#define xa_mk_value(v)	((void *)((v) << 1 | 1))
#define xa_to_value(p)	((u64)(uintptr_t)(p) >> 1)
#define xa_is_value(p)	((uintptr_t)(p) & 1)
#define xa_err(p)	((p) == SHIM_XA_ERR ? -ENOMEM : 0)
#define xa_for_each(xa, index, p) \
	for ((index) = 0, (p) = xa_find(xa, &(index), ULONG_MAX, XA_PRESENT); (p); \
	     (index)++, (p) = xa_find(xa, &(index), ULONG_MAX, XA_PRESENT))

#endif
