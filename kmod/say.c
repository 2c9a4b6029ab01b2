// SPDX-License-Identifier: GPL-2.0-only
#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/netlink.h>
#include "say.h"

#define RING 64
#define LEN 256

static char ring[RING][LEN];
static atomic_t turn;

int snapset_say(struct netlink_ext_ack *extack, int err, const char *fmt, ...)
{
	va_list args;
	char *buf;

	if (!extack)
		return err;
	buf = ring[(unsigned int)atomic_inc_return(&turn) % RING];
	va_start(args, fmt);
	vscnprintf(buf, LEN, fmt, args);
	va_end(args);
	extack->_msg = buf;
	return err;
}
