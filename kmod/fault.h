/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fault.h - named points at which a test delays what comes next, or makes it fail.
 *
 * Only with SNAPSET_DEBUG; a release build has none of it, not even the names. Until
 * debugfs snapset/faults has been written to, a point is a jump that is not taken.
 *
 * The file, one line per write:
 *
 *	NAME FIRST COUNT DELAY_MS ERRNO	from the FIRST pass of NAME on, counted from
 *					1 and from now, COUNT passes (0: all) wait so
 *					long and then fail with -ERRNO (0: do not)
 *	on				only counts passes
 *	go				who waits at a point now goes on
 *	off				forgets all that was written and counted
 *
 * NAME may end with *: then it is all points that begin so, and their passes are
 * counted together. Reading gives "point NAME PASSES" for each point passed since
 * "off" and "fault NAME FIRST COUNT DELAY_MS ERRNO PASSES HITS" for each line written.
 */
#ifndef SNAPSET_FAULT_H
#define SNAPSET_FAULT_H

#include <linux/types.h>

#ifdef SNAPSET_DEBUG

#include <linux/jump_label.h>
#include <linux/list.h>

struct dentry;

struct snapset_fault {
	const char *name, *func;	/* with func the point is called NAME:FUNC:LINE */
	unsigned int line;
	bool may_sleep;
	/* faults_lock */
	struct list_head link;
	bool listed;
	u64 passes;
};

DECLARE_STATIC_KEY_FALSE(snapset_faults_on);

/* 0, or the error that is wanted. Sleeps only if the point may. */
int snapset_fault_pass(struct snapset_fault *fault);

#define snapset_fault_point(nm, fn, sleeps) ({				\
	static struct snapset_fault fault_ = {				\
		.name = nm, .func = fn, .line = __LINE__, .may_sleep = sleeps, \
	};								\
	static_branch_unlikely(&snapset_faults_on) ? snapset_fault_pass(&fault_) : 0; \
})

/* Process context, nothing held that must not be held while sleeping. */
#define snapset_fault(name)	snapset_fault_point(name, NULL, true)
/* Any context; a delay burns the processor, 100 ms at most. */
#define snapset_fault_atomic(name) snapset_fault_point(name, NULL, false)
/* An allocation: NULL instead of it. Any context. */
#define snapset_may_fail(alloc) \
	(snapset_fault_point("alloc", __func__, false) ? NULL : (alloc))
/* Of a reserve, which gives none only while others have all of it. Any context. */
#define snapset_may_lack(alloc) \
	(snapset_fault_point("reserve", __func__, false) ? NULL : (alloc))
/* What reserves, and answers with an error. */
#define snapset_may_err(call) ({					\
	int err_ = snapset_fault_point("alloc", __func__, false);	\
	err_ ? err_ : (call);						\
})

void snapset_fault_init(struct dentry *dir);
void snapset_fault_exit(void);

#else

static inline int snapset_no_fault(void) { return 0; }
#define snapset_fault(name)		snapset_no_fault()
#define snapset_fault_atomic(name)	snapset_no_fault()
#define snapset_may_fail(alloc)		(alloc)
#define snapset_may_lack(alloc)		(alloc)
#define snapset_may_err(call)		(call)

#define snapset_fault_init(dir)		((void)(dir))
#define snapset_fault_exit()		((void)0)

#endif

#endif
