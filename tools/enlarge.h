/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making one store larger, in a process of its own: if the file system is frozen, or its
 * disk does not answer, that process waits for it and nobody else.
 */
#ifndef SNAPSET_ENLARGE_H
#define SNAPSET_ENLARGE_H

#include "grow.h"
#include "tool.h"

/* How it ended: the exit status of the process. */
enum enlarged {
	ENLARGED,
	ENLARGED_NOT,		/* it need not */
	ENLARGED_NOBODYS,	/* it is as large as its maker wanted */
	ENLARGED_NO_ROOM,	/* or it has its maximum */
	ENLARGED_NO_PLACE,	/* the directory has snapshots below it by now */
	ENLARGED_FAILED,
};

/*
 * Starts the process; -1 if it cannot. @before: how the last one ended; what has been said
 * of that is not said again.
 */
pid_t enlarge_start(const snap_id *set, const struct growing *g, enum enlarged before);

/* For the journal, or the terminal. @level: as of syslog(3). */
void say(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif /* SNAPSET_ENLARGE_H */
