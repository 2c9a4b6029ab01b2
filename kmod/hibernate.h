/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hibernate.h - a machine that hibernates writes its memory to a swap device, or file, and
 * comes back with what was in memory before that: what has been kept of it is forgotten,
 * what was overwritten is not. Which device that is the kernel does not tell modules. So all
 * snapshots are given up first, and none is made until it is over. Suspended machines write
 * nothing.
 */
#ifndef SNAPSET_HIBERNATE_H
#define SNAPSET_HIBERNATE_H

#include <linux/types.h>

/* No set may be made now. set_mutex. */
bool snapset_hibernates(void);

int snapset_hibernate_init(void);
void snapset_hibernate_exit(void);

#endif
