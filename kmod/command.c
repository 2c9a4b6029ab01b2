// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands, one function each: attributes to a call of control.h and its
 * result into the answer. What holds for all of them was checked by the door,
 * netlink.c. An answer has room for what a command puts into it, so that
 * nothing is done that cannot be told.
 */
#include <linux/device_cgroup.h>
#include <linux/slab.h>
#include "counters.h"
#include "fault.h"
#include "hook.h"
#include "nlmsg.h"
#include "pin.h"
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

	counters = snapset_may_fail(kmalloc(PAGE_SIZE, GFP_KERNEL));
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

/* What opens the device is a worker, which may open any: so the asker is asked here. */
static int may_open(dev_t dev, short access, struct netlink_ext_ack *extack)
{
	if (!devcgroup_check_permission(DEVCG_DEV_BLOCK, MAJOR(dev), MINOR(dev), access))
		return 0;
	return snapset_say(extack, -EPERM, "the caller's device cgroup does not let it use %u:%u",
			   MAJOR(dev), MINOR(dev));
}

static int check_start(struct genl_info *info)
{
	struct snapset_params params;
	int err = snapset_get_params(info, &params);

	if (err || params.store_id || params.store_kind != SNAPSET_STORE_BDEV)
		return err;
	return may_open(params.store_dev, DEVCG_ACC_READ | DEVCG_ACC_WRITE, info->extack);
}

static int begin_files(struct genl_info *info)
{
	struct snapset_files *files;
	int err = snapset_get_files(info, &files);

	if (!err)
		info->user_ptr[0] = files;
	return err;
}

static void end_files(struct genl_info *info)
{
	snapset_files_put(info->user_ptr[0]);
}

static int pin_files(struct genl_info *info, struct snapset_pins **pins)
{
	struct snapset_files *files = info->user_ptr[0];

	*pins = NULL;
	if (!files)
		return 0;
	info->user_ptr[0] = NULL;
	*pins = snapset_pin(files, info->extack);
	return PTR_ERR_OR_ZERO(*pins);
}

static int set_start(struct sk_buff *skb, struct genl_info *info,
		     struct sk_buff *reply)
{
	u64 session = snapset_session_of(info);
	struct snapset_params params;
	snapset_id id;
	int err;

	err = snapset_get_params(info, &params);
	if (!err)
		err = pin_files(info, &params.pins);
	if (!err)
		err = snapset_set_start(session, &params, &id, info->extack);
	if (err)
		return err;
	/* its end may have come before there was a set for it */
	if (!snapset_session_lives(session)) {
		snapset_owner_died(session);
		return snapset_say(info->extack, -EPROTO, "the session has ended");
	}
	return snapset_put_id(reply, SNAPSET_A_SET_ID, &id);
}

static int check_add(struct genl_info *info)
{
	struct snapset_add_arg arg;
	dev_t dev;

	return snapset_get_dev(info->attrs[SNAPSET_A_DEV_MAJOR],
			       info->attrs[SNAPSET_A_DEV_MINOR], &dev, info->extack) ?:
	       snapset_get_quota(info->attrs[SNAPSET_A_QUOTA], &arg.quota, info->extack) ?:
	       snapset_get_above(info->attrs[SNAPSET_A_ABOVE], &arg, info->extack) ?:
	       may_open(dev, DEVCG_ACC_READ, info->extack);
}

static int set_add(struct sk_buff *skb, struct genl_info *info,
		   struct sk_buff *reply)
{
	struct snapset_add_arg arg = { .noflush = info->attrs[SNAPSET_A_NOFLUSH] };
	snapset_id snap_id;
	dev_t dev;
	int err;

	err = snapset_get_dev(info->attrs[SNAPSET_A_DEV_MAJOR],
			      info->attrs[SNAPSET_A_DEV_MINOR], &dev, info->extack);
	if (!err)
		err = snapset_get_quota(info->attrs[SNAPSET_A_QUOTA], &arg.quota,
					info->extack) ?:
		      snapset_get_above(info->attrs[SNAPSET_A_ABOVE], &arg, info->extack);
	if (!err)
		err = snapset_set_add(snapset_session_of(info),
				      snapset_id_of(info->attrs[SNAPSET_A_SET_ID]),
				      dev, snapset_name_of(info->attrs[SNAPSET_A_NAME]),
				      &arg, &snap_id, info->extack);
	if (err)
		return err;
	return snapset_put_id(reply, SNAPSET_A_SNAP_ID, &snap_id);
}

static int check_do(struct genl_info *info)
{
	unsigned int nr;

	return snapset_count_freeze(info, &nr) ?: snapset_count_members(info, &nr);
}

static int set_do(struct sk_buff *skb, struct genl_info *info,
		  struct sk_buff *reply)
{
	struct snapset_member_arg *members;
	struct snapset_freeze_arg *freeze;
	unsigned int nr, nr_members;
	int err;

	err = snapset_get_members(info, &members, &nr_members);
	if (err)
		return err;
	err = snapset_get_freeze(info, &freeze, &nr);
	if (err)
		goto free;
	err = snapset_set_do(snapset_session_of(info),
			     snapset_id_of(info->attrs[SNAPSET_A_SET_ID]),
			     freeze, nr, members, nr_members, info->extack);
	snapset_put_freeze(freeze, nr, err);
free:
	kvfree(members);
	return err;
}

static int set_cancel(struct sk_buff *skb, struct genl_info *info,
		      struct sk_buff *reply)
{
	s32 code;
	int err;

	err = snapset_set_cancel(snapset_session_of(info),
				 snapset_id_of(info->attrs[SNAPSET_A_SET_ID]),
				 &code, info->extack);
	if (err)
		return err;
	return nla_put_u32(reply, SNAPSET_A_CODE, code);
}

static int no_such(struct netlink_ext_ack *extack, int err, const char *what)
{
	return err == -ENOENT ? snapset_say(extack, err, "there is no such %s", what) : err;
}

static int set_get(struct sk_buff *skb, struct genl_info *info,
		   struct sk_buff *reply)
{
	struct snapset_set_info set = {};
	int err;

	err = snapset_set_info(snapset_id_of(info->attrs[SNAPSET_A_SET_ID]), &set);
	if (err)
		return no_such(info->extack, err, "set");
	return snapset_put_set(reply, &set);
}

static int snap_get(struct sk_buff *skb, struct genl_info *info,
		    struct sk_buff *reply)
{
	struct snapset_snap_info snap = {};
	int err;

	if (info->attrs[SNAPSET_A_SET_ID])
		return snapset_say(info->extack, -EINVAL,
				   "SET_ID selects only in a dump");
	err = snapset_snap_info(snapset_id_of(info->attrs[SNAPSET_A_SNAP_ID]),
				info->attrs[SNAPSET_A_COUNT_EXCLUSIVE], &snap);
	if (err)
		return no_such(info->extack, err, "snapshot");
	return snapset_put_snap(reply, &snap);
}

static int del(struct sk_buff *skb, struct genl_info *info, struct sk_buff *reply)
{
	const struct nlattr *set = info->attrs[SNAPSET_A_SET_ID];
	const struct nlattr *snap = info->attrs[SNAPSET_A_SNAP_ID];
	bool force = info->attrs[SNAPSET_A_FORCE];
	u64 session = 0;
	u32 deleted;
	int err;

	if (!set == !snap)
		return snapset_say(info->extack, -EINVAL,
				   "either SET_ID or SNAP_ID says what to delete");
	if (info->attrs[SNAPSET_A_SESSION]) {
		if (!set)
			return snapset_say(info->extack, -EINVAL,
					   "SESSION goes with SET_ID only");
		session = snapset_session_of(info);
		err = snapset_session_check(skb, session, info->extack);
		if (err)
			return err;
	}
	if (set)
		err = snapset_delete_set(snapset_id_of(set), session, force, &deleted,
					 info->extack);
	else
		err = snapset_delete_snap(snapset_id_of(snap), force, &deleted,
					  info->extack);
	if (err)
		return err;
	return nla_put_u32(reply, SNAPSET_A_DELETED, deleted);
}

static int store_extend(struct sk_buff *skb, struct genl_info *info,
			struct sk_buff *reply)
{
	struct snapset_pins *pins;
	int err;

	err = pin_files(info, &pins);
	if (err)
		return err;
	if (!pins)
		return snapset_say(info->extack, -EINVAL,
				   "only a file store can be extended, by a file");
	return snapset_store_extend(snapset_id_of(info->attrs[SNAPSET_A_SET_ID]), pins,
				    info->extack);
}

static int set_adopt(struct sk_buff *skb, struct genl_info *info, struct sk_buff *reply)
{
	const struct nlattr *attrs = info->attrs[SNAPSET_A_ATTRS];
	u32 keep = attrs ? nla_get_u32(attrs) : 0;

	if (keep & ~SNAPSET_ATTR_NO_AUTO_RELEASE)
		return snapset_refuse(info->extack, attrs, -EINVAL,
				      "of the attributes only NO_AUTO_RELEASE can be changed");
	return snapset_set_adopt(snapset_session_of(info),
				 snapset_id_of(info->attrs[SNAPSET_A_SET_ID]), keep,
				 info->extack);
}

const struct snapset_command snapset_commands[SNAPSET_CMD_MAX + 1] = {
	[SNAPSET_CMD_SESSION_OPEN] = {
		.run = session_open,
	},
	[SNAPSET_CMD_INFO_GET] = {
		.run = info_get,
	},
	[SNAPSET_CMD_SET_START] = {
		.check = check_start,
		.begin = begin_files,
		.run = set_start,
		.end = end_files,
		.slow = true,
		.needs = { SNAPSET_A_SESSION },
	},
	[SNAPSET_CMD_SET_ADD] = {
		.check = check_add,
		.run = set_add,
		.slow = true,
		.needs = { SNAPSET_A_SESSION, SNAPSET_A_SET_ID,
			   SNAPSET_A_DEV_MAJOR, SNAPSET_A_DEV_MINOR },
	},
	[SNAPSET_CMD_SET_DO] = {
		.check = check_do,
		.run = set_do,
		.silent = true,
		.needs = { SNAPSET_A_SESSION, SNAPSET_A_SET_ID },
	},
	[SNAPSET_CMD_SET_CANCEL] = {
		.run = set_cancel,
		.needs = { SNAPSET_A_SESSION, SNAPSET_A_SET_ID },
	},
	[SNAPSET_CMD_SET_GET] = {
		.run = set_get,
		.needs = { SNAPSET_A_SET_ID },
	},
	[SNAPSET_CMD_SNAP_GET] = {
		.run = snap_get,
		.slow_with = SNAPSET_A_COUNT_EXCLUSIVE,
		.needs = { SNAPSET_A_SNAP_ID },
	},
	[SNAPSET_CMD_DELETE] = {
		.run = del,
	},
	[SNAPSET_CMD_STORE_EXTEND] = {
		.begin = begin_files,
		.run = store_extend,
		.end = end_files,
		.silent = true,
		.slow = true,
		.needs = { SNAPSET_A_SET_ID, SNAPSET_A_STORE },
	},
	[SNAPSET_CMD_SET_ADOPT] = {
		.run = set_adopt,
		.silent = true,
		.needs = { SNAPSET_A_SESSION, SNAPSET_A_SET_ID },
	},
};
