/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of snapset-transactions know of each other. */
#ifndef SNAPSET_TRANSACTIONS_H
#define SNAPSET_TRANSACTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TEXT_MAX	400	/* a sentence, with the 0 */

/* list.c */
struct program {
	char	*name;
	pid_t	frozen;		/* the leader of its freeze, not reaped; 0: not started */
};

struct list {
	char		*directory;	/* without symbolic links */
	struct program	*v;
	unsigned int	nr;
};

/*
 * The programs of @directory in the order of their names. False, and the sentence
 * in @text, if it cannot be read, or somebody but root could change what is run.
 */
bool list_read(struct list *l, const char *directory, char text[TEXT_MAX]);

/* program.c */
enum outcome {
	ENDED_WELL,
	FAILED,			/* exit status, signal, could not be started */
	TIMED_OUT,		/* and killed */
	BROKEN_OFF,		/* and killed: there is something to read from @watch */
};

struct run {
	const char	*verb;		/* "freeze", "thaw", "abort" */
	uint64_t	deadline;	/* of now_ms() */
	int		watch;		/* -1: none */
	uint32_t	code;		/* for SNAP_CODE, 0: none */
	const char	*set_id, *volumes;
};

/*
 * Runs "@l->directory/@p->name VERB" until it ends or the deadline is over; then its
 * process group is killed. What is wrong is said in @text.
 *
 * The leader of a freeze stays a zombie until its thaw or abort has ended, so that
 * the number of its group is nobody else's; if that does not end well, what the
 * freeze has left running is killed, too, and its locks open.
 */
enum outcome program_run(const struct list *l, struct program *p, const struct run *r,
			 char text[TEXT_MAX]);
/* Once, before the first: SIGCHLD comes only where program_run() waits for it. */
void program_init(void);
uint64_t now_ms(void);

#endif /* SNAPSET_TRANSACTIONS_H */
