/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * look.h - a callback in front of a function of the kernel that only looks: it changes
 * nothing. It is there while it is needed, and some seconds more.
 */
#ifndef SNAPSET_LOOK_H
#define SNAPSET_LOOK_H

#include <linux/ftrace.h>
#include <linux/workqueue.h>

struct snapset_look {
	const char *function;
	struct ftrace_ops ops;
	/* look_mutex guards the rest */
	unsigned int users;
	bool there;
	bool stuck;			/* ftrace has ended itself: nothing is seen, for ever */
	unsigned long address;		/* 0: not looked up yet, or not there */
	struct delayed_work leave;	/* since the first use */
};

/* Its initial value. */
#define SNAPSET_LOOK(name, callback) {						\
	.function = name,							\
	.ops = { .func = callback, .flags = SNAPSET_FTRACE_LOOK_FLAGS },	\
}

/* Where a function of the kernel begins; 0: it is not there, or not to be found. Sleeps. */
unsigned long snapset_function(const char *name);

/*
 * From here on the callback sees each call; false: it does not, because the kernel has no
 * such function, or it cannot be hooked. One put for each get, whatever it said. Process
 * context, may sleep.
 */
bool snapset_look_get(struct snapset_look *look);
void snapset_look_put(struct snapset_look *look);

/* It has no users any more. When this returns no callback runs nor will run. */
void snapset_look_exit(struct snapset_look *look);

#endif
