/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exec.h - the command of "create --exec", for cmd-create.c.
 *
 * The signals that end snapset are blocked and read from a signalfd that does not block.
 */
#ifndef SNAPSET_EXEC_H
#define SNAPSET_EXEC_H

#include <signal.h>

#include "tool.h"

/* SIGINT, SIGTERM, SIGHUP. */
void ending_signals(sigset_t *mask);
/* The signal that came, 0 if none; does not wait. */
int take_signal(int sigfd);
/* Until one comes. */
void wait_for_signal(int sigfd);

/*
 * For the command: SNAP_SET_ID, and one word per volume in SNAP_IDS, SNAP_DEVICES,
 * SNAP_VOLUMES. False: no memory, or the set has gone.
 */
bool set_environment(struct snap_session *s, const snap_id *set);
/* Runs it; its exit status, or 128 + the signal that killed it. @old_mask: the signals it blocks. */
int run_command(char **cmd, const sigset_t *old_mask, int sigfd);
/* Whether it was begun, so that the exit status is its own. */
bool command_ran(void);

#endif
