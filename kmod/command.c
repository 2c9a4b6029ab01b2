// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands, one function each: attributes to a call of control.h and its
 * result into the answer. What holds for all of them was checked by the door,
 * netlink.c. An answer has room for what a command puts into it, so that
 * nothing is done that cannot be told.
 */
#include <linux/slab.h>
#include "counters.h"
#include "hook.h"
#include "nlmsg.h"
#include "range.h"
#include "say.h"
#include "session.h"

static int session_open(struct sk_buff *skb, struct genl_info *info,
			struct sk_buff *reply)
{
	u64 cookie;
	int err;

	err = snapset_session_open(skb, &cookie, info->extack);
	if (err)
		return err;
	return nla_put_u64_64bit(reply, SNAPSET_A_SESSION, cookie, SNAPSET_A_PAD);
}

static int info_get(struct sk_buff *skb, struct genl_info *info,
		    struct sk_buff *reply)
{
	char *counters;
	int err;

	counters = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!counters)
		return -ENOMEM;
	snapset_counters_print(counters, PAGE_SIZE);
	err = nla_put_string(reply, SNAPSET_A_VERSION, SNAPSET_VERSION) ||
	      nla_put_string(reply, SNAPSET_A_HOOK, snapset_hook_name()) ||
	      nla_put_u32(reply, SNAPSET_A_GRANULE_SIZE, SNAPSET_GRANULE_SIZE) ||
	      nla_put_string(reply, SNAPSET_A_COUNTERS, counters) ? -EMSGSIZE : 0;
	kfree(counters);
	return err;
}

static int set_start(struct sk_buff *skb, struct genl_info *info,
		     struct sk_buff *reply)
{
	struct snapset_params params;
	snapset_id id;
	int err;

	err = snapset_get_params(info, &params);
	if (!err)
		err = snapset_set_start(snapset_session_of(info), &params, &id, info->extack);
	if (err)
		return err;
	return snapset_put_id(reply, SNAPSET_A_SET_ID, &id);
}

static int set_add(struct sk_buff *skb, struct genl_info *info,
		   struct sk_buff *reply)
{
	snapset_id set_id, snap_id;
	const char *name;
	dev_t dev;
	int err;

	err = snapset_get_id(info, SNAPSET_A_SET_ID, &set_id);
	if (!err)
		err = snapset_get_dev(info->attrs[SNAPSET_A_DEV_MAJOR],
				      info->attrs[SNAPSET_A_DEV_MINOR],
				      &dev, info->extack);
	if (!err)
		err = snapset_get_name(info->attrs[SNAPSET_A_NAME], &name, info->extack);
	if (!err)
		err = snapset_set_add(snapset_session_of(info), &set_id, dev, name,
				      &snap_id, info->extack);
	if (err)
		return err;
	return snapset_put_id(reply, SNAPSET_A_SNAP_ID, &snap_id);
}

static int set_do(struct sk_buff *skb, struct genl_info *info,
		  struct sk_buff *reply)
{
	struct snapset_freeze_arg *freeze;
	snapset_id set_id;
	unsigned int nr;
	int err;

	err = snapset_get_id(info, SNAPSET_A_SET_ID, &set_id);
	if (!err)
		err = snapset_get_freeze(info, &freeze, &nr);
	if (err)
		return err;
	err = snapset_set_do(snapset_session_of(info), &set_id, freeze, nr, info->extack);
	snapset_put_freeze(freeze, nr, err);
	return err;
}

static int set_cancel(struct sk_buff *skb, struct genl_info *info,
		      struct sk_buff *reply)
{
	snapset_id set_id;
	s32 code;
	int err;

	err = snapset_get_id(info, SNAPSET_A_SET_ID, &set_id);
	if (!err)
		err = snapset_set_cancel(snapset_session_of(info), &set_id, &code, info->extack);
	if (err)
		return err;
	return nla_put_u32(reply, SNAPSET_A_CODE, code);
}

static int set_get(struct sk_buff *skb, struct genl_info *info,
		   struct sk_buff *reply)
{
	struct snapset_set_info set = {};
	snapset_id id;
	int err;

	err = snapset_get_id(info, SNAPSET_A_SET_ID, &id);
	if (err)
		return err;
	err = snapset_set_info(&id, &set);
	if (err)
		return snapset_no_such(info->extack, err, "set");
	return snapset_put_set(reply, &set);
}

static int snap_get(struct sk_buff *skb, struct genl_info *info,
		    struct sk_buff *reply)
{
	struct snapset_snap_info snap = {};
	snapset_id id;
	int err;

	if (info->attrs[SNAPSET_A_SET_ID])
		return snapset_say(info->extack, -EINVAL,
				   "SET_ID selects only in a dump");
	err = snapset_get_id(info, SNAPSET_A_SNAP_ID, &id);
	if (err)
		return err;
	err = snapset_snap_info(&id, &snap);
	if (err)
		return snapset_no_such(info->extack, err, "snapshot");
	return snapset_put_snap(reply, &snap);
}

static int del(struct sk_buff *skb, struct genl_info *info,
		  struct sk_buff *reply)
{
	bool set = info->attrs[SNAPSET_A_SET_ID], snap = info->attrs[SNAPSET_A_SNAP_ID];
	bool force = nla_get_flag(info->attrs[SNAPSET_A_FORCE]);
	snapset_id id;
	u32 deleted;
	int err;

	if (set == snap)
		return snapset_say(info->extack, -EINVAL,
				   "either SET_ID or SNAP_ID says what to delete");
	err = snapset_get_id(info, set ? SNAPSET_A_SET_ID : SNAPSET_A_SNAP_ID, &id);
	if (err)
		return err;
	if (set)
		err = snapset_delete_set(&id, force, &deleted, info->extack);
	else
		err = snapset_delete_snap(&id, force, &deleted, info->extack);
	if (err)
		return err;
	return nla_put_u32(reply, SNAPSET_A_DELETED, deleted);
}

const struct snapset_command snapset_commands[SNAPSET_CMD_MAX + 1] = {
	[SNAPSET_CMD_SESSION_OPEN] = { session_open },
	[SNAPSET_CMD_INFO_GET]	= { info_get },
	[SNAPSET_CMD_SET_START]	= { set_start, false, { SNAPSET_A_SESSION } },
	[SNAPSET_CMD_SET_ADD]	= { set_add, false, {
		SNAPSET_A_SESSION, SNAPSET_A_SET_ID, SNAPSET_A_DEV_MAJOR,
		SNAPSET_A_DEV_MINOR } },
	[SNAPSET_CMD_SET_DO]	= { set_do, true, {
		SNAPSET_A_SESSION, SNAPSET_A_SET_ID } },
	[SNAPSET_CMD_SET_CANCEL] = { set_cancel, false, {
		SNAPSET_A_SESSION, SNAPSET_A_SET_ID } },
	[SNAPSET_CMD_SET_GET]	= { set_get, false, { SNAPSET_A_SET_ID } },
	[SNAPSET_CMD_SNAP_GET]	= { snap_get, false, { SNAPSET_A_SNAP_ID } },
	[SNAPSET_CMD_DELETE]	= { del },
};
