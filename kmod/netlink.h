/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netlink.h - the door: registers the family, translates messages to the calls
 * of control.h and keeps nothing but the sessions (cookie <-> socket).
 */
#ifndef SNAPSET_NETLINK_H
#define SNAPSET_NETLINK_H

int snapset_netlink_init(void);
/* No command runs any more, every session has ended and been cleaned up. */
void snapset_netlink_exit(void);

#endif
