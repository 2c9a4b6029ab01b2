// SPDX-License-Identifier: GPL-2.0-only
/*
 * stall: says in the kernel's log for how long this machine stood still.  A virtual
 * processor gets its time from a host that may be busy; a deadline of the module cannot be
 * kept while it stands.  With the highest priority, every 20 ms; what is above 100 ms is told.
 * Not by dprintf(): it asks for the position first, and before 6.2 the log, opened to be
 * written only, answers that with EBADF.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "util.h"

#define EVERY_MS	20
#define TOLD_MS		100

int main(void)
{
	struct sched_param p = { .sched_priority = 99 };
	int log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	uint64_t before = now_ns(), now;
	char line[64];

	if (log < 0)
		die("/dev/kmsg: %m");
	if (sched_setscheduler(0, SCHED_FIFO, &p) || mlockall(MCL_CURRENT | MCL_FUTURE))
		die("no priority: %m");
	for (;; before = now) {
		unsigned long long ms;

		sleep_ms(EVERY_MS);
		now = now_ns();
		ms = (now - before) / 1000000 - EVERY_MS;
		if (ms < TOLD_MS)
			continue;
		snprintf(line, sizeof(line), "snapset-test: stood still for %llu ms\n", ms);
		if (write(log, line, strlen(line)) < 0)
			die("/dev/kmsg: %m");
	}
}
