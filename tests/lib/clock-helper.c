// SPDX-License-Identifier: GPL-2.0-only
/* snapset-transactions of the tests goes by the clock of scripts.c. */
#include <stdio.h>

#include "clock.h"

/* The directory with the programs is the first argument. */
__attribute__((constructor)) static void attach(int argc, char **argv)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/../clock", argc > 1 ? argv[1] : "");
	clock_attach(path);
}
