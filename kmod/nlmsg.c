// SPDX-License-Identifier: GPL-2.0-only
/*
 * From attributes to what they mean, and back.
 *
 * Lengths and limits are checked by functions of ours and not by the policies'
 * own means, which would refuse with -ERANGE, without a sentence that names the
 * limit, and differently from one kernel to the next.
 */
#include <linux/types.h>
#include <linux/kdev_t.h>
#include "nlmsg.h"
#include "range.h"
#include "say.h"

#define MAX_MAJOR	(1U << (32 - MINORBITS))
#define MAX_MINOR	(1U << MINORBITS)

int snapset_check_id(const struct nlattr *nla, struct netlink_ext_ack *extack)
{
	if (nla_len(nla) != SNAPSET_ID_LEN)
		return snapset_refuse(extack, nla, -EINVAL, "an id has %d bytes, not %d",
			      SNAPSET_ID_LEN, nla_len(nla));
	return 0;
}

int snapset_check_name(const struct nlattr *nla, struct netlink_ext_ack *extack)
{
	size_t len = strlen(nla_data(nla));

	if (len > SNAPSET_NAME_MAX)
		return snapset_refuse(extack, nla, -EINVAL, "a name has at most %d bytes, not %zu",
			      SNAPSET_NAME_MAX, len);
	return 0;
}

int snapset_check_label(const struct nlattr *nla, struct netlink_ext_ack *extack)
{
	size_t len = strlen(nla_data(nla));

	if (len > SNAPSET_LABEL_MAX)
		return snapset_refuse(extack, nla, -EINVAL, "a label has at most %d bytes, not %zu",
				      SNAPSET_LABEL_MAX, len);
	return 0;
}

int snapset_check_flag(const struct nlattr *nla, struct netlink_ext_ack *extack)
{
	if (nla_len(nla))
		return snapset_refuse(extack, nla, -EINVAL, "a flag has no value");
	return 0;
}

int snapset_put_id(struct sk_buff *skb, int attr, const snapset_id *id)
{
	return nla_put(skb, attr, sizeof(id->b), id->b);
}

int snapset_put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, SNAPSET_A_PAD);
}

static int put_text(struct sk_buff *skb, s32 code, const char *text)
{
	return nla_put_u32(skb, SNAPSET_A_CODE, code) ||
	       (*text && nla_put_string(skb, SNAPSET_A_TEXT, text));
}

int snapset_put_failure(struct sk_buff *skb, u32 phase, const char *name, int err)
{
	return nla_put_u32(skb, SNAPSET_A_PHASE, phase) ||
	       (name && *name && nla_put_string(skb, SNAPSET_A_NAME, name)) ||
	       (err && nla_put_u32(skb, SNAPSET_A_ERRNO, -err));
}

int snapset_put_set(struct sk_buff *skb, const struct snapset_set_info *set)
{
	if (snapset_put_id(skb, SNAPSET_A_SET_ID, &set->id) ||
	    nla_put_u32(skb, SNAPSET_A_STATE, set->state) ||
	    put_text(skb, set->code, set->text) ||
	    nla_put_u32(skb, SNAPSET_A_ATTRS,
			set->attrs | SNAPSET_ATTR_DIFFERENTIAL) ||
	    nla_put_u32(skb, SNAPSET_A_MEMBERS, set->members) ||
	    (set->session && snapset_put_u64(skb, SNAPSET_A_SESSION, set->session)) ||
	    snapset_put_failure(skb, set->phase, set->waits_for, set->err) ||
	    snapset_put_u64(skb, SNAPSET_A_ELAPSED_NS, set->elapsed_ns) ||
	    snapset_put_u64(skb, SNAPSET_A_DEADLINE_NS, set->deadline_ns) ||
	    snapset_put_u64(skb, SNAPSET_A_T_PREPARE, set->t_prepare) ||
	    snapset_put_u64(skb, SNAPSET_A_T_FREEZE, set->t_freeze) ||
	    snapset_put_u64(skb, SNAPSET_A_T_HOLD, set->t_hold) ||
	    snapset_put_u64(skb, SNAPSET_A_T_DRAIN, set->t_drain) ||
	    snapset_put_u64(skb, SNAPSET_A_T_FROZEN, set->t_frozen) ||
	    snapset_put_u64(skb, SNAPSET_A_T_TOTAL, set->t_total) ||
	    snapset_put_u64(skb, SNAPSET_A_PARKED, set->parked) ||
	    snapset_put_u64(skb, SNAPSET_A_CREATED, set->created) ||
	    snapset_put_u64(skb, SNAPSET_A_BUDGET, set->budget) ||
	    snapset_put_u64(skb, SNAPSET_A_INDEX_LIMIT, set->index_limit))
		return -EMSGSIZE;
	if (nla_put_u32(skb, SNAPSET_A_FULL, set->full) ||
	    nla_put_u32(skb, SNAPSET_A_FULL_WAIT_MS, set->full_wait_ms) ||
	    nla_put_u32(skb, SNAPSET_A_FULL_WAITS, set->full_waits) ||
	    nla_put_u32(skb, SNAPSET_A_FULL_DROPPED, set->full_dropped) ||
	    nla_put_u32(skb, SNAPSET_A_CONSISTENCY, set->consistency) ||
	    (set->expire_s && nla_put_u32(skb, SNAPSET_A_EXPIRE_S, set->expire_s)) ||
	    (*set->label && nla_put_string(skb, SNAPSET_A_LABEL, set->label)) ||
	    nla_put_u32(skb, SNAPSET_A_OWNER_PID, set->owner.pid) ||
	    nla_put_string(skb, SNAPSET_A_OWNER_COMM, set->owner.comm))
		return -EMSGSIZE;
	return snapset_put_store(skb, set);
}

int snapset_put_snap(struct sk_buff *skb, const struct snapset_snap_info *snap)
{
	if (snapset_put_id(skb, SNAPSET_A_SNAP_ID, &snap->id) ||
	    snapset_put_id(skb, SNAPSET_A_SET_ID, &snap->set_id) ||
	    nla_put_string(skb, SNAPSET_A_NAME, snap->name) ||
	    nla_put_u32(skb, SNAPSET_A_DEV_MAJOR, MAJOR(snap->origin)) ||
	    nla_put_u32(skb, SNAPSET_A_DEV_MINOR, MINOR(snap->origin)) ||
	    nla_put_u32(skb, SNAPSET_A_STATE, snap->state) ||
	    snapset_put_u64(skb, SNAPSET_A_SIZE, snap->size) ||
	    nla_put_u32(skb, SNAPSET_A_BLOCK_SIZE, snap->block_size) ||
	    nla_put_u32(skb, SNAPSET_A_CONSISTENCY, snap->consistency) ||
	    (*snap->frozen && nla_put_string(skb, SNAPSET_A_FROZEN, snap->frozen)) ||
	    (snap->quota && snapset_put_u64(skb, SNAPSET_A_QUOTA, snap->quota)))
		return -EMSGSIZE;
	if (snap->state == SNAPSET_SNAP_DEAD &&
	    put_text(skb, snap->code, snap->text))
		return -EMSGSIZE;
	if (snap->published &&
	    (nla_put_u32(skb, SNAPSET_A_IMAGE_MAJOR, MAJOR(snap->image)) ||
	     nla_put_u32(skb, SNAPSET_A_IMAGE_MINOR, MINOR(snap->image)) ||
	     nla_put_string(skb, SNAPSET_A_IMAGE_NAME, snap->image_name) ||
	     nla_put_u32(skb, SNAPSET_A_OPENERS, snap->openers) ||
	     snapset_put_u64(skb, SNAPSET_A_CREATED, snap->created) ||
	     snapset_put_u64(skb, SNAPSET_A_T_DRAIN, snap->t_drain) ||
	     snapset_put_u64(skb, SNAPSET_A_COPIED, snap->copied) ||
	     snapset_put_u64(skb, SNAPSET_A_STORED, snap->stored) ||
	     snapset_put_u64(skb, SNAPSET_A_IN_RAM, snap->in_ram) ||
	     snapset_put_u64(skb, SNAPSET_A_INDEX, snap->index) ||
	     snapset_put_u64(skb, SNAPSET_A_ALLOCATED, snap->allocated) ||
	     (snap->counted && snapset_put_u64(skb, SNAPSET_A_EXCLUSIVE, snap->exclusive))))
		return -EMSGSIZE;
	return 0;
}

int snapset_get_dev(const struct nlattr *major, const struct nlattr *minor,
		    dev_t *dev, struct netlink_ext_ack *extack)
{
	if (!major || !minor)
		return snapset_say(extack, -EINVAL,
				   "a device needs both its major and its minor number");
	if (nla_get_u32(major) >= MAX_MAJOR)
		return snapset_refuse(extack, major, -EINVAL,
			      "%u is no major number", nla_get_u32(major));
	if (nla_get_u32(minor) >= MAX_MINOR)
		return snapset_refuse(extack, minor, -EINVAL,
			      "%u is no minor number", nla_get_u32(minor));
	*dev = MKDEV(nla_get_u32(major), nla_get_u32(minor));
	return 0;
}

static int get_ms(struct genl_info *info, int attr, const char *what,
		  u32 min, u32 max, u32 *ms)
{
	const struct nlattr *nla = info->attrs[attr];

	if (!nla)
		return 0;
	*ms = nla_get_u32(nla);
	if (*ms < min || *ms > max)
		return snapset_refuse(info->extack, nla, -EINVAL,
			      "%s timeout must be %u..%u ms, not %u",
			      what, min, max, *ms);
	return 0;
}

static int get_full(struct genl_info *info, struct snapset_params *p)
{
	const struct nlattr *nla = info->attrs[SNAPSET_A_FULL];
	const struct nlattr *wait = info->attrs[SNAPSET_A_FULL_WAIT_MS];

	if (nla)
		p->full = nla_get_u32(nla);
	if (p->full > SNAPSET_FULL_WAIT)
		return snapset_refuse(info->extack, nla, -EINVAL,
				      "nothing is known of %u to do when a store is full", p->full);
	if (wait && p->full == SNAPSET_FULL_SET)
		return snapset_refuse(info->extack, wait, -EINVAL,
				      "nobody waits for room: the set is given up when the store is full");
	return get_ms(info, SNAPSET_A_FULL_WAIT_MS, "full wait", 1, 60000, &p->full_wait_ms);
}

int snapset_get_quota(const struct nlattr *nla, u64 *quota, struct netlink_ext_ack *extack)
{
	*quota = nla ? nla_get_u64(nla) : 0;
	if (nla && *quota < SNAPSET_GRANULE_SIZE)
		return snapset_refuse(extack, nla, -EINVAL,
				      "a quota has room for one granule at least: %u bytes",
				      SNAPSET_GRANULE_SIZE);
	return 0;
}

int snapset_get_above(const struct nlattr *nla, struct snapset_add_arg *arg,
		      struct netlink_ext_ack *extack)
{
	const u32 *pair;
	unsigned int i;

	arg->nr_above = 0;
	if (!nla)
		return 0;
	if (!nla_len(nla) || nla_len(nla) % (2 * sizeof(*pair)))
		return snapset_refuse(extack, nla, -EINVAL,
				      "what stands above is pairs of numbers of 4 bytes, major and minor: %d bytes are not",
				      nla_len(nla));
	if (nla_len(nla) / (2 * sizeof(*pair)) > SNAPSET_MAX_ABOVE)
		return snapset_refuse(extack, nla, -E2BIG,
				      "%zu devices above are more than %d",
				      nla_len(nla) / (2 * sizeof(*pair)), SNAPSET_MAX_ABOVE);
	pair = nla_data(nla);
	for (i = 0; i < nla_len(nla) / (2 * sizeof(*pair)); i++, pair += 2) {
		if (pair[0] >= MAX_MAJOR || pair[1] >= MAX_MINOR)
			return snapset_refuse(extack, nla, -EINVAL,
					      "%u:%u is no device", pair[0], pair[1]);
		arg->above[i] = MKDEV(pair[0], pair[1]);
	}
	arg->nr_above = i;
	return 0;
}

static int get_expire(struct genl_info *info, struct snapset_params *p)
{
	const struct nlattr *nla = info->attrs[SNAPSET_A_EXPIRE_S];

	if (!nla)
		return 0;
	p->expire_s = nla_get_u32(nla);
	if (!p->expire_s || p->expire_s > SNAPSET_EXPIRE_MAX_S)
		return snapset_refuse(info->extack, nla, -EINVAL,
				      "a set expires after 1..%u s, not %u",
				      SNAPSET_EXPIRE_MAX_S, p->expire_s);
	return 0;
}

int snapset_get_params(struct genl_info *info, struct snapset_params *p)
{
	const u32 known = SNAPSET_ATTR_NO_AUTO_RELEASE |
			  SNAPSET_ATTR_NO_WRITERS | SNAPSET_ATTR_DIFFERENTIAL;
	const struct nlattr *nla;
	int err;

	memset(p, 0, sizeof(*p));
	nla = info->attrs[SNAPSET_A_ATTRS];
	if (nla) {
		p->attrs = nla_get_u32(nla);
		if (p->attrs & ~known)
			return snapset_refuse(info->extack, nla, -EINVAL,
				      "snapshot attributes 0x%x are not supported",
				      p->attrs & ~known);
	}
	err = get_ms(info, SNAPSET_A_HOLD_TIMEOUT_MS, "hold", 1, 10000, &p->hold_ms);
	if (!err)
		err = get_ms(info, SNAPSET_A_FREEZE_TIMEOUT_MS, "freeze",
			     1, 60000, &p->freeze_ms);
	if (!err)
		err = get_ms(info, SNAPSET_A_STALL_TIMEOUT_MS, "stall",
			     100, 60000, &p->stall_ms);
	if (err)
		return err;
	nla = info->attrs[SNAPSET_A_BUDGET];
	if (nla) {
		p->budget = nla_get_u64(nla);
		if (p->budget < 1 << 20 || p->budget > 1 << 30)
			return snapset_refuse(info->extack, nla, -EINVAL,
				      "budget must be 1 MiB..1 GiB, not %llu bytes",
				      p->budget);
	}
	nla = info->attrs[SNAPSET_A_INDEX_LIMIT];
	if (nla) {
		p->index_limit = nla_get_u64(nla);
		if (p->index_limit < 1 << 20)
			return snapset_refuse(info->extack, nla, -EINVAL,
				      "the limit of the index must be 1 MiB at least, not %llu bytes",
				      p->index_limit);
	}
	err = get_full(info, p) ?: get_expire(info, p);
	if (err)
		return err;
	if (info->attrs[SNAPSET_A_LABEL])
		strscpy(p->label, nla_data(info->attrs[SNAPSET_A_LABEL]), sizeof(p->label));
	return info->attrs[SNAPSET_A_STORE] ? snapset_get_store(info, p) : 0;
}
