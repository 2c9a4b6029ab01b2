/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ftrace: how a callback reads the first arguments of the function it stands in front of,
 * and changes the first one and the return address.
 */
#ifndef SNAPSET_COMPAT_FTRACE_H
#define SNAPSET_COMPAT_FTRACE_H

#include_next <linux/ftrace.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)	/* struct ftrace_regs: 5.11 */

#define ftrace_regs pt_regs
#define snapset_ftrace_pt_regs(fregs) (fregs)
/* "this callback is safe against recursion": from 5.11 on the opposite flag exists */
#define SNAPSET_FTRACE_FLAGS (FTRACE_OPS_FL_SAVE_REGS | \
			      FTRACE_OPS_FL_RECURSION_SAFE | \
			      FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT)
/* of a callback that changes nothing */
#define SNAPSET_FTRACE_LOOK_FLAGS (SNAPSET_FTRACE_FLAGS & ~FTRACE_OPS_FL_IPMODIFY)
/* not exported there: the filter's hash is freed with the kernel */
#define ftrace_free_filter(ops) do { } while (0)

#else

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)	/* arch_ftrace_regs(): 6.12 */
#define snapset_ftrace_pt_regs(fregs) (&(fregs)->regs)
#else
#define snapset_ftrace_pt_regs(fregs) (&arch_ftrace_regs(fregs)->regs)
#endif
/*
 * Never FTRACE_OPS_FL_RECURSION: from 5.11 on it asks for protection, which
 * means a callback in atomic context and calls that are skipped.
 */
#define SNAPSET_FTRACE_FLAGS (FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT)
#define SNAPSET_FTRACE_LOOK_FLAGS FTRACE_OPS_FL_PERMANENT

#endif

struct request;

#ifdef CONFIG_X86_64
static inline void *snapset_ftrace_arg0(struct ftrace_regs *fregs)
{
	return (void *)snapset_ftrace_pt_regs(fregs)->di;
}

static inline void *snapset_ftrace_arg1(struct ftrace_regs *fregs)
{
	return (void *)snapset_ftrace_pt_regs(fregs)->si;
}

/* Of blk_insert_cloned_request(). */
static inline struct request *snapset_ftrace_cloned_request(struct ftrace_regs *fregs)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 18, 0)	/* without the queue: 5.18 */
	return snapset_ftrace_arg0(fregs);
#else
	return snapset_ftrace_arg1(fregs);
#endif
}

static inline void snapset_ftrace_set_arg0(struct ftrace_regs *fregs, void *arg)
{
	snapset_ftrace_pt_regs(fregs)->di = (unsigned long)arg;
}

static inline void snapset_ftrace_set_ip(struct ftrace_regs *fregs, void *fn)
{
	snapset_ftrace_pt_regs(fregs)->ip = (unsigned long)fn;
}
#else
#error "snapset knows the registers of x86-64 only; see Documentation/porting.rst"
#endif

#endif
