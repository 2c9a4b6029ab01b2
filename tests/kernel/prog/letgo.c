// SPDX-License-Identifier: GPL-2.0-only
/*
 * letgo DEVICE MS: so long after the writes of a set have come to be held it resumes a
 * device-mapper device.  One program with a high priority: a hold has its limit, and on a
 * slow machine it can be over before a shell has seen it and has started dmsetup.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nl.h"
#include "util.h"

#define STATE_HELD	3
#define WAIT_S		60
#define EVERY_MS	10

static void look(const struct nl_attrs *a, void *arg)
{
	if (nl_get_u32(a, SNAPSET_A_STATE) == STATE_HELD)
		*(bool *)arg = true;
}

static bool held(struct nl *nl)
{
	struct nl_msg m;
	bool is = false;
	int err;

	nl_begin(nl, &m, SNAPSET_CMD_SET_GET, 0x300 /* NLM_F_DUMP */);
	err = nl_call(nl, &m, look, &is);
	if (err)
		die("the sets cannot be listed: %s", strerror(-err));
	return is;
}

static void resume(int control, const char *name)
{
	struct dm_ioctl d = {
		.version = { DM_VERSION_MAJOR, 0, 0 },
		.data_size = sizeof(d),
	};

	snprintf(d.name, sizeof(d.name), "%s", name);
	if (ioctl(control, DM_DEV_SUSPEND, &d))		/* without DM_SUSPEND_FLAG */
		die("%s cannot be resumed: %m", name);
}

int main(int argc, char **argv)
{
	struct sched_param p = { .sched_priority = 10 };
	uint64_t end = now_ns() + WAIT_S * 1000000000ull;
	int control, err;
	struct nl nl;

	if (argc != 3)
		die("letgo DEVICE MS");
	control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		die("/dev/mapper/control: %m");
	err = nl_open(&nl);
	if (err)
		die("no module: %s", strerror(-err));
	if (sched_setscheduler(0, SCHED_FIFO, &p) || mlockall(MCL_CURRENT | MCL_FUTURE))
		die("no priority: %m");
	while (!held(&nl)) {
		if (now_ns() > end) {
			resume(control, argv[1]);
			die("no writes were held for %u s", WAIT_S);
		}
		sleep_ms(EVERY_MS);
	}
	sleep_ms(number(argv[2]));
	resume(control, argv[1]);
	return 0;
}
