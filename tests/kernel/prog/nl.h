/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Generic netlink by hand: the tests speak to the module without the library,
 * so that a mistake in one does not hide a mistake in the other, and so that
 * they can also say what no library would.
 */
#ifndef SNAPSET_TEST_NL_H
#define SNAPSET_TEST_NL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/snapset.h>

struct nl {
	int		fd;
	uint16_t	family;
	uint32_t	events;		/* number of the multicast group */
	uint32_t	seq;
	bool		said;		/* the last refusal came with a sentence */
	char		text[512];	/* which was this */
};

struct nl_msg {
	size_t		len;
	union {
		char		buf[8192];
		uint64_t	align;
	};
};

/* Attributes of one answer; values live as long as the answer's buffer. */
struct nl_attrs {
	const void	*value[SNAPSET_A_MAX + 1];
	uint16_t	len[SNAPSET_A_MAX + 1];
};

/* 0 or -errno; -ENOENT if the module is not loaded. */
int nl_open(struct nl *nl);
void nl_close(struct nl *nl);
int nl_join_events(struct nl *nl);

void nl_begin(struct nl *nl, struct nl_msg *m, uint8_t cmd, uint16_t flags);
void nl_raw(struct nl_msg *m, uint16_t type, const void *data, size_t len);
void nl_u32(struct nl_msg *m, uint16_t type, uint32_t value);
void nl_u64(struct nl_msg *m, uint16_t type, uint64_t value);
void nl_str(struct nl_msg *m, uint16_t type, const char *value);
size_t nl_nest(struct nl_msg *m, uint16_t type);
void nl_nest_end(struct nl_msg *m, size_t nest);

typedef void nl_answer_fn(const struct nl_attrs *attrs, void *arg);

/* Sends, gives each answer to @fn (may be NULL), and returns 0 or the kernel's
 * -errno with nl->text.
 */
int nl_call(struct nl *nl, struct nl_msg *m, nl_answer_fn *fn, void *arg);

/* Waits up to @timeout_ms for one event. 1, or 0 if none came, or -errno. */
int nl_event(struct nl *nl, int timeout_ms, nl_answer_fn *fn, void *arg);

uint32_t nl_get_u32(const struct nl_attrs *a, int attr);	/* 0 if absent */
uint64_t nl_get_u64(const struct nl_attrs *a, int attr);
/* What is in a nest; nothing if it is absent. */
void nl_get_nest(const struct nl_attrs *a, int attr, struct nl_attrs *inside);
const char *nl_get_str(const struct nl_attrs *a, int attr);	/* "" if absent */

#endif
