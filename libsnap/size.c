// SPDX-License-Identifier: LGPL-2.1-or-later
/* Sizes as people write them: the same on the command line and in storage.conf. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "internal.h"

/* What stands behind the number, as a factor; 0: it is no unit. */
static uint64_t unit_of(const char *text)
{
	static const char units[] = "KMGTPE";
	const char *unit = *text ? strchr(units, toupper((unsigned char)*text)) : NULL;
	uint64_t each = 1024, factor = 1;

	if (!*text)
		return 1;
	if (!unit)
		return 0;
	if (!strcasecmp(text + 1, "B"))
		each = 1000;
	else if (text[1] && strcasecmp(text + 1, "iB"))
		return 0;
	for (; unit >= units; unit--)
		factor *= each;
	return factor;
}

SNAPI_EXPORT snap_status snap_parse_size(const char *text, uint64_t *bytes)
{
	unsigned long long n;
	uint64_t factor;
	char *end;

	if (!text || !bytes || !isdigit((unsigned char)*text))
		return SNAP_E_INVALIDARG;
	errno = 0;
	n = strtoull(text, &end, 10);
	factor = unit_of(end);
	if (errno || !factor || n > UINT64_MAX / factor)
		return SNAP_E_INVALIDARG;
	*bytes = n * factor;
	return SNAP_S_OK;
}
