/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * request.h - a command that may wait, served by a worker.
 *
 * While a handler runs no family of generic netlink can be registered or unregistered
 * anywhere in the system, and when somebody wants to, no other handler begins. So what
 * opens a device, asks a file system or goes through much memory is not done in one. The
 * asker sees no difference: its answer and its acknowledgement come, in this order, when
 * they are there.
 */
#ifndef SNAPSET_REQUEST_H
#define SNAPSET_REQUEST_H

#include <linux/types.h>

struct genl_info;
struct sk_buff;
struct snapset_command;

/*
 * Takes the request over: -EINTR, which is how netlink is told that the acknowledgement
 * does not come from it; or an error with its sentence, and nothing has happened. In the
 * handler, when all that can be said of the attributes has been said: a refusal of the
 * worker points at none.
 */
int snapset_request_begin(struct sk_buff *skb, struct genl_info *info,
			  const struct snapset_command *command);

/*
 * The asker of a request has closed its socket: its port may be another's by then, or will be
 * in a few instructions, who then gets an answer to what it has not asked.
 */
bool snapset_asker_gone(const struct sk_buff *skb);

int snapset_request_init(void);
/* No handler runs any more. Waits for every request that was taken over. */
void snapset_request_exit(void);

#endif
