/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include "shim/shim.h"
#include <cmocka.h>

/* Nothing here waits but for other threads: this only ends what hangs, see the last RUN. */
#define LIMIT_S		600

static void no_end(int sig)
{
	static const char words[] = "no end of the test above\n";

	(void)sig;
	if (write(STDERR_FILENO, words, sizeof(words) - 1) < 0)
		_exit(125);
	abort();
}

__attribute__((constructor)) static void limit(void)
{
	signal(SIGALRM, no_end);
	alarm(LIMIT_S);
}

/* Random tests repeat: SEED=n in the environment repeats another sequence. */
static u64 rnd_state;

static inline void rnd_seed(void)
{
	const char *seed = getenv("SEED");

	rnd_state = (seed ? strtoull(seed, NULL, 0) : 1) * 0x9e3779b97f4a7c15ull + 1;
}

static inline u64 rnd(u64 below)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state % below;
}

#endif
