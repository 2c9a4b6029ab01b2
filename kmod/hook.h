/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hook.h - sees every bio before the driver does. The only file that changes what the
 * running kernel does.
 *
 * One ftrace hook. The decision is made inside the ftrace callback: a bio goes
 * on (itself, or our clone in its place) or is taken, and then the call returns
 * at once through a stub. No frame of ours stays on a stack that sleeps.
 */
#ifndef SNAPSET_HOOK_H
#define SNAPSET_HOOK_H

#include <linux/types.h>

struct netlink_ext_ack;

/*
 * Makes sure that the hook is there, and proves it by a read of @dev's first
 * block, which must be seen. Sleeps; waits for that read. One put for each get.
 */
int snapset_hook_get(dev_t dev, struct netlink_ext_ack *extack);
/* The last put leaves the hook in place for a while: another set may follow. */
void snapset_hook_put(void);

/* The hooked function's name, "" while none is. */
const char *snapset_hook_name(void);

/* Nobody holds the hook. When this returns no callback runs nor will run. */
void snapset_hook_exit(void);

#endif
