// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether the module is there, which it is not to be asked: the question would load it. The
 * kernel tells when a family of generic netlink comes or goes, and so when the module does.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "tool.h"

bool module_is_loaded(void)
{
	FILE *f = fopen("/sys/module/snapset/initstate", "re");
	char state[16] = "";
	bool there;

	/* One that is going would be loaded again by the question. */
	there = f && fgets(state, sizeof(state), f) && strcmp(state, "going\n");
	if (f)
		fclose(f);
	return there;
}

int module_listen(void)
{
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int group = GENL_ID_CTRL, err;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);

	if (fd < 0)
		return -1;
	if (!bind(fd, (struct sockaddr *)&any, sizeof(any)) &&
	    !setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

bool module_changed(int fd)
{
	bool changed = false;
	char byte;

	while (recv(fd, &byte, 1, 0) >= 0 || errno == ENOBUFS || errno == EINTR)
		changed = true;
	return changed;
}
