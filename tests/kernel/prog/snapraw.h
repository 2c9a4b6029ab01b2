/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snapraw-take.c: how snapraw takes a set, and what its other commands do likewise.
 */
#ifndef SNAPSET_TEST_SNAPRAW_H
#define SNAPSET_TEST_SNAPRAW_H

#include <signal.h>
#include <stdint.h>

#include "nl.h"

/* "snapraw take"; returns the exit status. */
int snapraw_take(int argc, char **argv);

/* The file, open to be a store. */
int snapraw_file(const char *path);
/* Says how the kernel refused; the exit status. */
int snapraw_refused(int err, const struct nl *nl, uint64_t begun);

/* A handler, and whether it was called. */
void snapraw_stop(int sig);
extern volatile sig_atomic_t snapraw_stopped;

#endif
