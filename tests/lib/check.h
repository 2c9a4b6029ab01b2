/* SPDX-License-Identifier: GPL-2.0-only */
/* cmocka wants these before its own header, in this order. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "internal.h"

/* Says both codes by name if they differ. */
#define assert_status(have, want) do {						\
	snap_status have_ = (have), want_ = (want);				\
	if (have_ != want_)							\
		fail_msg("%s is %s (0x%x), not %s", #have, snap_code_name(have_),	\
			 (unsigned int)have_, snap_code_name(want_));		\
} while (0)

#define assert_contains(text, part) do {					\
	if (!strstr(text, part))						\
		fail_msg("\"%s\" is not in \"%s\"", part, text);		\
} while (0)

/*
 * A test waits for what it waits for, however slow the machine is. What does not come is
 * told from what is late by CHECK_LIMIT, which is no deadline: a test takes a second.
 */
#ifndef CHECK_LIMIT
#define CHECK_LIMIT	180	/* seconds, for each test */
#endif

/* One for all files of a program. */
__attribute__((weak)) struct {
	const char	*test, *what, *seen;
} check_now;

__attribute__((weak)) void __sanitizer_print_stack_trace(void);

static inline void check_say(const char *text)
{
	if (text && write(STDERR_FILENO, text, strlen(text)) < 0)
		abort();
}

/* Nothing is lost by doing here what a signal's handler should not: the end is near. */
static inline void check_no_end(int sig)
{
	signal(sig, SIG_DFL);
	alarm(20);
	check_say("no end: ");
	check_say(check_now.test);
	if (check_now.what) {
		check_say(" waits for: ");
		check_say(check_now.what);
	}
	if (check_now.seen) {
		check_say("; it is: ");
		check_say(check_now.seen);
	}
	check_say("\n");
	if (__sanitizer_print_stack_trace)
		__sanitizer_print_stack_trace();
	abort();
}

static inline void check_pause(void)
{
	struct timespec ts = { .tv_nsec = 2000000 };

	/* not nanosleep(), which may go by the tests' clock */
	clock_nanosleep(CLOCK_REALTIME, 0, &ts, NULL);
}

/* Until @condition is true; @text is what there is instead, and changes as that does. */
#define until_seen(condition, text) do {					\
	check_now.what = #condition;						\
	check_now.seen = (text);						\
	while (!(condition))							\
		check_pause();							\
	check_now.what = check_now.seen = NULL;					\
} while (0)

#define until(condition)	until_seen(condition, NULL)

static inline int check_begin(void **state)
{
	const struct CMUnitTest *test = *state;

	check_now.test = test->name;
	check_now.what = check_now.seen = NULL;
	signal(SIGALRM, check_no_end);
	alarm(CHECK_LIMIT);
	*state = test->initial_state;
	return test->setup_func ? test->setup_func(state) : 0;
}

/* Each test with its limit. */
static inline int check_run(const char *group, const struct CMUnitTest *tests, size_t nr,
			    CMFixtureFunction setup, CMFixtureFunction teardown)
{
	struct CMUnitTest *limited = calloc(nr, sizeof(*limited));
	int failed;

	if (!limited)
		abort();
	for (size_t i = 0; i < nr; i++) {
		limited[i] = tests[i];
		limited[i].setup_func = check_begin;
		limited[i].initial_state = (void *)&tests[i];
	}
	failed = _cmocka_run_group_tests(group, limited, nr, setup, teardown);
	free(limited);
	return failed;
}

#undef cmocka_run_group_tests
#define cmocka_run_group_tests(tests, setup, teardown)				\
	check_run(#tests, tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)
