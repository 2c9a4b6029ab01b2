/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel module in a hundred lines: stands in for nl.c, so that the library
 * can be tested without the module, and made to meet what is rare with it.
 */
#ifndef SNAPSET_TESTS_FAKE_H
#define SNAPSET_TESTS_FAKE_H

#include "internal.h"

struct fake_snap {
	snap_id		id;
	bool		other;			/* it is in the other set */
	uint32_t	major, minor, openers;
	uint64_t	quota, allocated, exclusive;
	char		name[256];
};

struct fake_store {
	uint64_t	id;			/* 0: nothing is told of it */
	uint64_t	size, used, rate;
	uint32_t	kind, major, minor, files;
	const char	*path;
};

struct fake {
	bool		absent;			/* the module is not loaded */
	int		fail_cmd;		/* this command fails ... */
	int		fail_errno;		/* ... so ... */
	const char	*fail_text;		/* ... and says this */
	bool		fail_late;		/* ... or it is that no answer comes */
	uint32_t	state;			/* SNAPSET_STATE_*, of the one set */
	uint32_t	code;
	const char	*text, *name;		/* of the set */
	uint32_t	phase, err;
	bool		exists;			/* the set */
	bool		other;			/* and another one with the same store */
	bool		silent;			/* changes send no event */
	bool		finish;			/* a DO is done at once */
	uint32_t	cancel_code;		/* answer to CANCEL, 0: by state */
	int		interrupt;		/* so many dumps are interrupted */
	struct fake_snap snaps[SNAPSET_MAX_MEMBERS];
	unsigned int	nr_snaps;
	uint64_t	seq;
	unsigned int	freezes;		/* in the last DO */
	uint32_t	store_kind;		/* SNAPSET_STORE_*, as last told */
	unsigned int	store_files;		/* how many were told */
	uint64_t	store_size;		/* bytes, of all of them */
	struct fake_store store;		/* as the kernel tells it */
	uint32_t	full, full_wait_ms, full_waits, full_dropped;
	struct {				/* attributes of the last of each command */
		uint64_t	v[SNAPSET_A_MAX + 1];	/* numbers; flags are 1 */
		bool		has[SNAPSET_A_MAX + 1];
	} sent[SNAPSET_CMD_MAX + 1];
	unsigned int	calls[SNAPSET_CMD_MAX + 1];
};

extern struct fake fake;

void fake_reset(void);
/* The set goes to @state; tells it, unless fake.silent. */
void fake_state(uint32_t state, uint32_t code, const char *text);
/* The set has failed; the strings stay. The module tells no HOLDING before, nor ABORTING. */
void fake_fail(uint32_t code, const char *text, uint32_t phase, const char *name, int err);
/* Tells of the store: SNAPSET_EVENT_STORE_LOW or _FULL. */
void fake_store_event(uint32_t type, const char *text);
/* What was to fail goes well from now on; from any thread. */
void fake_relent(void);
/* How often @cmd was called; from any thread. */
unsigned int fake_called(int cmd);
/* Whether all that listen have read all that was told. */
bool fake_heard(void);
/* All that listen lose what is in their sockets. */
void fake_overflow(void);
/* The number of connections open: must be 0 at the end. */
unsigned int fake_conns(void);

#endif
