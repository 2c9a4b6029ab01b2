/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SNAPSET_COMPAT_GENETLINK_H
#define SNAPSET_COMPAT_GENETLINK_H

#include_next <net/genetlink.h>
#include <linux/version.h>

/* 6.1. Older ones cannot tell which attribute was missed but by words. */
#ifndef GENL_REQ_ATTR_CHECK
#define GENL_REQ_ATTR_CHECK(info, attr)	(!(info)->attrs[attr])
#endif

/*
 * A multicast group that only CAP_SYS_ADMIN may join. 6.7, and in the stable
 * series under two names; a kernel that has neither lets everybody listen.
 */
#if defined(GENL_MCAST_CAP_SYS_ADMIN)
#define SNAPSET_MCGRP_CAP_SYS_ADMIN	.flags = GENL_MCAST_CAP_SYS_ADMIN,
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(5, 10, 204) && \
	LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#define SNAPSET_MCGRP_CAP_SYS_ADMIN	.cap_sys_admin = 1,
#else
#define SNAPSET_MCGRP_CAP_SYS_ADMIN
#endif

#endif
