/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A directory of programs for transactions, and what they saw: each is a shell
 * script that first writes "NAME VERB" to the log.
 */
#ifndef SNAPSET_TESTS_SCRIPTS_H
#define SNAPSET_TESTS_SCRIPTS_H

#include <stdbool.h>
#include <sys/types.h>

/* Fresh ones, and clock.h's clock; setup and teardown of a test. The end waits for the end
   of all that was started, and has time go for that. */
void scripts_begin(void);
void scripts_end(void);
const char *scripts_dir(void);
/* The directory with the log and with whatever a script leaves in $D. */
const char *scripts_top(void);
/* A program with this body behind the writing of the log. */
void script(const char *name, const char *body);
/* What is in the log, with blanks for line ends: "10-a freeze 10-a thaw ". */
const char *scripts_log(void);
/* The contents of $D/@name, "" if there is none. */
const char *scripts_file(const char *name);
/* Waits until the log is @want. */
void scripts_log_becomes(const char *want);
/*
 * What a script does at "gate NAME" is to wait until scripts_let_go(), which waits for it.
 * A script that is killed there leaves nothing.
 */
void scripts_gate(const char *name);
void scripts_let_go(const char *name);
/* Whether all that was started has ended. */
bool scripts_over(void);
/* Whether it runs: a zombie does not. */
bool scripts_run(pid_t pid);

#endif
