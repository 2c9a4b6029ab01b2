// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The module's sentences. It knows a device by its number, which says nothing to the user:
 * "254:17" is "/dev/vdb1" here.
 */
#include <stdio.h>
#include <string.h>

#include "internal.h"

static const char digits[] = "0123456789";

/* The length of a number of a device at @text, 0 if there is none; *@dev is it. */
static size_t number(const char *text, dev_t *dev)
{
	size_t major_len = strspn(text, digits);
	unsigned int ma, mi;
	int len = 0;

	if (!major_len || text[major_len] != ':' || !strspn(text + major_len + 1, digits) ||
	    sscanf(text, "%7u:%7u%n", &ma, &mi, &len) != 2 ||
	    (text[len] && !strchr(" ,)", text[len])))
		return 0;
	*dev = makedev(ma, mi);
	return (size_t)len;
}

void snapi_sentence_name_devices(char *text, size_t size)
{
	char from[512], name[64];
	size_t n = 0, len;
	dev_t dev;

	snprintf(from, sizeof(from), "%s", text);
	for (const char *c = from; *c && n + 1 < size; c += len) {
		len = c == from || strchr(" (", c[-1]) ? number(c, &dev) : 0;
		if (len && snapi_blk_name(dev, name)) {
			n += (size_t)snprintf(text + n, size - n, "/dev/%s", name);
			continue;
		}
		text[n++] = *c;
		len = 1;
	}
	text[n < size ? n : size - 1] = 0;
}
