/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Just enough of the kernel's vocabulary for the pure files of kmod/ to
 * compile in user space. The data structures behind it are the dullest that
 * behave alike, so that an error in them is unlikely to hide one in ours.
 */
#ifndef SHIM_H
#define SHIM_H

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;
typedef u8 __u8;
typedef u32 __u32;
typedef u64 __u64;
typedef u32 __le32;
typedef u64 __le64;
typedef u64 __le64;
typedef unsigned int gfp_t;

#define U64_MAX			UINT64_MAX
#define BITS_PER_LONG		((unsigned int)sizeof(long) * 8)
#define BITS_PER_BYTE		8
#define GFP_KERNEL		1u

#define BIT(n)			(1UL << (n))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define DIV_ROUND_UP_ULL(a, b)	(((u64)(a) + (b) - 1) / (b))
#define container_of(p, type, m) ((type *)((char *)(p) - offsetof(type, m)))
#define struct_size(p, m, n)	(sizeof(*(p)) + sizeof((p)->m[0]) * (n))

#define min(a, b)		({ typeof(a) _a = (a); typeof(b) _b = (b); _a < _b ? _a : _b; })
#define max(a, b)		({ typeof(a) _a = (a); typeof(b) _b = (b); _a > _b ? _a : _b; })
#define min_t(t, a, b)		min((t)(a), (t)(b))
#define max_t(t, a, b)		max((t)(a), (t)(b))
#define clamp_t(t, v, l, h)	min_t(t, max_t(t, v, l), h)

#define swap(a, b)		do { typeof(a) _s = (a); (a) = (b); (b) = _s; } while (0)

#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELAXED)

static inline size_t roundup_pow_of_two(size_t n)
{
	size_t p = 1;

	while (p < n)
		p <<= 1;
	return p;
}

/* A warning is a test's finding unless the test expects it and resets this. */
extern int shim_warnings;
#define WARN_ON_ONCE(c) ({ bool _c = !!(c); \
	__atomic_add_fetch(&shim_warnings, _c, __ATOMIC_RELAXED); _c; })

/*
 * Memory. Allocation number shim_fail (counted down to 0) and, if shim_fail_on
 * is set, all later ones fail; negative: none does.
 */
extern long shim_fail;
extern long shim_live;		/* objects not yet freed */
extern size_t shim_bytes;	/* last size asked for */
bool shim_may_alloc(void);
void *shim_alloc(size_t size);
void *shim_zalloc(size_t size);
void shim_free(void *p);

#define kmalloc(size, gfp)		((void)(gfp), shim_alloc(size))
#define kzalloc(size, gfp)		((void)(gfp), shim_zalloc(size))
#define kfree(p)			shim_free(p)
#define kvcalloc(n, size, gfp)		shim_zalloc((n) * (size))
#define kvmalloc_array(n, size, gfp)	shim_alloc((n) * (size))
#define kvfree(p)			shim_free(p)

/* RCU: what is freed stays until the test says that nobody reads any more. */
struct rcu_head {
	struct rcu_head *next;
	void *object;
};

void shim_rcu_free(struct rcu_head *head, void *object);
void shim_rcu_barrier(void);
#define kfree_rcu(p, field)	shim_rcu_free(&(p)->field, p)
static inline void rcu_read_lock(void) { }
static inline void rcu_read_unlock(void) { }

#define local_irq_save(flags)		((void)((flags) = 0))
#define local_irq_restore(flags)	((void)(flags))

/* Sequence counts, as strong as the kernel's. */
typedef struct {
	unsigned int sequence;
} seqcount_t;

static inline void seqcount_init(seqcount_t *s)
{
	s->sequence = 0;
}

static inline unsigned int raw_read_seqcount_begin(const seqcount_t *s)
{
	unsigned int seq;

	while ((seq = __atomic_load_n(&s->sequence, __ATOMIC_ACQUIRE)) & 1)
		;
	return seq;
}

static inline bool read_seqcount_retry(const seqcount_t *s, unsigned int seq)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&s->sequence, __ATOMIC_RELAXED) != seq;
}

static inline void raw_write_seqcount_begin(seqcount_t *s)
{
	__atomic_store_n(&s->sequence, s->sequence + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void raw_write_seqcount_end(seqcount_t *s)
{
	__atomic_store_n(&s->sequence, s->sequence + 1, __ATOMIC_RELEASE);
}

#endif
