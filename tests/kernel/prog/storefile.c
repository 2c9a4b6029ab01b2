// SPDX-License-Identifier: GPL-2.0-only
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/snapset.h>

#include "storefile.h"
#include "util.h"

#define SECTOR	512u
#define EACH	16u		/* labels at each end: two pages */

int store_file(const char *path, uint64_t size)
{
	uint64_t sectors = size / SECTOR, s, i;
	struct snapset_store_label label = { .magic = SNAPSET_STORE_MAGIC };
	char sector[SECTOR] = { 0 };
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), flags = 0, err;

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	/* btrfs: else it would be copied on write; others know no such flag */
	if (!ioctl(fd, FS_IOC_GETFLAGS, &flags)) {
		flags |= FS_NOCOW_FL;
		ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
	err = posix_fallocate(fd, 0, (off_t)size);
	if (err)
		die("%s: %s", path, strerror(err));
	memcpy(label.id, path, strlen(path) < 16 ? strlen(path) : 16);
	for (i = 0; i < 2 * EACH; i++) {
		s = i < EACH ? i : sectors - 2 * EACH + i;
		label.sector = htole64(s);
		memcpy(sector, &label, sizeof(label));
		if (write_at(fd, sector, SECTOR, s * SECTOR))
			die("%s: no label", path);
	}
	if (fsync(fd))
		die("%s: %s", path, strerror(errno));
	return fd;
}
