// SPDX-License-Identifier: GPL-2.0-only
/*
 * busy: how many nanoseconds the processors have worked since the boot, by the
 * clock and the kernel's own count of what they stood idle (/proc/timer_list), which
 * is exact where /proc/stat counts in hundredths of a second. With a FILE, a line
 * is added to that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "util.h"

int main(int argc, char **argv)
{
	long long idle = 0, ns;
	FILE *f = fopen("/proc/timer_list", "r"), *out = stdout;
	struct timespec now;
	char line[256], *p;

	if (!f)
		die("/proc/timer_list: %m");
	while (fgets(line, sizeof(line), f)) {
		p = strstr(line, ".idle_sleeptime");
		if (p && sscanf(p, ".idle_sleeptime : %lld", &ns) == 1)
			idle += ns;
	}
	fclose(f);
	if (argc > 1 && !(out = fopen(argv[1], "a")))
		die("%s: %m", argv[1]);
	clock_gettime(CLOCK_MONOTONIC, &now);
	fprintf(out, "%lld\n", (now.tv_sec * 1000000000LL + now.tv_nsec) *
		sysconf(_SC_NPROCESSORS_ONLN) - idle);
	return fclose(out) ? EXIT_FAILURE : EXIT_SUCCESS;
}
