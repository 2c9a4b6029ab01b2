// SPDX-License-Identifier: LGPL-2.1-or-later
/* The clock that deadlines go by: nobody sets it. */
#include <time.h>

#include "internal.h"

uint64_t snapi_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
