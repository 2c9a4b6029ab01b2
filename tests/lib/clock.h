/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The time of the tests.  In a program that is linked with clock.c and with WRAP of the
 * Makefile, the monotonic clock, poll(), ppoll() and nanosleep() go by it, and so do those
 * of snapset-transactions that the program starts.  It stands still until the test moves
 * it; or it goes, which is: who sleeps with nothing to do moves it to where he wakes.  So
 * no deadline depends on how slow the machine is, and one of ten minutes costs nothing.
 *
 * There is one for all threads and both processes. "Goes" is for tests with one thread.
 */
#ifndef SNAPSET_TESTS_CLOCK_H
#define SNAPSET_TESTS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum clock_of { CLOCK_OURS, CLOCK_HELPERS };

/* Anew, and standing still; shared with who attaches to the file @path, if there is one. */
void clock_begin(const char *path);
void clock_end(void);
void clock_attach(const char *path);

void clock_goes(bool goes);
void clock_pass(uint64_t ms);
uint64_t clock_ms(void);
/* Whether the last of this process that went to sleep sleeps, until in @ms from now. */
bool clock_wakes_in(enum clock_of who, uint64_t ms);
/* How many threads of this process are asleep. */
unsigned int clock_sleepers(void);

#endif
