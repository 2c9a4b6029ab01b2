// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every request comes through one function, so that no command can forget what
 * holds for all: who may ask, which attributes there must be, whose session it
 * is, and that the answer's memory is there before anything is done.
 *
 * The family asks for no capability of its own: that would refuse without a
 * sentence, and GENL_ADMIN_PERM is only CAP_NET_ADMIN, which containers have.
 *
 * An answer can still get lost when the asker does not read its socket. He then
 * sees ENOBUFS, and the dumps show him what was done: sets carry their session.
 *
 * No command takes a lock here: parallel_ops, sets have their own. But a
 * handler keeps families from being registered and unregistered anywhere in
 * the system, so what may wait for long is served by a worker (request.h).
 */
#include <linux/module.h>
#include "fault.h"
#include "netlink.h"
#include "nlmsg.h"
#include "request.h"
#include "say.h"
#include "session.h"

/* The names of those attributes that a command needs. */
static const char * const attr_names[SNAPSET_A_MAX + 1] = {
	[SNAPSET_A_SESSION]	= "SESSION",
	[SNAPSET_A_SET_ID]	= "SET_ID",
	[SNAPSET_A_SNAP_ID]	= "SNAP_ID",
	[SNAPSET_A_DEV_MAJOR]	= "DEV_MAJOR",
	[SNAPSET_A_DEV_MINOR]	= "DEV_MINOR",
	[SNAPSET_A_STORE]	= "STORE",
};

static int may_ask(const struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	/* The caller's and, if others opened the socket, theirs. */
	if (netlink_capable(skb, CAP_SYS_ADMIN))
		return 0;
	return snapset_say(extack, -EPERM,
			   "CAP_SYS_ADMIN in the initial user namespace is needed");
}

static int check_form(struct genl_info *info, const struct snapset_command *command)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(command->needs) && command->needs[i]; i++)
		if (GENL_REQ_ATTR_CHECK(info, command->needs[i]))
			return snapset_say(info->extack, -EINVAL,
					   "attribute %s is missing",
					   attr_names[command->needs[i]]);
	return command->check ? command->check(info) : 0;
}

int snapset_command_answer(const struct snapset_command *command, struct sk_buff *skb,
			   struct genl_info *info)
{
	struct sk_buff *reply = NULL;
	void *head = NULL;
	int err = 0;

	if (!command->silent) {
		reply = snapset_may_fail(genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL));
		if (reply)
			head = genlmsg_put_reply(reply, info, &snapset_genl_family, 0,
						 info->genlhdr->cmd);
		else
			err = snapset_say(info->extack, -ENOMEM, "no memory for an answer");
	}
	if (!err)
		err = command->run(skb, info, reply);
	if (command->end)
		command->end(info);
	if (err || command->silent) {
		nlmsg_free(reply);
		return err;
	}
	genlmsg_end(reply, head);
	if (snapset_asker_gone(skb)) {
		nlmsg_free(reply);
		return 0;
	}
	return genlmsg_reply(reply, info);
}

static bool is_slow(const struct snapset_command *command, const struct genl_info *info)
{
	return command->slow || (command->slow_with && info->attrs[command->slow_with]);
}

static int serve(struct sk_buff *skb, struct genl_info *info)
{
	const struct snapset_command *command = &snapset_commands[info->genlhdr->cmd];
	int err;

	err = may_ask(skb, info->extack);
	if (!err)
		err = check_form(info, command);
	if (!err && command->needs[0] == SNAPSET_A_SESSION)
		err = snapset_session_check(skb, snapset_session_of(info), info->extack);
	if (!err && command->begin)
		err = command->begin(info);
	if (err)
		return err;
	if (!is_slow(command, info))
		return snapset_command_answer(command, skb, info);
	err = snapset_request_begin(skb, info, command);
	if (err != -EINTR && command->end)
		command->end(info);
	return err;
}

/*
 * A dump goes on after the serial number that it last showed. What was there
 * from beginning to end is shown exactly once, whatever comes and goes
 * meanwhile; so there is nothing to interrupt a dump for.
 */
struct cursor {
	u64 after;
	snapset_id set_id;
	bool one_set;
};

static struct cursor *cursor_of(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct cursor) > sizeof(cb->ctx));
	return (struct cursor *)cb->ctx;
}

static int dump_begin(struct netlink_callback *cb, struct netlink_ext_ack *extack)
{
	struct cursor *cursor = cursor_of(cb);
	const struct genlmsghdr *genlhdr = nlmsg_data(cb->nlh);
	const struct nlattr *set, *snap, *count;
	int err;

	err = may_ask(cb->skb, extack);
	if (err)
		return err;
	/* The policy is the one of "do": it knows the form, not what is for a dump. */
	set = nlmsg_find_attr(cb->nlh, GENL_HDRLEN, SNAPSET_A_SET_ID);
	snap = nlmsg_find_attr(cb->nlh, GENL_HDRLEN, SNAPSET_A_SNAP_ID);
	if (snap || (set && genlhdr->cmd == SNAPSET_CMD_SET_GET)) {
		NL_SET_BAD_ATTR(extack, snap ?: set);
		return snapset_say(extack, -EINVAL,
				   "this attribute does not select in a dump");
	}
	/* a dump begins in a handler, and to count takes long */
	count = nlmsg_find_attr(cb->nlh, GENL_HDRLEN, SNAPSET_A_COUNT_EXCLUSIVE);
	if (count) {
		NL_SET_BAD_ATTR(extack, count);
		return snapset_say(extack, -EINVAL,
				   "what is exclusive is counted for one snapshot at a time, not in a dump");
	}
	memset(cursor, 0, sizeof(*cursor));
	if (set) {
		cursor->set_id = *snapset_id_of(set);
		cursor->one_set = true;
	}
	return 0;
}

/*
 * On many kernels nobody gives the start of a dump a place to put a sentence,
 * and an error of the dump itself comes in its last message, where most do not
 * look for one. So a refusal is acknowledged from here; -EINTR is the way to
 * say that this was done.
 */
static int dump_start(struct netlink_callback *cb)
{
	struct netlink_ext_ack extack = {};
	int err = dump_begin(cb, &extack);

	if (!err)
		return 0;
	netlink_ack(cb->skb, (struct nlmsghdr *)cb->nlh, err, &extack);
	return -EINTR;
}

static void *dump_head(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &snapset_genl_family, NLM_F_MULTI, cmd);
}

static int set_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct cursor *cursor = cursor_of(cb);
	struct snapset_set_info set = {};

	while (!snapset_set_next(cursor->after, &set)) {
		void *head = dump_head(skb, cb, SNAPSET_CMD_SET_GET);

		if (!head)
			break;
		if (snapset_put_set(skb, &set)) {
			genlmsg_cancel(skb, head);
			break;
		}
		genlmsg_end(skb, head);
		cursor->after = set.serial;
	}
	return skb->len;
}

static int snap_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct cursor *cursor = cursor_of(cb);
	struct snapset_snap_info snap = {};

	while (!snapset_snap_next(cursor->after, cursor->one_set ? &cursor->set_id : NULL,
				  &snap)) {
		void *head = dump_head(skb, cb, SNAPSET_CMD_SNAP_GET);

		if (!head)
			break;
		if (snapset_put_snap(skb, &snap)) {
			genlmsg_cancel(skb, head);
			break;
		}
		genlmsg_end(skb, head);
		cursor->after = snap.serial;
	}
	return skb->len;
}

/* What a table does not name is refused, in every message and nest. */
static const struct nla_policy none_policy[SNAPSET_A_PAD + 1];

static const struct nla_policy start_policy[] = {
	[SNAPSET_A_SESSION]		= { .type = NLA_U64 },
	[SNAPSET_A_ATTRS]		= { .type = NLA_U32 },
	[SNAPSET_A_HOLD_TIMEOUT_MS]	= { .type = NLA_U32 },
	[SNAPSET_A_FREEZE_TIMEOUT_MS]	= { .type = NLA_U32 },
	[SNAPSET_A_STALL_TIMEOUT_MS]	= { .type = NLA_U32 },
	[SNAPSET_A_BUDGET]		= { .type = NLA_U64 },
	[SNAPSET_A_INDEX_LIMIT]		= { .type = NLA_U64 },
	[SNAPSET_A_STORE]		= NLA_POLICY_NESTED(snapset_store_policy),
	[SNAPSET_A_FULL]		= { .type = NLA_U32 },
	[SNAPSET_A_FULL_WAIT_MS]	= { .type = NLA_U32 },
	[SNAPSET_A_LABEL]		= SNAPSET_POLICY_LABEL,
	[SNAPSET_A_EXPIRE_S]		= { .type = NLA_U32 },
};

static const struct nla_policy add_policy[] = {
	[SNAPSET_A_SESSION]	= { .type = NLA_U64 },
	[SNAPSET_A_SET_ID]	= SNAPSET_POLICY_ID,
	[SNAPSET_A_NAME]	= SNAPSET_POLICY_NAME,
	[SNAPSET_A_DEV_MAJOR]	= { .type = NLA_U32 },
	[SNAPSET_A_DEV_MINOR]	= { .type = NLA_U32 },
	[SNAPSET_A_QUOTA]	= { .type = NLA_U64 },
	[SNAPSET_A_NOFLUSH]	= SNAPSET_POLICY_FLAG,
	[SNAPSET_A_ABOVE]	= { .type = NLA_BINARY },
};

static const struct nla_policy do_policy[] = {
	[SNAPSET_A_SESSION]	= { .type = NLA_U64 },
	[SNAPSET_A_SET_ID]	= SNAPSET_POLICY_ID,
	[SNAPSET_A_FREEZE]	= NLA_POLICY_NESTED(snapset_freeze_policy),
	[SNAPSET_A_MEMBER]	= NLA_POLICY_NESTED(snapset_member_policy),
};

static const struct nla_policy cancel_policy[] = {
	[SNAPSET_A_SESSION]	= { .type = NLA_U64 },
	[SNAPSET_A_SET_ID]	= SNAPSET_POLICY_ID,
};

static const struct nla_policy set_get_policy[] = {
	[SNAPSET_A_SET_ID]	= SNAPSET_POLICY_ID,
};

static const struct nla_policy snap_get_policy[] = {
	[SNAPSET_A_SET_ID]		= SNAPSET_POLICY_ID,
	[SNAPSET_A_SNAP_ID]		= SNAPSET_POLICY_ID,
	[SNAPSET_A_COUNT_EXCLUSIVE]	= SNAPSET_POLICY_FLAG,
};

static const struct nla_policy delete_policy[] = {
	[SNAPSET_A_SESSION]	= { .type = NLA_U64 },
	[SNAPSET_A_SET_ID]	= SNAPSET_POLICY_ID,
	[SNAPSET_A_SNAP_ID]	= SNAPSET_POLICY_ID,
	[SNAPSET_A_FORCE]	= SNAPSET_POLICY_FLAG,
};

static const struct nla_policy extend_policy[] = {
	[SNAPSET_A_SET_ID]	= SNAPSET_POLICY_ID,
	[SNAPSET_A_STORE]	= NLA_POLICY_NESTED(snapset_store_policy),
};

static const struct nla_policy adopt_policy[] = {
	[SNAPSET_A_SESSION]	= { .type = NLA_U64 },
	[SNAPSET_A_SET_ID]	= SNAPSET_POLICY_ID,
	[SNAPSET_A_ATTRS]	= { .type = NLA_U32 },
};

#define OP(name, table)							\
	.cmd = SNAPSET_CMD_##name, .doit = serve,			\
	.policy = table, .maxattr = ARRAY_SIZE(table) - 1

static const struct genl_ops ops[] = {
	{ OP(SESSION_OPEN, none_policy) },
	{ OP(INFO_GET, none_policy) },
	{ OP(SET_START, start_policy) },
	{ OP(SET_ADD, add_policy) },
	{ OP(SET_DO, do_policy) },
	{ OP(SET_CANCEL, cancel_policy) },
	{ OP(SET_GET, set_get_policy), .start = dump_start, .dumpit = set_dump },
	{ OP(SNAP_GET, snap_get_policy), .start = dump_start, .dumpit = snap_dump },
	{ OP(DELETE, delete_policy) },
	{ OP(STORE_EXTEND, extend_policy) },
	{ OP(SET_ADOPT, adopt_policy) },
};

static const struct genl_multicast_group groups[] = {
	[SNAPSET_MCGRP_EVENTS_INDEX] = {
		.name = SNAPSET_MCGRP_EVENTS,
		SNAPSET_MCGRP_CAP_SYS_ADMIN
	},
};

struct genl_family snapset_genl_family __ro_after_init = {
	.name		= SNAPSET_GENL_NAME,
	.version	= SNAPSET_GENL_VERSION,
	.module		= THIS_MODULE,
	.netnsok	= false,	/* devices belong to no network namespace */
	.parallel_ops	= true,
	.ops		= ops,
	.n_ops		= ARRAY_SIZE(ops),
	.mcgrps		= groups,
	.n_mcgrps	= ARRAY_SIZE(groups),
};

int snapset_netlink_init(void)
{
	int err;

	err = snapset_request_init();
	if (err)
		return err;
	err = snapset_session_init();
	if (err)
		goto exit_request;
	err = genl_register_family(&snapset_genl_family);
	if (err)
		goto exit_session;
	snapset_event_door(true);
	return 0;

exit_session:
	snapset_session_exit();
exit_request:
	snapset_request_exit();
	return err;
}

void snapset_netlink_exit(void)
{
	snapset_event_door(false);
	genl_unregister_family(&snapset_genl_family);
	snapset_request_exit();
	snapset_session_exit();
}
