/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A snapshot set as a test sees it: start, add, do, wait, look, delete.
 */
#ifndef SNAPSET_TEST_SET_H
#define SNAPSET_TEST_SET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "nl.h"

struct set_options {
	uint32_t	attrs;
	uint32_t	hold_ms, freeze_ms, stall_ms;	/* 0: the kernel's default */
	uint64_t	budget, index_limit;
	dev_t		store;				/* 0: memory */
	uint64_t	store_limit;
	int		files[64];			/* open: a store of files */
	unsigned int	nr_files;
	bool		store_keep;
	uint64_t	share;				/* a store's number: nothing else of it */
	uint32_t	full, full_wait_ms;
};

struct set_store {
	uint32_t	kind, files;
	uint64_t	size, used, id, rate;
	uint32_t	full, full_wait_ms, full_waits, full_dropped;
	char		path[256];
};

struct snap_space {
	uint64_t	allocated, exclusive, quota;
};

struct snap {
	uint8_t		id[SNAPSET_ID_LEN];
	uint8_t		set_id[SNAPSET_ID_LEN];
	dev_t		dev;
	uint32_t	state, code, openers, block;
	char		text[256];
	char		image[32];			/* "/dev/snapset0" */
	uint64_t	size, copied, stored, in_ram, index, drain_ns;
};

struct set {
	struct nl	nl;		/* the session lives on this socket */
	uint64_t	session;
	uint8_t		id[SNAPSET_ID_LEN];
	unsigned int	members;
	struct snap	snap[SNAPSET_MAX_MEMBERS + 1];

	/* as SET_GET told it last */
	uint32_t	state, phase, code;
	char		text[256];
	uint64_t	prepare_ns, freeze_ns, hold_ns, drain_ns, frozen_ns, total_ns, parked;
	uint64_t	created;	/* CLOCK_REALTIME at the commit, ns */
};

/* All return 0 or -errno with set->nl.text, unless they say otherwise. */
int set_open(struct set *s);			/* socket and session */
void set_close(struct set *s);
int set_start(struct set *s, const struct set_options *o);
int set_add(struct set *s, dev_t dev, const char *name);
int set_add_quota(struct set *s, dev_t dev, const char *name, uint64_t quota);
int set_do(struct set *s, const int *freeze_fds, unsigned int n);
int set_get(struct set *s);

/* Waits until the set is created or failed, and looks up the images. Returns
 * the code: SNAPSET_S_ASYNC_FINISHED or why not; SNAPSET_S_ASYNC_PENDING when
 * the time is over.
 */
uint32_t set_wait(struct set *s, unsigned int timeout_ms);

/* A set that has failed says so at once; its times are there when it has been undone. */
void set_wait_times(struct set *s, unsigned int timeout_ms);
int set_cancel(struct set *s, uint32_t *code);

int set_delete(struct nl *nl, const uint8_t *set_id, bool force);

/* udev looks into each new image for a moment: waits until nobody has one open. */
int set_delete_idle(struct nl *nl, const uint8_t *set_id);
int snap_delete(struct nl *nl, const uint8_t *snap_id, bool force);
int snap_get(struct nl *nl, const uint8_t *snap_id, struct snap *out);

int snap_space(struct nl *nl, const uint8_t *snap_id, struct snap_space *out);

int store_extend(struct nl *nl, const uint8_t *set_id, int fd);
int store_get(struct nl *nl, const uint8_t *set_id, struct set_store *out);

/* start + add + do + wait; gives up with a sentence if any of it fails. */
void set_take(struct set *s, const struct set_options *o, const dev_t *dev, unsigned int n,
	      const int *freeze_fds, unsigned int nfds);

/* Deletes every set there is, by force; returns how many there were. */
int sets_clear(struct nl *nl);

/* Sum of the living objects that the module counts, and one counter's values.
 * They come from debugfs. -errno if there is no such file or line.
 */
long counters_alive(void);
long counter(const char *name, bool alive);

const char *code_name(uint32_t code);
void id_text(const uint8_t *id, char *out);		/* out[37] */
bool id_parse(const char *text, uint8_t *id);

#endif
