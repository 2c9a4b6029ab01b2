// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Generic netlink. The kernel's refusal is an errno and a sentence; both are
 * kept. A command connection asks and waits for the acknowledgement; an events
 * connection only listens and never blocks.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netlink/netlink.h>
#include <netlink/genl/genl.h>
#include <netlink/genl/ctrl.h>

#include "internal.h"

#ifndef NETLINK_EXT_ACK
#define NETLINK_EXT_ACK		11
#endif
#ifndef NETLINK_CAP_ACK
#define NETLINK_CAP_ACK		10
#endif

#define EVENTS_BUFFER	(1 << 20)	/* bytes: some thousand events */
#define ANSWER_MS	60000		/* a device that does not open may keep an answer for ever */

struct snapi_conn {
	struct nl_sock	*sk;
	int		family;
	int		put_err;	/* a put into the present message failed */
};

/* libnl has its own numbers; these are the ones we can meet. */
static int to_errno(int nle)
{
	switch (nle < 0 ? -nle : nle) {
	case NLE_SUCCESS:	return 0;
	case NLE_NOMEM:		return ENOMEM;
	case NLE_PERM:
	case NLE_NOACCESS:	return EPERM;
	case NLE_AGAIN:		return EAGAIN;
	case NLE_INTR:		return EINTR;
	case NLE_OBJ_NOTFOUND:	return ENOENT;
	case NLE_OPNOTSUPP:	return EOPNOTSUPP;
	case NLE_BAD_SOCK:	return EBADF;
	case NLE_DUMP_INTR:	return EAGAIN;
	default:		return EIO;
	}
}

static snap_status open_failed(struct snapi_error *e, int nle, const char *what)
{
	int err = to_errno(nle);
	snap_status code = err == ENOMEM ? SNAP_E_OUTOFMEMORY :
			   err == EPERM ? SNAP_E_ACCESSDENIED : SNAP_E_UNEXPECTED;

	snapi_error_set(e, code, err, NULL, "%s: %s", what, nl_geterror(nle));
	return code;
}

snap_status snapi_conn_open(bool events, struct snapi_conn **out,
			    struct snapi_error *e)
{
	struct snapi_conn *c = calloc(1, sizeof(*c));
	int one = 1, err, group;

	if (!c) {
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
		return e->code;
	}
	c->sk = nl_socket_alloc();
	if (!c->sk) {
		open_failed(e, -NLE_NOMEM, "generic netlink");
		goto fail;
	}
	err = genl_connect(c->sk);
	if (err < 0) {
		open_failed(e, err, "cannot open a generic netlink socket");
		goto fail;
	}
	nl_socket_enable_msg_peek(c->sk);
	/* Old kernels have neither; we lose the sentence, not the errno. */
	setsockopt(nl_socket_get_fd(c->sk), SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(nl_socket_get_fd(c->sk), SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));

	/* This makes the kernel load the module, if it is installed. */
	c->family = genl_ctrl_resolve(c->sk, SNAPSET_GENL_NAME);
	if (c->family < 0) {
		if (c->family == -NLE_OBJ_NOTFOUND && access("/sys/module/snapset", F_OK) == 0)
			snapi_error_set(e, SNAP_E_PROVIDER_NOT_REGISTERED, ENOENT, NULL,
					"the snapset kernel module answers in the initial network namespace only");
		else if (c->family == -NLE_OBJ_NOTFOUND)
			snapi_error_set(e, SNAP_E_PROVIDER_NOT_REGISTERED, ENOENT, NULL, NULL);
		else
			open_failed(e, c->family, "cannot look up the kernel module");
		goto fail;
	}
	if (events) {
		group = genl_ctrl_resolve_grp(c->sk, SNAPSET_GENL_NAME,
					      SNAPSET_MCGRP_EVENTS);
		if (group < 0) {
			open_failed(e, group, "cannot look up the events of the kernel module");
			goto fail;
		}
		nl_socket_disable_seq_check(c->sk);
		nl_socket_set_buffer_size(c->sk, EVENTS_BUFFER, 0);
		err = nl_socket_add_membership(c->sk, group);
		if (err < 0) {
			if (to_errno(err) == EPERM)
				snapi_error_set(e, SNAP_E_ACCESSDENIED, EPERM, NULL, NULL);
			else
				open_failed(e, err, "cannot listen to the events of the kernel module");
			goto fail;
		}
		nl_socket_set_nonblocking(c->sk);
	}
	*out = c;
	return SNAP_S_OK;

fail:
	snapi_conn_close(c);
	return e->code;
}

void snapi_conn_close(struct snapi_conn *c)
{
	if (!c)
		return;
	if (c->sk)
		nl_socket_free(c->sk);
	free(c);
}

int snapi_conn_fd(const struct snapi_conn *c)
{
	return nl_socket_get_fd(c->sk);
}

/* Requests */

struct nl_msg *snapi_msg_new(struct snapi_conn *c, int cmd, bool dump,
			     size_t bytes)
{
	struct nl_msg *m = nlmsg_alloc_size(NLMSG_HDRLEN + GENL_HDRLEN + bytes);

	c->put_err = 0;
	if (m && !genlmsg_put(m, NL_AUTO_PORT, NL_AUTO_SEQ, c->family, 0,
			      NLM_F_REQUEST | (dump ? NLM_F_DUMP : NLM_F_ACK),
			      cmd, SNAPSET_GENL_VERSION)) {
		nlmsg_free(m);
		m = NULL;
	}
	return m;
}

static void put(struct snapi_conn *c, struct nl_msg *m, int attr,
		const void *data, size_t len)
{
	if (m && nla_put(m, attr, len, data) < 0)
		c->put_err = -ENOMEM;
}

void snapi_put_u32(struct snapi_conn *c, struct nl_msg *m, int attr, uint32_t v)
{
	put(c, m, attr, &v, sizeof(v));
}

void snapi_put_u64(struct snapi_conn *c, struct nl_msg *m, int attr, uint64_t v)
{
	put(c, m, attr, &v, sizeof(v));
}

void snapi_put_id(struct snapi_conn *c, struct nl_msg *m, int attr, const snap_id *id)
{
	put(c, m, attr, id->b, sizeof(id->b));
}

void snapi_put_str(struct snapi_conn *c, struct nl_msg *m, int attr, const char *v)
{
	put(c, m, attr, v, strlen(v) + 1);
}

void snapi_put_raw(struct snapi_conn *c, struct nl_msg *m, int attr, const void *v, size_t len)
{
	put(c, m, attr, v, len);
}

void snapi_put_flag(struct snapi_conn *c, struct nl_msg *m, int attr)
{
	put(c, m, attr, NULL, 0);
}

struct nlattr *snapi_nest(struct snapi_conn *c, struct nl_msg *m, int attr)
{
	struct nlattr *nest = m ? nla_nest_start(m, attr | NLA_F_NESTED) : NULL;

	if (!nest)
		c->put_err = -ENOMEM;
	return nest;
}

void snapi_nest_end(struct nl_msg *m, struct nlattr *nest)
{
	if (nest)
		nla_nest_end(m, nest);
}

/* Answers */

struct call {
	snapi_reply_fn	fn;
	void		*arg;
	unsigned int	seq;
	bool		done;
	bool		interrupted;
	int		err;		/* of the acknowledgement, positive */
	char		text[512];
};

static bool parse(struct nlmsghdr *h, struct snapi_attrs *attrs)
{
	struct nlattr *tb[SNAPSET_A_MAX + 1];

	if (!genlmsg_valid_hdr(h, 0) || genlmsg_parse(h, 0, tb, SNAPSET_A_MAX, NULL) < 0)
		return false;
	for (int i = 0; i <= SNAPSET_A_MAX; i++)
		attrs->a[i] = tb[i];
	attrs->cmd = genlmsg_hdr(h)->cmd;
	return true;
}

/* Answers to an earlier call that was broken off are none of our business. */
static int on_seq(struct nl_msg *m, void *arg)
{
	const struct call *call = arg;

	return nlmsg_hdr(m)->nlmsg_seq == call->seq ? NL_OK : NL_SKIP;
}

static int on_valid(struct nl_msg *m, void *arg)
{
	struct call *call = arg;
	struct snapi_attrs attrs;

	if (nlmsg_hdr(m)->nlmsg_flags & NLM_F_DUMP_INTR)
		call->interrupted = true;
	if (call->fn && parse(nlmsg_hdr(m), &attrs) && call->fn(&attrs, call->arg))
		call->fn = NULL;
	return NL_OK;
}

static int on_finish(struct nl_msg *m, void *arg)
{
	struct call *call = arg;

	if (nlmsg_hdr(m)->nlmsg_flags & NLM_F_DUMP_INTR)
		call->interrupted = true;
	/* The end of a dump carries its result. */
	if (nlmsg_datalen(nlmsg_hdr(m)) >= (int)sizeof(int)) {
		int err;

		memcpy(&err, nlmsg_data(nlmsg_hdr(m)), sizeof(err));
		if (err < 0)
			call->err = -err;
	}
	call->done = true;
	return NL_STOP;
}

static int on_ack(struct nl_msg *m, void *arg)
{
	struct call *call = arg;

	(void)m;
	call->done = true;
	return NL_STOP;
}

/* The sentence stands behind the header, and behind our request if it is echoed. */
static void keep_text(struct call *call, struct nlmsgerr *err)
{
	struct nlmsghdr *h = (struct nlmsghdr *)err - 1;
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];
	size_t skip = sizeof(*err), len = nlmsg_datalen(h);

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += err->msg.nlmsg_len - NLMSG_HDRLEN;
	skip = NLMSG_ALIGN(skip);
	if (skip >= len ||
	    nla_parse(tb, NLMSGERR_ATTR_MAX, (struct nlattr *)((char *)err + skip),
		      len - skip, NULL) < 0)
		return;
	if (tb[NLMSGERR_ATTR_MSG])
		snprintf(call->text, sizeof(call->text), "%.*s",
			 nla_len(tb[NLMSGERR_ATTR_MSG]),
			 (char *)nla_data(tb[NLMSGERR_ATTR_MSG]));
	snapi_sentence_name_devices(call->text, sizeof(call->text));
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *err, void *arg)
{
	struct call *call = arg;

	(void)from;
	call->err = -err->error;
	keep_text(call, err);
	call->done = true;
	return NL_STOP;
}

/* False: nothing has come for so long. */
static bool readable(const struct snapi_conn *c)
{
	struct pollfd pfd = { .fd = snapi_conn_fd(c), .events = POLLIN };
	uint64_t now = snapi_now_ms(), until = now + ANSWER_MS;

	for (; now < until; now = snapi_now_ms()) {
		int n = poll(&pfd, 1, until - now);

		if (n > 0 || (n < 0 && errno != EINTR))
			return true;	/* or the receiver says what is wrong */
	}
	return false;
}

/* One exchange: 0, or the errno, positive; *@ours: it is not the kernel module's. */
static int exchange(struct snapi_conn *c, struct nl_msg *m, struct call *call,
		    bool *ours)
{
	struct nl_cb *cb;
	bool late = false;
	int err;

	*ours = true;
	cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (!cb)
		return ENOMEM;
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_seq, call);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, call);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, call);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, call);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, call);

	nl_complete_msg(c->sk, m);
	call->seq = nlmsg_hdr(m)->nlmsg_seq;
	err = nl_send(c->sk, m);
	while (err >= 0 && !call->done && !late) {
		late = !readable(c);
		if (!late)
			err = nl_recvmsgs(c->sk, cb);
	}
	nl_cb_put(cb);
	if (late)
		return ETIMEDOUT;
	if (!call->done)
		return to_errno(err);
	*ours = false;
	return call->err;
}

snap_status snapi_call(struct snapi_conn *c, struct nl_msg *m,
		       snapi_reply_fn fn, void *arg, struct snapi_error *e)
{
	struct call call = { .fn = fn, .arg = arg };
	bool ours = true;
	int err, cmd = 0;

	if (!m || c->put_err) {
		err = ENOMEM;
	} else {
		cmd = genlmsg_hdr(nlmsg_hdr(m))->cmd;
		err = exchange(c, m, &call, &ours);
	}
	nlmsg_free(m);
	if (!err && call.interrupted) {
		snapi_error_set(e, SNAP_E_UNEXPECTED, EAGAIN, NULL,
				"the list changed while it was read");
		return e->code;
	}
	if (!err)
		return SNAP_S_OK;
	if (ours && err == ETIMEDOUT)
		snapi_error_set(e, SNAP_E_UNEXPECTED_PROVIDER_ERROR, err, NULL,
				"the kernel module has not answered for %d s: a device or a file system does not answer it",
				ANSWER_MS / 1000);
	else if (ours)
		snapi_error_set(e, err == ENOMEM ? SNAP_E_OUTOFMEMORY : SNAP_E_UNEXPECTED,
				err, NULL, "cannot talk to the kernel module: %s",
				strerror(err));
	else if (call.text[0])
		snapi_error_set(e, snapi_code_from_errno(err, cmd), err, NULL,
				"%s", call.text);
	else
		snapi_error_set(e, snapi_code_from_errno(err, cmd), err, NULL, NULL);
	e->late = ours && err == ETIMEDOUT;
	return e->code;
}

struct drain {
	snapi_reply_fn	fn;
	void		*arg;
	bool		stop;
};

static int on_event(struct nl_msg *m, void *arg)
{
	struct drain *d = arg;
	struct snapi_attrs attrs;

	if (!parse(nlmsg_hdr(m), &attrs) || attrs.cmd != SNAPSET_CMD_EVENT)
		return NL_OK;
	d->stop = d->fn(&attrs, d->arg) != 0;
	return d->stop ? NL_STOP : NL_OK;
}

int snapi_conn_drain(struct snapi_conn *c, snapi_reply_fn fn, void *arg)
{
	struct drain d = { .fn = fn, .arg = arg };
	int err;

	nl_socket_modify_cb(c->sk, NL_CB_VALID, NL_CB_CUSTOM, on_event, &d);
	do {
		err = nl_recvmsgs_default(c->sk);
	} while (err >= 0 && !d.stop);
	if (err >= 0 || err == -NLE_AGAIN)
		return 0;
	/* libnl says "no memory" for the full buffer of a socket */
	return err == -NLE_NOMEM ? -ENOBUFS : -to_errno(err);
}

bool snapi_nested_attrs(const struct snapi_attrs *attrs, int attr,
			struct snapi_attrs *inner)
{
	struct nlattr *tb[SNAPSET_A_MAX + 1];

	memset(inner, 0, sizeof(*inner));
	if (!attrs->a[attr] ||
	    nla_parse(tb, SNAPSET_A_MAX, nla_data(attrs->a[attr]),
		      nla_len(attrs->a[attr]), NULL) < 0)
		return false;
	for (int i = 0; i <= SNAPSET_A_MAX; i++)
		inner->a[i] = tb[i];
	return true;
}
