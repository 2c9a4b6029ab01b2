// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>

#include "fake-nl.h"

struct nl_msg *snapi_msg_new(struct snapi_conn *c, int cmd, bool dump, size_t bytes)
{
	struct nl_msg *m = calloc(1, sizeof(*m));

	(void)c;
	(void)bytes;
	m->cmd = cmd;
	m->dump = dump;
	return m;
}

static void take(struct nl_msg *m, int attr, uint64_t v)
{
	m->has[attr] = true;
	m->v[attr] = v;
}

void snapi_put_u32(struct snapi_conn *c, struct nl_msg *m, int attr, uint32_t v)
{
	(void)c;
	take(m, attr, v);
}

void snapi_put_u64(struct snapi_conn *c, struct nl_msg *m, int attr, uint64_t v)
{
	(void)c;
	take(m, attr, v);
}

void snapi_put_id(struct snapi_conn *c, struct nl_msg *m, int attr, const snap_id *id)
{
	(void)c;
	take(m, attr, 0);
	if (attr == SNAPSET_A_SNAP_ID)
		m->snap_id = *id;
	if (attr == SNAPSET_A_SET_ID)
		m->set_id = *id;
}

void snapi_put_str(struct snapi_conn *c, struct nl_msg *m, int attr, const char *v)
{
	(void)c;
	if (strlen(v) > SNAPSET_NAME_MAX)
		abort();
	take(m, attr, 0);
	if (attr == SNAPSET_A_NAME)
		strcpy(m->name, v);
}

void snapi_put_raw(struct snapi_conn *c, struct nl_msg *m, int attr, const void *v, size_t len)
{
	(void)c;
	(void)v;
	take(m, attr, len);
}

void snapi_put_flag(struct snapi_conn *c, struct nl_msg *m, int attr)
{
	(void)c;
	take(m, attr, 1);
}

struct nlattr *snapi_nest(struct snapi_conn *c, struct nl_msg *m, int attr)
{
	(void)c;
	take(m, attr, 0);
	m->freezes += attr == SNAPSET_A_FREEZE;
	return NULL;
}

void snapi_nest_end(struct nl_msg *m, struct nlattr *nest)
{
	(void)m;
	(void)nest;
}

bool snapi_nested_attrs(const struct snapi_attrs *attrs, int attr,
			struct snapi_attrs *inner)
{
	const struct nlattr *nest = attrs->a[attr], *a;
	size_t left;

	memset(inner, 0, sizeof(*inner));
	if (!nest)
		return false;
	left = nest->nla_len - NLA_HDRLEN;
	for (a = nest + 1; left >= NLA_HDRLEN;
	     a = (const struct nlattr *)((const char *)a + NLA_ALIGN(a->nla_len))) {
		inner->a[a->nla_type] = a;
		left -= NLA_ALIGN(a->nla_len);
	}
	return true;
}

void fake_put(struct fake_answer *a, int attr, const void *data, size_t len)
{
	struct nlattr *nla = (struct nlattr *)(a->buf + a->used);

	if (a->used + NLA_HDRLEN + NLA_ALIGN(len) > sizeof(a->buf))
		abort();
	nla->nla_type = attr;
	nla->nla_len = NLA_HDRLEN + len;
	memcpy(nla + 1, data, len);
	a->used += NLA_ALIGN(nla->nla_len);
	a->attrs.a[attr] = nla;
}

void fake_put_u32(struct fake_answer *a, int attr, uint32_t v)
{
	fake_put(a, attr, &v, sizeof(v));
}

void fake_put_u64(struct fake_answer *a, int attr, uint64_t v)
{
	fake_put(a, attr, &v, sizeof(v));
}
