/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * say.h - a sentence with every refusal.
 *
 * The kernel's extended ack points at a text which must outlive the handler,
 * and formats none before 6.3, and at most 80 bytes since. say() formats into one of a ring
 * of static buffers: it cannot fail and allocates nothing; a text could only
 * be overwritten by 64 refusals at the same moment.
 */
#ifndef SNAPSET_SAY_H
#define SNAPSET_SAY_H

#include <linux/compiler.h>

struct netlink_ext_ack;

/* Any context. Returns @err, so that one line refuses: return say(ext, -EBUSY, ...); */
__printf(3, 4)
int snapset_say(struct netlink_ext_ack *extack, int err, const char *fmt, ...);

#endif
