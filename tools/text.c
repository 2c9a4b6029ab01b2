// SPDX-License-Identifier: GPL-2.0-only
/* Names of every kind, as terminals and programs can take them. */
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "tool.h"

/* The length of the character at @p, 0 if it is none of UTF-8. */
static size_t utf8_length(const unsigned char *p)
{
	static const unsigned int least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe0 && *p < 0xf0 ? 3 :
		     *p >= 0xf0 && *p < 0xf5 ? 4 : 0;
	unsigned int c = *p & (0xff >> (len + 1));

	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (len > 1 && (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)))
		return 0;
	return len;
}

const char *plain(const char *text)
{
	static char buffers[4][2100];
	static unsigned int next;
	char *to = buffers[next++ % 4];
	size_t n = 0, len;

	while (*text && n < sizeof(buffers[0]) - 5) {
		const unsigned char *p = (const unsigned char *)text;

		len = utf8_length(p);
		/* control characters, those of two bytes too, and what is no character */
		if (!len || *p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0)) {
			n += snprintf(to + n, 5, "\\%03o", *p);
			len = 1;
		} else {
			memcpy(to + n, text, len);
			n += len;
		}
		text += len;
	}
	to[n] = 0;
	return to;
}

struct json_object *json_text(const char *text)
{
	size_t size = 3 * strlen(text) + 1, n = 0, len;
	struct json_object *o;
	char *to = malloc(size);

	if (!to)
		return NULL;
	for (; *text; text += len ? len : 1) {
		len = utf8_length((const unsigned char *)text);
		memcpy(to + n, len ? text : "\xef\xbf\xbd", len ? len : 3);
		n += len ? len : 3;
	}
	o = json_object_new_string_len(to, (int)n);
	free(to);
	return o;
}
