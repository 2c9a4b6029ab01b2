// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a message says of a store, and what of one that is to be.
 */
#include <linux/file.h>
#include <linux/slab.h>
#include "fault.h"
#include "nlmsg.h"
#include "pin.h"
#include "range.h"
#include "say.h"
#include "store.h"

const struct nla_policy snapset_store_policy[SNAPSET_A_STORE_ID + 1] = {
	[SNAPSET_A_STORE_KIND]	= { .type = NLA_U32 },
	[SNAPSET_A_STORE_MAJOR]	= { .type = NLA_U32 },
	[SNAPSET_A_STORE_MINOR]	= { .type = NLA_U32 },
	[SNAPSET_A_STORE_LIMIT]	= { .type = NLA_U64 },
	[SNAPSET_A_FD]		= { .type = NLA_U32 },
	[SNAPSET_A_STORE_KEEP]	= SNAPSET_POLICY_FLAG,
	[SNAPSET_A_STORE_ID]	= { .type = NLA_U64 },
};

static int put_totals(struct sk_buff *skb, u64 id, u32 kind, u64 size, u64 used, u64 rate)
{
	return snapset_put_u64(skb, SNAPSET_A_STORE_ID, id) ||
	       nla_put_u32(skb, SNAPSET_A_STORE_KIND, kind) ||
	       snapset_put_u64(skb, SNAPSET_A_STORE_SIZE, size) ||
	       snapset_put_u64(skb, SNAPSET_A_STORE_USED, used) ||
	       snapset_put_u64(skb, SNAPSET_A_STORE_RATE, rate);
}

int snapset_put_store_now(struct sk_buff *skb, struct snapset_store *store)
{
	struct nlattr *nest = nla_nest_start(skb, SNAPSET_A_STORE);
	struct snapset_store_totals t;

	snapset_store_count(store, &t);
	if (!nest || put_totals(skb, store->id, store->kind, t.size << SNAPSET_GRANULE_SHIFT,
				t.used << SNAPSET_GRANULE_SHIFT, t.rate))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

int snapset_put_store(struct sk_buff *skb, const struct snapset_set_info *set)
{
	struct nlattr *nest = nla_nest_start(skb, SNAPSET_A_STORE);

	if (!nest)
		return -EMSGSIZE;
	if (put_totals(skb, set->store_id, set->store_kind, set->store_size, set->store_used,
		       set->store_rate))
		return -EMSGSIZE;
	if (set->store_kind == SNAPSET_STORE_BDEV &&
	    (nla_put_u32(skb, SNAPSET_A_STORE_MAJOR, MAJOR(set->store_dev)) ||
	     nla_put_u32(skb, SNAPSET_A_STORE_MINOR, MINOR(set->store_dev))))
		return -EMSGSIZE;
	if (set->store_files && nla_put_u32(skb, SNAPSET_A_STORE_FILES, set->store_files))
		return -EMSGSIZE;
	if (*set->store_path && nla_put_string(skb, SNAPSET_A_STORE_PATH, set->store_path))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* What is for another kind of store. */
static int check_store(const struct nlattr *kind, struct nlattr **tb,
		       struct netlink_ext_ack *extack)
{
	const struct nlattr *dev = tb[SNAPSET_A_STORE_MAJOR] ?: tb[SNAPSET_A_STORE_MINOR];
	const struct nlattr *limit = tb[SNAPSET_A_STORE_LIMIT], *fd = tb[SNAPSET_A_FD];
	u32 k = nla_get_u32(kind);

	if (k > SNAPSET_STORE_FILE)
		return snapset_refuse(extack, kind, -EINVAL, "store kind %u is unknown", k);
	if (dev && k != SNAPSET_STORE_BDEV)
		return snapset_refuse(extack, dev, -EINVAL,
				      "only a block device store has a device");
	if (limit && k != SNAPSET_STORE_MEMORY)
		return snapset_refuse(extack, limit, -EINVAL, "only a memory store has a limit");
	if (fd && k != SNAPSET_STORE_FILE)
		return snapset_refuse(extack, fd, -EINVAL, "only a file store has files");
	if (!fd && k == SNAPSET_STORE_FILE)
		return snapset_refuse(extack, kind, -EINVAL,
			      "a file store needs a file descriptor: FD is missing");
	if (tb[SNAPSET_A_STORE_KEEP] && k != SNAPSET_STORE_FILE)
		return snapset_refuse(extack, tb[SNAPSET_A_STORE_KEEP], -EINVAL,
			      "only a file can be kept");
	if (limit && nla_get_u64(limit) < SNAPSET_GRANULE_SIZE)
		return snapset_refuse(extack, limit, -EINVAL,
			      "a store has room for one granule at least: %u bytes",
			      SNAPSET_GRANULE_SIZE);
	return 0;
}

/* Whose store it was first has said what it is. */
static int check_shared(struct nlattr **tb, struct genl_info *info)
{
	int i;

	for (i = 1; i < SNAPSET_A_STORE_ID; i++)
		if (tb[i] && i != SNAPSET_A_PAD)
			return snapset_refuse(info->extack, tb[i], -EINVAL,
				      "what is shared is as it is: nothing goes with STORE_ID");
	if (info->genlhdr->cmd != SNAPSET_CMD_SET_START || !nla_get_u64(tb[SNAPSET_A_STORE_ID]))
		return snapset_refuse(info->extack, tb[SNAPSET_A_STORE_ID], -EINVAL,
			      "there is no such store to be shared");
	return 0;
}

static int parse_store(struct genl_info *info, struct nlattr **tb)
{
	const struct nlattr *nest = info->attrs[SNAPSET_A_STORE];
	int err;

	err = nla_parse_nested(tb, SNAPSET_A_STORE_ID, nest, snapset_store_policy,
			       info->extack);
	if (err)
		return err;
	if (tb[SNAPSET_A_STORE_ID])
		return check_shared(tb, info);
	if (!tb[SNAPSET_A_STORE_KIND])
		return snapset_refuse(info->extack, nest, -EINVAL,
			      "a store needs its kind: STORE_KIND is missing");
	return check_store(tb[SNAPSET_A_STORE_KIND], tb, info->extack);
}

int snapset_get_store(struct genl_info *info, struct snapset_params *p)
{
	struct nlattr *tb[SNAPSET_A_STORE_ID + 1];
	int err = parse_store(info, tb);

	if (err)
		return err;
	if (tb[SNAPSET_A_STORE_ID]) {
		p->store_id = nla_get_u64(tb[SNAPSET_A_STORE_ID]);
		return 0;
	}
	p->store_kind = nla_get_u32(tb[SNAPSET_A_STORE_KIND]);
	if (tb[SNAPSET_A_STORE_LIMIT])
		p->store_limit = nla_get_u64(tb[SNAPSET_A_STORE_LIMIT]);
	if (p->store_kind == SNAPSET_STORE_BDEV)
		return snapset_get_dev(tb[SNAPSET_A_STORE_MAJOR],
				       tb[SNAPSET_A_STORE_MINOR], &p->store_dev,
				       info->extack);
	return 0;
}

int snapset_get_files(struct genl_info *info, struct snapset_files **files)
{
	struct nlattr *tb[SNAPSET_A_STORE_ID + 1];
	const struct nlattr *nla;
	struct snapset_files *f;
	int rem, err;

	*files = NULL;
	if (!info->attrs[SNAPSET_A_STORE])
		return 0;
	err = parse_store(info, tb);
	if (err || tb[SNAPSET_A_STORE_ID] ||
	    nla_get_u32(tb[SNAPSET_A_STORE_KIND]) != SNAPSET_STORE_FILE)
		return err;
	f = snapset_may_fail(kzalloc(sizeof(*f), GFP_KERNEL));
	if (!f)
		return snapset_say(info->extack, -ENOMEM, "no memory for the files of a store");
	f->keep = tb[SNAPSET_A_STORE_KEEP];
	nla_for_each_nested(nla, info->attrs[SNAPSET_A_STORE], rem) {
		if (nla_type(nla) != SNAPSET_A_FD)
			continue;
		err = -E2BIG;
		if (f->nr == SNAPSET_PIN_FILES) {
			snapset_say(info->extack, err, "a store has at most %d files",
				    SNAPSET_PIN_FILES);
			goto put;
		}
		err = -EINVAL;
		f->file[f->nr] = fget(nla_get_u32(nla));
		if (!f->file[f->nr]) {
			snapset_refuse(info->extack, nla, err, "file descriptor %u is not open",
				       nla_get_u32(nla));
			goto put;
		}
		f->nr++;
	}
	*files = f;
	return 0;

put:
	snapset_files_put(f);
	return err;
}
