/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nlmsg.h - between the files of the door: what a message looks like.
 */
#ifndef SNAPSET_NLMSG_H
#define SNAPSET_NLMSG_H

#include <net/genetlink.h>
#include "control.h"
#include "say.h"

/* netlink.c */
extern struct genl_family snapset_genl_family;

enum {
	SNAPSET_MCGRP_EVENTS_INDEX,
};

struct snapset_files;
struct snapset_store;

/* command.c */
struct snapset_command {
	/* What the policy cannot say about the form; may be NULL. */
	int (*check)(struct genl_info *info);
	/* An error comes with its sentence; @reply is not for the silent. */
	int (*run)(struct sk_buff *skb, struct genl_info *info, struct sk_buff *reply);
	/*
	 * What only the asker's task can find, into info->user_ptr[0]; and what is left of
	 * that behind run(), or if that is not called. May be NULL.
	 */
	int (*begin)(struct genl_info *info);
	void (*end)(struct genl_info *info);
	bool silent;			/* the acknowledgement is the answer */
	bool slow;			/* may wait: run() is called by a worker (request.h) */
	u8 slow_with;			/* likewise, if there is this attribute */
	u8 needs[4];			/* attributes, 0 ends; a SESSION is checked */
};

extern const struct snapset_command snapset_commands[SNAPSET_CMD_MAX + 1];

/*
 * netlink.c: runs the command and sends its answer, but for the acknowledgement; calls its
 * end(). Checked and begun is the request.
 */
int snapset_command_answer(const struct snapset_command *command, struct sk_buff *skb,
			   struct genl_info *info);

/* event.c: from here on there is, or is no longer, a group to send to. */
void snapset_event_door(bool open);

/* nlmsg.c: -EMSGSIZE if it does not fit. */
int snapset_put_id(struct sk_buff *skb, int attr, const snapset_id *id);
int snapset_put_set(struct sk_buff *skb, const struct snapset_set_info *set);
int snapset_put_snap(struct sk_buff *skb, const struct snapset_snap_info *snap);
/* What a set failed at: PHASE [NAME] [ERRNO]; @name may be NULL or "", @err a -errno or 0. */
int snapset_put_failure(struct sk_buff *skb, u32 phase, const char *name, int err);
int snapset_put_u64(struct sk_buff *skb, int attr, u64 value);
/* nlmsg-store.c, likewise: of a set; and of a store as it is now, for events */
int snapset_put_store(struct sk_buff *skb, const struct snapset_set_info *set);
int snapset_put_store_now(struct sk_buff *skb, struct snapset_store *store);

/*
 * nlmsg.c: the form of attributes, as functions for the policies. They refuse with a
 * sentence and point at the attribute. A flag is declared binary, since the
 * kernel's own check of a flag has another errno.
 */
int snapset_check_id(const struct nlattr *nla, struct netlink_ext_ack *extack);
int snapset_check_name(const struct nlattr *nla, struct netlink_ext_ack *extack);
int snapset_check_label(const struct nlattr *nla, struct netlink_ext_ack *extack);
int snapset_check_flag(const struct nlattr *nla, struct netlink_ext_ack *extack);

#define SNAPSET_POLICY_ID	NLA_POLICY_VALIDATE_FN(NLA_BINARY, snapset_check_id)
#define SNAPSET_POLICY_NAME	NLA_POLICY_VALIDATE_FN(NLA_NUL_STRING, snapset_check_name)
#define SNAPSET_POLICY_LABEL	NLA_POLICY_VALIDATE_FN(NLA_NUL_STRING, snapset_check_label)
#define SNAPSET_POLICY_FLAG	NLA_POLICY_VALIDATE_FN(NLA_BINARY, snapset_check_flag)

/* A refusal with a sentence that points at the attribute. */
#define snapset_refuse(extack, nla, err, fmt, ...) ({			\
	NL_SET_BAD_ATTR(extack, nla);					\
	snapset_say(extack, err, fmt, ##__VA_ARGS__);			\
})

/* What has passed its policy. */
static inline const snapset_id *snapset_id_of(const struct nlattr *nla)
{
	return nla_data(nla);
}

static inline const char *snapset_name_of(const struct nlattr *nla)
{
	return nla ? nla_data(nla) : "";
}

static inline u64 snapset_session_of(const struct genl_info *info)
{
	return nla_get_u64(info->attrs[SNAPSET_A_SESSION]);
}

/* nlmsg.c: the meaning of a request's attributes; refused with a sentence, too. */

/* From the two attributes, which may be NULL. */
int snapset_get_dev(const struct nlattr *major, const struct nlattr *minor,
		    dev_t *dev, struct netlink_ext_ack *extack);
int snapset_get_params(struct genl_info *info, struct snapset_params *p);
/* From the attribute, which may be NULL: 0, there is none. */
int snapset_get_quota(const struct nlattr *nla, u64 *quota, struct netlink_ext_ack *extack);
/* From the attribute, which may be NULL, into @arg. */
int snapset_get_above(const struct nlattr *nla, struct snapset_add_arg *arg,
		      struct netlink_ext_ack *extack);
/* nlmsg-store.c: of a STORE, but for its files */
int snapset_get_store(struct genl_info *info, struct snapset_params *p);
/* The files of a STORE; NULL: it has none. By the asker's task, whose descriptors they are. */
int snapset_get_files(struct genl_info *info, struct snapset_files **files);

/* nlmsg-do.c: of SET_DO. Checks the form of file systems to freeze and counts them. */
int snapset_count_freeze(struct genl_info *info, unsigned int *nr);
/* Array of *@nr file systems, to be freed by put_freeze(). */
int snapset_get_freeze(struct genl_info *info, struct snapset_freeze_arg **args,
		       unsigned int *nr);
/* @paths: also drops the references that nobody took over. */
void snapset_put_freeze(struct snapset_freeze_arg *args, unsigned int nr, bool paths);
/* Checks their form and counts them. */
int snapset_count_members(struct genl_info *info, unsigned int *nr);
/* Array of *@nr members, to be freed by kvfree(). */
int snapset_get_members(struct genl_info *info, struct snapset_member_arg **args,
			unsigned int *nr);

extern const struct nla_policy snapset_store_policy[SNAPSET_A_STORE_ID + 1];
extern const struct nla_policy snapset_freeze_policy[SNAPSET_A_FD + 1];
extern const struct nla_policy snapset_member_policy[SNAPSET_A_FROZEN + 1];

#endif
