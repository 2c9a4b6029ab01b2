// SPDX-License-Identifier: LGPL-2.1-or-later
/* Whose a set is, what its maker calls it, and how long it stays. */
#include <stdio.h>
#include <string.h>

#include "internal.h"

SNAPI_EXPORT snap_status snap_set_label(struct snap_session *s, const char *label)
{
	size_t len = label ? strlen(label) : 0;

	if (!s)
		return SNAP_E_INVALIDARG;
	if (snapi_session_check_new(s, "snap_set_label()"))
		return SNAP_E_BAD_STATE;
	if (len > SNAPSET_LABEL_MAX)
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "a label has %d bytes at most, not %zu", SNAPSET_LABEL_MAX, len);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)label[i] < ' ' || label[i] == 0x7f)
			return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
					  "a label has no control characters");
	snprintf(s->label, sizeof(s->label), "%s", label ? label : "");
	return SNAP_S_OK;
}

SNAPI_EXPORT snap_status snap_set_expiry(struct snap_session *s, uint32_t seconds)
{
	if (!s)
		return SNAP_E_INVALIDARG;
	if (snapi_session_check_new(s, "snap_set_expiry()"))
		return SNAP_E_BAD_STATE;
	if (seconds > SNAPSET_EXPIRE_MAX_S)
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "a set expires after 366 days at the latest, not after %u s",
				  seconds);
	s->expire_s = seconds;
	return SNAP_S_OK;
}

static snap_status adopt(struct snap_session *s, const snap_id *id, uint32_t attrs)
{
	struct snapi_error e = { 0 };
	struct nl_msg *m;

	if (!s)
		return SNAP_E_INVALIDARG;
	if (!id)
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL, NULL);
	pthread_mutex_lock(&s->cmd_lock);
	m = snapi_msg_new(s->cmd, SNAPSET_CMD_SET_ADOPT, false, 128);
	snapi_put_u64(s->cmd, m, SNAPSET_A_SESSION, s->cookie);
	snapi_put_id(s->cmd, m, SNAPSET_A_SET_ID, id);
	snapi_put_u32(s->cmd, m, SNAPSET_A_ATTRS, attrs);
	snapi_call(s->cmd, m, NULL, NULL, &e);
	pthread_mutex_unlock(&s->cmd_lock);
	return e.code ? snapi_fail_with(s, &e) : SNAP_S_OK;
}

SNAPI_EXPORT snap_status snap_keep(struct snap_session *s, const snap_id *set_id)
{
	snap_status st = adopt(s, set_id, SNAPSET_ATTR_NO_AUTO_RELEASE);

	/* its own, which snap_close() would delete */
	if (!st && snap_id_equal(set_id, &s->set_id))
		s->attrs |= SNAP_ATTR_NO_AUTO_RELEASE;
	return st;
}

SNAPI_EXPORT snap_status snap_adopt(struct snap_session *s, const snap_id *set_id)
{
	snap_status st = adopt(s, set_id, 0);

	if (!st && snap_id_equal(set_id, &s->set_id))
		s->attrs &= ~SNAP_ATTR_NO_AUTO_RELEASE;
	return st;
}
