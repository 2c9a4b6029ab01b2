/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages to the fake kernel, and its answers: what nl.c has from libnl. */
#ifndef SNAPSET_TESTS_FAKE_NL_H
#define SNAPSET_TESTS_FAKE_NL_H

#include "internal.h"

/* Nests are flat: no attribute is both in one and outside. */
struct nl_msg {
	int		cmd;
	bool		dump;
	unsigned int	freezes;
	uint64_t	v[SNAPSET_A_MAX + 1];	/* numbers; flags are 1 */
	bool		has[SNAPSET_A_MAX + 1];
	char		name[256];
	snap_id		set_id, snap_id;
};

struct fake_answer {
	struct snapi_attrs	attrs;
	char			buf[4096];
	size_t			used;
};

void fake_put(struct fake_answer *a, int attr, const void *data, size_t len);
void fake_put_u32(struct fake_answer *a, int attr, uint32_t v);
void fake_put_u64(struct fake_answer *a, int attr, uint64_t v);

#endif
