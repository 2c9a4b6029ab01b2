/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bypass.h - writes that reach an origin as requests, which no bio brings: a request-based
 * device-mapper (multipath) sends its own to the queue of the disk below. They are neither
 * held nor copied for; so what an origin's snapshots show is lost with the first of them.
 */
#ifndef SNAPSET_BYPASS_H
#define SNAPSET_BYPASS_H

#include <linux/types.h>

struct snapset_origin;

/* From here on such writes to all origins are seen; false: they cannot be. May sleep. */
bool snapset_bypass_get(void);
void snapset_bypass_put(void);

/*
 * True: there was one since snapset_origin_count(), and the newest engine, which the caller
 * has just made that, has been killed. Any context.
 */
bool snapset_bypassed(struct snapset_origin *origin);

/* There is no origin any more. */
void snapset_bypass_exit(void);

#endif
