// SPDX-License-Identifier: LGPL-2.1-or-later
/* What file system an image has, and how that is mounted read-only. */
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <blkid/blkid.h>

#include "expose.h"

#define ENDS	(1 << 20)	/* bytes: superblocks lie in the first and the last of them */

static bool copy(int from, int to, off_t at, size_t size)
{
	char *buf = malloc(size);
	ssize_t nr = buf ? pread(from, buf, size, at) : -1;
	bool ok = nr > 0 && pwrite(to, buf, nr, at) == nr;

	free(buf);
	return ok;
}

/*
 * libblkid leaves out images, so that it finds their origins; but not files. This one has the
 * size of the image and what lies at its ends. -1: it cannot be read.
 */
static int open_ends(const struct snapi_image *image)
{
	off_t size = (off_t)image->p.bytes;
	off_t tail = size > 2 * ENDS ? size - ENDS : size;
	int fd = open(image->p.device, O_RDONLY | O_CLOEXEC), ends;

	ends = memfd_create("snapset", MFD_CLOEXEC);
	if (fd < 0 || ends < 0 || ftruncate(ends, size) ||
	    !copy(fd, ends, 0, tail < size ? ENDS : (size_t)size) ||
	    (tail < size && !copy(fd, ends, tail, ENDS))) {
		if (ends >= 0)
			close(ends);
		ends = -1;
	}
	if (fd >= 0)
		close(fd);
	return ends;
}

static void value(blkid_probe pr, const char *name, char *text, size_t size)
{
	const char *found;

	text[0] = 0;
	if (!blkid_probe_lookup_value(pr, name, &found, NULL))
		snprintf(text, size, "%s", found);
}

/* As its superblock says, which libblkid does not tell: struct btrfs_super_block, num_devices. */
static uint64_t btrfs_devices(int fd)
{
	uint64_t nr;

	return pread(fd, &nr, sizeof(nr), (64 << 10) + 136) == sizeof(nr) ? le64toh(nr) : 0;
}

void snapi_image_probe(struct snapi_image *image)
{
	int fd = open_ends(image);
	blkid_probe pr = fd < 0 ? NULL : blkid_new_probe();
	char usage[32];

	image->type[0] = 0;
	if (!pr || blkid_probe_set_device(pr, fd, 0, 0))
		goto out;
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE);
	if (!blkid_do_safeprobe(pr)) {
		value(pr, "USAGE", usage, sizeof(usage));
		if (!strcmp(usage, "filesystem"))
			value(pr, "TYPE", image->type, sizeof(image->type));
		/*
		 * The kernel knows the devices of a btrfs by what is written on them: an image that
		 * it has seen stands for the original, the next time that is mounted.
		 */
		image->several = !strcmp(image->type, "btrfs") && btrfs_devices(fd) != 1;
		if (image->several)
			image->type[0] = 0;
	}
out:
	blkid_free_probe(pr);
	if (fd >= 0)
		close(fd);
}

/*
 * An image cannot be written, so no journal can be replayed; one of a frozen file system
 * has an empty one. xfs and btrfs refuse a second file system with a UUID that is in use;
 * xfs can be told.
 */
const char *snapi_image_options(const char *type)
{
	static const struct {
		const char *type, *options;
	} known[] = {
		{ "ext3", "noload" },
		{ "ext4", "noload" },
		{ "xfs", "norecovery,nouuid" },
		{ "btrfs", "norecovery" },
		{ "f2fs", "norecovery" },
		{ "nilfs2", "norecovery" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(type, known[i].type))
			return known[i].options;
	return "";
}
