// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sequence numbers must leave in order, so one mutex is around giving the
 * number and sending. Nothing inside waits for a disk: an event may be sent
 * while writes are held and file systems are frozen, and then memory that has
 * to be written out first will not come back before we go on. So GFP_NOIO; and
 * __GFP_NORETRY, since even without I/O of its own an allocation would wait
 * for others' reclaim for ever rather than fail.
 *
 * A message for which there was no memory is reported to the listeners as what it is
 * to them: an overrun of their sockets (ENOBUFS), after which they ask for the
 * state of things. The gap in the sequence would tell them only with the next
 * event, and there may be none.
 */
#include <linux/mutex.h>
#include "event.h"
#include "fault.h"
#include "nlmsg.h"

#define GFP_EVENT (GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN)

static DEFINE_MUTEX(event_mutex);	/* innermost; guards the two below */
static u64 last_seq;
static bool door_open;

void snapset_event_door(bool open)
{
	mutex_lock(&event_mutex);
	door_open = open;
	mutex_unlock(&event_mutex);
}

static int fill(struct sk_buff *skb, u64 seq, const struct snapset_event_arg *arg)
{
	void *head = genlmsg_put(skb, 0, 0, &snapset_genl_family, 0, SNAPSET_CMD_EVENT);

	if (!head ||
	    nla_put_u32(skb, SNAPSET_A_EVENT, arg->event) ||
	    nla_put_u64_64bit(skb, SNAPSET_A_SEQ, seq, SNAPSET_A_PAD) ||
	    (arg->set_id && snapset_put_id(skb, SNAPSET_A_SET_ID, arg->set_id)) ||
	    (arg->snap_id && snapset_put_id(skb, SNAPSET_A_SNAP_ID, arg->snap_id)) ||
	    (arg->state >= 0 && nla_put_u32(skb, SNAPSET_A_STATE, arg->state)) ||
	    nla_put_u32(skb, SNAPSET_A_CODE, arg->code) ||
	    (arg->text && nla_put_string(skb, SNAPSET_A_TEXT, arg->text)) ||
	    (arg->failed &&
	     snapset_put_failure(skb, arg->failed_phase, arg->blamed, arg->err)) ||
	    (arg->created && nla_put_u32(skb, SNAPSET_A_CONSISTENCY, arg->consistency)) ||
	    (arg->store && snapset_put_store_now(skb, arg->store)))
		return -EMSGSIZE;
	genlmsg_end(skb, head);
	return 0;
}

static void send(u64 seq, const struct snapset_event_arg *arg)
{
	struct sk_buff *skb;

	/* room for a text and a name of any length we make, and the rest */
	skb = snapset_may_fail(genlmsg_new(1280, GFP_EVENT));
	if (!skb || WARN_ON_ONCE(fill(skb, seq, arg))) {
		nlmsg_free(skb);
		genl_set_err(&snapset_genl_family, &init_net, 0,
			     SNAPSET_MCGRP_EVENTS_INDEX, -ENOBUFS);
		return;
	}
	/* A listener that cannot keep up is told by netlink itself. */
	genlmsg_multicast(&snapset_genl_family, skb, 0,
			  SNAPSET_MCGRP_EVENTS_INDEX, GFP_EVENT);
}

void snapset_event_send(const struct snapset_event_arg *arg)
{
	mutex_lock(&event_mutex);
	last_seq++;
	if (door_open && genl_has_listeners(&snapset_genl_family, &init_net,
					    SNAPSET_MCGRP_EVENTS_INDEX))
		send(last_seq, arg);
	mutex_unlock(&event_mutex);
}
