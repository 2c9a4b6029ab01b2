/* SPDX-License-Identifier: GPL-2.0-only */
/* A line on a terminal that says what a command waits for. */
#ifndef SNAPSET_PROGRESS_H
#define SNAPSET_PROGRESS_H

#include "tool.h"

/* Writes it anew, if standard error is a terminal; for struct snap_simple_options. */
void progress_show(void *arg, const struct snap_progress *p);
/* Before anything else is written there: it is wiped away. */
void progress_wipe(void);

#endif /* SNAPSET_PROGRESS_H */
