// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading attributes. A kernel newer than us may send less or more of one. */
#include <stdio.h>
#include <string.h>

#include <linux/netlink.h>

#include "internal.h"

static size_t payload(const struct nlattr *a)
{
	return a->nla_len - NLA_HDRLEN;
}

bool snapi_has(const struct snapi_attrs *attrs, int attr)
{
	return attrs->a[attr] != NULL;
}

static void get(const struct snapi_attrs *attrs, int attr, void *to, size_t len)
{
	const struct nlattr *a = attrs->a[attr];

	memset(to, 0, len);
	if (a && payload(a) >= len)
		memcpy(to, a + 1, len);
}

uint32_t snapi_u32(const struct snapi_attrs *attrs, int attr)
{
	uint32_t v;

	get(attrs, attr, &v, sizeof(v));
	return v;
}

uint64_t snapi_u64(const struct snapi_attrs *attrs, int attr)
{
	uint64_t v;

	get(attrs, attr, &v, sizeof(v));
	return v;
}

void snapi_id(const struct snapi_attrs *attrs, int attr, snap_id *id)
{
	get(attrs, attr, id->b, sizeof(id->b));
}

void snapi_str(const struct snapi_attrs *attrs, int attr, char *buf, size_t len)
{
	const struct nlattr *a = attrs->a[attr];

	buf[0] = 0;
	if (a)
		snprintf(buf, len, "%.*s", (int)payload(a), (const char *)(a + 1));
}
