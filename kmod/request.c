// SPDX-License-Identifier: GPL-2.0-only
/*
 * A request lives in its message, which is kept, and belongs to a socket, of which there
 * is a reference as well: to acknowledge netlink looks into it.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/sock.h>
#include "fault.h"
#include "nlmsg.h"
#include "request.h"
#include "say.h"

struct deferred {
	struct work_struct work;
	const struct snapset_command *command;
	struct sk_buff *skb;		/* a reference */
	struct sock *sk;		/* the asker's; likewise */
	struct genl_info info;
	struct nlattr *attrs[SNAPSET_A_MAX + 1];
	struct netlink_ext_ack extack;
};

/* One must not wait for another. Not for reclaim: it opens devices, which is not either. */
static struct workqueue_struct *request_wq;

bool snapset_asker_gone(const struct sk_buff *skb)
{
	return sock_flag(NETLINK_CB(skb).sk, SOCK_DEAD);
}

static void request_work(struct work_struct *work)
{
	struct deferred *r = container_of(work, struct deferred, work);
	struct nlmsghdr *nlh = (struct nlmsghdr *)r->info.nlhdr;
	int err;

	snapset_fault("request");
	err = snapset_command_answer(r->command, r->skb, &r->info);
	/* netlink would look for it where the message no longer begins */
	r->extack.bad_attr = NULL;
	if ((err || nlh->nlmsg_flags & NLM_F_ACK) && !snapset_asker_gone(r->skb))
		netlink_ack(r->skb, nlh, err, &r->extack);
	sock_put(r->sk);
	consume_skb(r->skb);
	kfree(r);
	module_put(THIS_MODULE);	/* exit destroys our queue after it */
}

int snapset_request_begin(struct sk_buff *skb, struct genl_info *info,
			  const struct snapset_command *command)
{
	struct deferred *r = snapset_may_fail(kzalloc(sizeof(*r), GFP_KERNEL));

	if (!r)
		return snapset_say(info->extack, -ENOMEM, "no memory to serve a request");
	INIT_WORK(&r->work, request_work);
	r->command = command;
	r->info = *info;
	r->info.attrs = r->attrs;
	r->info.extack = &r->extack;
	/* the handler's array goes with it; that the form is right was checked for that one */
	nla_parse_deprecated(r->attrs, SNAPSET_A_MAX, genlmsg_data(info->genlhdr),
			     genlmsg_len(info->genlhdr), NULL, NULL);
	r->skb = skb_get(skb);
	r->sk = NETLINK_CB(skb).sk;
	sock_hold(r->sk);
	__module_get(THIS_MODULE);	/* a device that does not open would keep rmmod */
	queue_work(request_wq, &r->work);
	return -EINTR;
}

int snapset_request_init(void)
{
	request_wq = alloc_workqueue("snapset-request", WQ_UNBOUND, WQ_MAX_ACTIVE);
	return request_wq ? 0 : -ENOMEM;
}

void snapset_request_exit(void)
{
	destroy_workqueue(request_wq);
}
