/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * passing.h - tasks that may be on their way from the hook to a device, with a write that
 * no gate has counted; or may have what is left of one on the list of bios that they are
 * to submit next (current->bio_list), of which no device knows yet.
 *
 * No grace period sees these tasks out: they sleep in the queue for a tag, and on kernels
 * that are not preemptible one that has lost its processor behind the hook counts as
 * quiescent. So they are looked at one by one. One take at a time does so.
 */
#ifndef SNAPSET_PASSING_H
#define SNAPSET_PASSING_H

#include <linux/compiler.h>
#include <linux/sched.h>
#include <linux/types.h>

/*
 * Notes every task that may be on its way. What passes the hook afterwards is counted: so
 * that was said before, and a grace period has passed since. -ENOMEM: noted are none.
 * Process context.
 */
int snapset_passing_begin(void);
/*
 * How many of those may still be. If there is one, and @name is not NULL, its name and
 * number. Process context.
 */
unsigned int snapset_passing_left(char *name, size_t size);
/* After begin() returned 0. Process context. */
void snapset_passing_end(void);

extern bool snapset_passing_on;
void snapset_passing_mark(void);

/* The hook is called by this task: if that is a submission of its own, all earlier are over. */
static inline void snapset_passing_here(void)
{
	if (unlikely(READ_ONCE(snapset_passing_on)) && !current->bio_list)
		snapset_passing_mark();
}

#endif
