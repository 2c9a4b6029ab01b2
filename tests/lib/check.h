/* SPDX-License-Identifier: GPL-2.0-only */
/* cmocka wants these before its own header, in this order. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
