/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * above.h - what stands above a member, as whoever added it saw it: the member, its
 * partitions, what device-mapper makes of them. That all of this passes discards on, and
 * none of it needs them done, they know by tables that modules do not see. When
 * something new comes to stand on one of these devices, or one of them gets another
 * device below, that is not known any more, and is not found out again.
 */
#ifndef SNAPSET_ABOVE_H
#define SNAPSET_ABOVE_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/types.h>

struct snapset_above {
	struct list_head link;	/* in the list of all: its lock, readers RCU */
	bool changed;		/* set once; any context */
	unsigned int nr;
	dev_t devs[];
};

/* From here on changes are seen; process context, may sleep. ERR_PTR(-ENOMEM). */
struct snapset_above *snapset_above_new(const dev_t *devs, unsigned int nr);
/* Nobody asks it any more. Process context, may sleep. NULL is fine. */
void snapset_above_free(struct snapset_above *above);

/* NULL: nothing was said of what stands there. Any context. */
static inline bool snapset_above_known(const struct snapset_above *above)
{
	return above && !READ_ONCE(above->changed);
}

/* There is none any more. */
void snapset_above_exit(void);

#endif
