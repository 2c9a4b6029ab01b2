/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A directory of programs for transactions, and what they saw: each is a shell
 * script that first writes "NAME VERB" to the log.
 */
#ifndef SNAPSET_TESTS_SCRIPTS_H
#define SNAPSET_TESTS_SCRIPTS_H

#include <stdbool.h>

/* Fresh ones; setup and teardown of a test. */
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
/* Waits up to two seconds until the log is @want. */
bool scripts_log_becomes(const char *want);

#endif
