/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * freeze.h - the file systems above a set's members: synced, frozen, thawed,
 * each by a worker of its own, in parallel.
 *
 * A freeze cannot be interrupted. One that does not come in time is abandoned:
 * it is thawed by its worker when it comes, and until then it is a debt.
 * Everything here is process context.
 */
#ifndef SNAPSET_FREEZE_H
#define SNAPSET_FREEZE_H

#include <linux/wait.h>
#include "control.h"

struct block_device;

struct snapset_freezer;

/*
 * Takes over the paths' references when it succeeds (doubles are dropped);
 * ERR_PTR() otherwise. @wq is woken with each step of each file system.
 */
struct snapset_freezer *snapset_freezer_new(const struct snapset_freeze_arg *args,
					    unsigned int nr, wait_queue_head_t *wq);
/*
 * Adds a device whose own page cache is to be synced, not frozen; and drained, if it is
 * of a kind that must be asked; @noflush: dm.h.
 */
int snapset_freezer_add_bdev(struct snapset_freezer *f, dev_t dev, bool noflush,
			     const char *name);

enum snapset_freeze_step {
	SNAPSET_FREEZE_SYNC,
	SNAPSET_FREEZE_FREEZE,
	SNAPSET_FREEZE_DRAIN,		/* only devices that must be asked for their older writes */
};

/* Begins the step on all. */
void snapset_freezer_begin(struct snapset_freezer *f, enum snapset_freeze_step step);
/* All have ended it. */
bool snapset_freezer_done(const struct snapset_freezer *f);
/* 0, or the first error with the name of whom it befell. Once done. */
int snapset_freezer_error(const struct snapset_freezer *f, const char **name);
/* One that has not ended the step: its name; NULL if there is none. */
const char *snapset_freezer_late(const struct snapset_freezer *f);
/*
 * Likewise, for who is not the take's worker: a copy of the name, until the thaw begins;
 * false: nobody is waited for. The freezer must not be freed meanwhile.
 */
bool snapset_freezer_tell(struct snapset_freezer *f, char *name, size_t size);
/* Number of file systems that are (to be) frozen. */
unsigned int snapset_freezer_count(const struct snapset_freezer *f);

/* Is one of the file systems mounted from just this device? */
bool snapset_freezer_covers(const struct snapset_freezer *f,
			    const struct block_device *bdev);

/* One that somebody has thawed under us, by name; NULL: all are frozen. */
const char *snapset_freezer_thawed(const struct snapset_freezer *f);

/*
 * Thaws what is frozen (once) and waits for it, for some seconds at most; abandons what is
 * not frozen yet, or not thawed then.
 */
void snapset_freezer_thaw(struct snapset_freezer *f);
/* After thaw. NULL is fine. */
void snapset_freezer_free(struct snapset_freezer *f);

/*
 * Is one of these file systems or devices still owed an abandoned step of an earlier
 * take: a freeze, or its thaw, or a device that drains? Then its name. Others go on.
 */
bool snapset_freezer_owed(const struct snapset_freezer *f, char *name, size_t size);
/* Waits until a debt has been paid, or for so long. Take worker. */
void snapset_freeze_wait_debt(unsigned int ms);

int snapset_freeze_init(void);
/* Waits until every debt is paid. */
void snapset_freeze_exit(void);

#endif
