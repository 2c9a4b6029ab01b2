// SPDX-License-Identifier: GPL-2.0-only
/* The mount namespace of another process, for "create --mount-namespace". */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <string.h>

#include "mntns.h"

int enter_namespace(uint32_t pid, struct home *home)
{
	char path[64];
	int fd;

	home->namespace = home->directory = -1;
	if (!pid)
		return EXIT_OK;
	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/ns/mnt", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	home->namespace = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	home->directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || home->namespace < 0 || home->directory < 0 || setns(fd, CLONE_NEWNS))
		return report_failure(errno == ENOENT ? SNAP_E_OBJECT_NOT_FOUND :
				      SNAP_E_ACCESSDENIED, "the mount namespace of process %" PRIu32
				      " cannot be entered: %s", pid, strerror(errno));
	close(fd);
	return EXIT_OK;
}

int leave_namespace(const struct home *home)
{
	if (home->namespace < 0)
		return EXIT_OK;
	if (setns(home->namespace, CLONE_NEWNS) || fchdir(home->directory))
		return report_failure(SNAP_E_UNEXPECTED, "no way back to the own mount namespace: %s",
				      strerror(errno));
	close(home->namespace);
	close(home->directory);
	return EXIT_OK;
}
