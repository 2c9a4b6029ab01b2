// SPDX-License-Identifier: GPL-2.0-only
/*
 * What SET_DO says: the file systems to freeze, and what that is for each member.
 */
#include <linux/bits.h>
#include <linux/file.h>
#include <linux/path.h>
#include <linux/slab.h>
#include "fault.h"
#include "nlmsg.h"
#include "say.h"

#define MAX_FREEZE	1024	/* file systems of one set */

const struct nla_policy snapset_freeze_policy[SNAPSET_A_FD + 1] = {
	[SNAPSET_A_NAME]	= SNAPSET_POLICY_NAME,
	[SNAPSET_A_FD]		= { .type = NLA_U32 },
};

static int check_frozen(const struct nlattr *nla, struct netlink_ext_ack *extack)
{
	size_t len = strlen(nla_data(nla));

	if (len > SNAPSET_FROZEN_MAX)
		return snapset_refuse(extack, nla, -EINVAL,
				      "what is frozen for a member has at most %d bytes, not %zu",
				      SNAPSET_FROZEN_MAX, len);
	return 0;
}

const struct nla_policy snapset_member_policy[SNAPSET_A_FROZEN + 1] = {
	[SNAPSET_A_SNAP_ID]	= SNAPSET_POLICY_ID,
	[SNAPSET_A_CONSISTENCY]	= { .type = NLA_U32 },
	[SNAPSET_A_FROZEN]	= NLA_POLICY_VALIDATE_FN(NLA_NUL_STRING, check_frozen),
};

/* The family's parser keeps only the last one of several. */
#define for_each_attr(nla, info, rem)					\
	nla_for_each_attr(nla, genlmsg_data((info)->genlhdr),		\
			  genlmsg_len((info)->genlhdr), rem)

int snapset_count_freeze(struct genl_info *info, unsigned int *nr)
{
	struct nlattr *tb[SNAPSET_A_FD + 1];
	const struct nlattr *nla;
	int rem, err;

	*nr = 0;
	for_each_attr(nla, info, rem) {
		if (nla_type(nla) != SNAPSET_A_FREEZE)
			continue;
		err = nla_parse_nested(tb, SNAPSET_A_FD, nla,
				       snapset_freeze_policy, info->extack);
		if (err)
			return err;
		if (!tb[SNAPSET_A_FD])
			return snapset_refuse(info->extack, nla, -EINVAL,
				      "a file system to freeze needs a file descriptor: FD is missing");
		++*nr;
	}
	if (*nr > MAX_FREEZE)
		return snapset_say(info->extack, -E2BIG,
				   "%u file systems to freeze are more than %d",
				   *nr, MAX_FREEZE);
	return 0;
}

/* The file is only a way to name the file system; its path outlives it. */
static int get_freeze_one(const struct nlattr *nest, struct snapset_freeze_arg *arg,
			  struct netlink_ext_ack *extack)
{
	struct nlattr *tb[SNAPSET_A_FD + 1];
	const char *name;
	struct file *file;
	int err;

	err = nla_parse_nested(tb, SNAPSET_A_FD, nest, snapset_freeze_policy, extack);
	if (err)
		return err;
	name = snapset_name_of(tb[SNAPSET_A_NAME]);
	file = fget_raw(nla_get_u32(tb[SNAPSET_A_FD]));
	if (!file)
		return snapset_refuse(extack, tb[SNAPSET_A_FD], -EINVAL,
			      "file descriptor %u of %s is not open",
			      nla_get_u32(tb[SNAPSET_A_FD]),
			      *name ? name : "a file system to freeze");
	arg->path = file->f_path;
	path_get(&arg->path);
	fput(file);
	strscpy(arg->name, name, sizeof(arg->name));
	return 0;
}

int snapset_get_freeze(struct genl_info *info, struct snapset_freeze_arg **args,
		       unsigned int *nr)
{
	const struct nlattr *nla;
	unsigned int count;
	int rem, err;

	*args = NULL;
	*nr = 0;
	err = snapset_count_freeze(info, &count);
	if (err || !count)
		return err;
	*args = snapset_may_fail(kvcalloc(count, sizeof(**args), GFP_KERNEL));
	if (!*args)
		return snapset_say(info->extack, -ENOMEM,
				   "no memory for %u file systems to freeze", count);
	for_each_attr(nla, info, rem) {
		if (nla_type(nla) != SNAPSET_A_FREEZE)
			continue;
		err = get_freeze_one(nla, &(*args)[*nr], info->extack);
		if (err) {
			snapset_put_freeze(*args, *nr, true);
			return err;
		}
		++*nr;
	}
	return 0;
}

void snapset_put_freeze(struct snapset_freeze_arg *args, unsigned int nr, bool paths)
{
	while (paths && nr)
		path_put(&args[--nr].path);
	kvfree(args);
}

/* Into @arg, if it is not NULL. */
static int get_member_one(const struct nlattr *nest, struct snapset_member_arg *arg,
			  struct netlink_ext_ack *extack)
{
	struct nlattr *tb[SNAPSET_A_FROZEN + 1];
	int err;

	err = nla_parse_nested(tb, SNAPSET_A_FROZEN, nest, snapset_member_policy, extack);
	if (err)
		return err;
	if (!tb[SNAPSET_A_SNAP_ID] || !tb[SNAPSET_A_CONSISTENCY])
		return snapset_refuse(extack, nest, -EINVAL,
				      "a member needs a SNAP_ID and a CONSISTENCY");
	if (nla_get_u32(tb[SNAPSET_A_CONSISTENCY]) > SNAPSET_CONSISTENCY_FS)
		return snapset_refuse(extack, tb[SNAPSET_A_CONSISTENCY], -EINVAL,
				      "%u is no consistency",
				      nla_get_u32(tb[SNAPSET_A_CONSISTENCY]));
	if (!arg)
		return 0;
	arg->id = *snapset_id_of(tb[SNAPSET_A_SNAP_ID]);
	arg->consistency = nla_get_u32(tb[SNAPSET_A_CONSISTENCY]);
	strscpy(arg->frozen, snapset_name_of(tb[SNAPSET_A_FROZEN]), sizeof(arg->frozen));
	return 0;
}

int snapset_count_members(struct genl_info *info, unsigned int *nr)
{
	const struct nlattr *nla;
	int rem, err;

	*nr = 0;
	for_each_attr(nla, info, rem) {
		if (nla_type(nla) != SNAPSET_A_MEMBER)
			continue;
		err = get_member_one(nla, NULL, info->extack);
		if (err)
			return err;
		++*nr;
	}
	if (*nr > SNAPSET_MAX_MEMBERS)
		return snapset_say(info->extack, -E2BIG, "%u members are more than %d",
				   *nr, SNAPSET_MAX_MEMBERS);
	return 0;
}

int snapset_get_members(struct genl_info *info, struct snapset_member_arg **args,
			unsigned int *nr)
{
	const struct nlattr *nla;
	unsigned int i = 0;
	int rem, err;

	*args = NULL;
	err = snapset_count_members(info, nr);
	if (err || !*nr)
		return err;
	*args = snapset_may_fail(kvcalloc(*nr, sizeof(**args), GFP_KERNEL));
	if (!*args)
		return snapset_say(info->extack, -ENOMEM, "no memory for %u members", *nr);
	for_each_attr(nla, info, rem)
		if (nla_type(nla) == SNAPSET_A_MEMBER)
			get_member_one(nla, &(*args)[i++], NULL);
	return 0;
}
