/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session.h - who owns a set: a cookie that lives as long as its socket.
 *
 * A session belongs to the socket that opened it and to no other: a command
 * with its cookie is refused on any other socket, so that a cookie read from a
 * dump gives nobody power over the set. It ends when the last reference to that
 * socket is closed (a child that inherits it keeps it alive).
 */
#ifndef SNAPSET_SESSION_H
#define SNAPSET_SESSION_H

#include <linux/types.h>

struct netlink_ext_ack;
struct sk_buff;

/* @skb: the request. -EEXIST if its socket has a session already. */
int snapset_session_open(struct sk_buff *skb, u64 *cookie,
			 struct netlink_ext_ack *extack);

/*
 * -EPROTO if there is no such session, -EPERM if it is another socket's. While
 * the handler runs its socket is open, and so the session cannot end; a worker that
 * serves the request asks again when it is done.
 */
int snapset_session_check(struct sk_buff *skb, u64 cookie,
			  struct netlink_ext_ack *extack);

struct snapset_owner;

/* Who has opened it; zeros, if it is over. */
void snapset_session_owner(u64 cookie, struct snapset_owner *owner);

/* Its socket has not been closed. Who asks may see that a moment late. */
bool snapset_session_lives(u64 cookie);

int snapset_session_init(void);
/* No request is served any more. Ends every session and waits for that. */
void snapset_session_exit(void);

#endif
