// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nl.h"
#include "util.h"

#define HEAD	(NLMSG_HDRLEN + GENL_HDRLEN)

static struct nlmsghdr *head_of(struct nl_msg *m)
{
	return (struct nlmsghdr *)m->buf;
}

static void begin(struct nl *nl, struct nl_msg *m, uint16_t type, uint8_t cmd, uint16_t flags)
{
	struct genlmsghdr *g;

	memset(m, 0, sizeof(*m));
	m->len = HEAD;
	head_of(m)->nlmsg_type = type;
	head_of(m)->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	head_of(m)->nlmsg_seq = ++nl->seq;
	g = (struct genlmsghdr *)(m->buf + NLMSG_HDRLEN);
	g->cmd = cmd;
	g->version = 1;
}

void nl_begin(struct nl *nl, struct nl_msg *m, uint8_t cmd, uint16_t flags)
{
	begin(nl, m, nl->family, cmd, flags);
}

void nl_raw(struct nl_msg *m, uint16_t type, const void *data, size_t len)
{
	struct nlattr *a = (struct nlattr *)(m->buf + m->len);

	if (m->len + NLA_HDRLEN + NLA_ALIGN(len) > sizeof(m->buf))
		die("message too long");
	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy((char *)a + NLA_HDRLEN, data, len);
	m->len += NLA_HDRLEN + NLA_ALIGN(len);
}

void nl_u32(struct nl_msg *m, uint16_t type, uint32_t value)
{
	nl_raw(m, type, &value, sizeof(value));
}

void nl_u64(struct nl_msg *m, uint16_t type, uint64_t value)
{
	nl_raw(m, type, &value, sizeof(value));
}

void nl_str(struct nl_msg *m, uint16_t type, const char *value)
{
	nl_raw(m, type, value, strlen(value) + 1);
}

size_t nl_nest(struct nl_msg *m, uint16_t type)
{
	size_t at = m->len;

	nl_raw(m, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void nl_nest_end(struct nl_msg *m, size_t nest)
{
	((struct nlattr *)(m->buf + nest))->nla_len = m->len - nest;
}

static void parse(struct nl_attrs *out, const char *p, size_t len, unsigned int max)
{
	memset(out, 0, sizeof(*out));
	while (len >= NLA_HDRLEN) {
		const struct nlattr *a = (const struct nlattr *)p;
		unsigned int type = a->nla_type & NLA_TYPE_MASK;
		size_t step = NLA_ALIGN(a->nla_len);

		if (a->nla_len < NLA_HDRLEN || a->nla_len > len)
			die("the kernel sent a broken attribute");
		if (type <= max) {
			out->value[type] = p + NLA_HDRLEN;
			out->len[type] = a->nla_len - NLA_HDRLEN;
		}
		if (step >= len)
			break;
		p += step;
		len -= step;
	}
}

void nl_get_nest(const struct nl_attrs *a, int attr, struct nl_attrs *inside)
{
	parse(inside, a->value[attr], a->value[attr] ? a->len[attr] : 0, SNAPSET_A_MAX);
}

static void keep_text(struct nl *nl, const char *p, size_t len)
{
	struct nl_attrs a;

	parse(&a, p, len, SNAPSET_A_MAX);
	if (a.value[NLMSGERR_ATTR_MSG]) {
		nl->said = true;
		snprintf(nl->text, sizeof(nl->text), "%.*s", (int)a.len[NLMSGERR_ATTR_MSG],
			 (const char *)a.value[NLMSGERR_ATTR_MSG]);
	}
}

static int error_of(struct nl *nl, const struct nlmsghdr *h)
{
	const struct nlmsgerr *err = NLMSG_DATA(h);
	size_t skip = sizeof(*err);

	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(err->msg.nlmsg_len - NLMSG_HDRLEN);
	if (h->nlmsg_flags & NLM_F_ACK_TLVS && h->nlmsg_len > NLMSG_HDRLEN + skip)
		keep_text(nl, (const char *)err + skip, h->nlmsg_len - NLMSG_HDRLEN - skip);
	return err->error;
}

static int done_of(struct nl *nl, const struct nlmsghdr *h)
{
	const char *p = NLMSG_DATA(h);
	size_t len = h->nlmsg_len - NLMSG_HDRLEN;
	int err = 0;

	if (len >= sizeof(err))
		memcpy(&err, p, sizeof(err));
	if (h->nlmsg_flags & NLM_F_ACK_TLVS && len > NLMSG_ALIGN(sizeof(err)))
		keep_text(nl, p + NLMSG_ALIGN(sizeof(err)), len - NLMSG_ALIGN(sizeof(err)));
	return err;
}

/* Answers come one after the other until the acknowledgement. */
static int collect(struct nl *nl, uint32_t seq, nl_answer_fn *fn, void *arg)
{
	static __thread union {
		char		buf[65536];
		uint64_t	align;
	} in;

	for (;;) {
		ssize_t got = recv(nl->fd, in.buf, sizeof(in.buf), 0);
		struct nlmsghdr *h = (struct nlmsghdr *)in.buf;

		if (got < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		for (; NLMSG_OK(h, got); h = NLMSG_NEXT(h, got)) {
			struct nl_attrs a;

			if (h->nlmsg_seq != seq)
				continue;
			if (h->nlmsg_type == NLMSG_ERROR)
				return error_of(nl, h);
			if (h->nlmsg_type == NLMSG_DONE)
				return done_of(nl, h);
			if (!fn)
				continue;
			parse(&a, (char *)h + HEAD, h->nlmsg_len - HEAD, SNAPSET_A_MAX);
			fn(&a, arg);
		}
	}
}

int nl_call(struct nl *nl, struct nl_msg *m, nl_answer_fn *fn, void *arg)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };

	nl->said = false;
	nl->text[0] = 0;
	head_of(m)->nlmsg_len = m->len;
	if (sendto(nl->fd, m->buf, m->len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	return collect(nl, head_of(m)->nlmsg_seq, fn, arg);
}

int nl_event(struct nl *nl, int timeout_ms, nl_answer_fn *fn, void *arg)
{
	struct pollfd p = { .fd = nl->fd, .events = POLLIN };
	union {
		char		buf[8192];
		uint64_t	align;
	} in;
	struct nlmsghdr *h = (struct nlmsghdr *)in.buf;
	struct nl_attrs a;
	ssize_t got;
	int n;

	n = poll(&p, 1, timeout_ms);
	if (n <= 0)
		return n < 0 && errno != EINTR ? -errno : 0;
	got = recv(nl->fd, in.buf, sizeof(in.buf), MSG_DONTWAIT);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!NLMSG_OK(h, got) || h->nlmsg_type != nl->family)
		return 0;
	parse(&a, (char *)h + HEAD, h->nlmsg_len - HEAD, SNAPSET_A_MAX);
	if (fn)
		fn(&a, arg);
	return 1;
}

/* The controller's attributes fit in the same table: there are few of them. */
static void learn_family(const struct nl_attrs *a, void *arg)
{
	struct nl *nl = arg;
	const char *p;
	size_t left;

	if (a->value[CTRL_ATTR_FAMILY_ID])
		memcpy(&nl->family, a->value[CTRL_ATTR_FAMILY_ID], sizeof(nl->family));
	p = a->value[CTRL_ATTR_MCAST_GROUPS];
	left = a->len[CTRL_ATTR_MCAST_GROUPS];
	if (p && left > NLA_HDRLEN) {	/* there is one group, and so one element */
		struct nl_attrs group;

		parse(&group, p + NLA_HDRLEN, ((const struct nlattr *)p)->nla_len - NLA_HDRLEN,
		      CTRL_ATTR_MCAST_GRP_MAX);
		if (group.value[CTRL_ATTR_MCAST_GRP_ID])
			memcpy(&nl->events, group.value[CTRL_ATTR_MCAST_GRP_ID], 4);
	}
}

int nl_open(struct nl *nl)
{
	struct sockaddr_nl me = { .nl_family = AF_NETLINK };
	struct nl_msg m;
	int one = 1, err;

	memset(nl, 0, sizeof(*nl));
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (nl->fd < 0)
		return -errno;
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	if (bind(nl->fd, (struct sockaddr *)&me, sizeof(me))) {
		err = -errno;
		nl_close(nl);
		return err;
	}
	begin(nl, &m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	nl_str(&m, CTRL_ATTR_FAMILY_NAME, SNAPSET_GENL_NAME);
	err = nl_call(nl, &m, learn_family, nl);
	if (err)
		nl_close(nl);
	return err;
}

void nl_close(struct nl *nl)
{
	close(nl->fd);
	nl->fd = -1;
}

int nl_join_events(struct nl *nl)
{
	if (setsockopt(nl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &nl->events,
		       sizeof(nl->events)))
		return -errno;
	return 0;
}

uint32_t nl_get_u32(const struct nl_attrs *a, int attr)
{
	uint32_t v = 0;

	if (a->value[attr] && a->len[attr] == sizeof(v))
		memcpy(&v, a->value[attr], sizeof(v));
	return v;
}

uint64_t nl_get_u64(const struct nl_attrs *a, int attr)
{
	uint64_t v = 0;

	if (a->value[attr] && a->len[attr] == sizeof(v))
		memcpy(&v, a->value[attr], sizeof(v));
	return v;
}

const char *nl_get_str(const struct nl_attrs *a, int attr)
{
	return a->value[attr] ? a->value[attr] : "";
}
