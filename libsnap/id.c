// SPDX-License-Identifier: LGPL-2.1-or-later
/* Ids as text. */
#include <stdio.h>
#include <string.h>

#include <uuid/uuid.h>

#include "internal.h"

SNAPI_EXPORT void snap_id_format(const snap_id *id, char text[SNAP_ID_TEXT_MAX])
{
	uuid_unparse_lower(id->b, text);
}

SNAPI_EXPORT snap_status snap_id_parse(const char *text, snap_id *id)
{
	char plain[SNAP_ID_TEXT_MAX];
	size_t len;
	uuid_t uuid;

	if (!text || !id)
		return SNAP_E_INVALIDARG;
	len = strlen(text);
	if (len == SNAP_ID_TEXT_MAX + 1 && text[0] == '{' && text[len - 1] == '}') {
		text++;
		len -= 2;
	}
	if (len != SNAP_ID_TEXT_MAX - 1)
		return SNAP_E_INVALIDARG;
	memcpy(plain, text, len);
	plain[len] = 0;
	if (uuid_parse(plain, uuid))
		return SNAP_E_INVALIDARG;
	memcpy(id->b, uuid, sizeof(id->b));
	return SNAP_S_OK;
}

SNAPI_EXPORT bool snap_id_equal(const snap_id *a, const snap_id *b)
{
	return !memcmp(a->b, b->b, sizeof(a->b));
}

SNAPI_EXPORT bool snap_id_is_null(const snap_id *id)
{
	static const snap_id null;

	return snap_id_equal(id, &null);
}
