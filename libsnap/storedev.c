// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A block device that is to be a store: the kernel writes over all of it, so what is
 * somebody's is refused. What was a store before has the kernel's labels, which libblkid
 * takes for nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <blkid/blkid.h>

#include "internal.h"

/* What is found there, for a sentence; "" if nothing is. */
static void what_it_carries(blkid_probe pr, char what[100])
{
	const char *value;
	int found;

	*what = 0;
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE);
	blkid_probe_enable_partitions(pr, 1);
	found = blkid_do_safeprobe(pr);
	if (found == -2)		/* several, of which each might be right */
		snprintf(what, 100, "several signatures");
	else if (found)
		return;
	else if (!blkid_probe_lookup_value(pr, "TYPE", &value, NULL))
		snprintf(what, 100, "%.80s", value);
	else if (!blkid_probe_lookup_value(pr, "PTTYPE", &value, NULL))
		snprintf(what, 100, "a partition table (%.60s)", value);
	else
		snprintf(what, 100, "a signature");
}

snap_status snapi_store_device_check(const struct snapi_volume *vol, struct snapi_error *e)
{
	char name[64], path[128], what[100] = "";
	blkid_probe pr;

	snapi_blk_name(vol->dev, name);
	snprintf(path, sizeof(path), "%s/%s", snapi_devices, name);
	pr = blkid_new_probe_from_filename(path);
	if (pr)			/* else the kernel will say why not */
		what_it_carries(pr, what);
	blkid_free_probe(pr);
	if (*what)
		snapi_error_set(e, SNAP_E_INVALIDARG, EEXIST, vol->name,
				"%s cannot be a store: it carries %s, which would be overwritten; if nobody needs that: wipefs -a %s",
				vol->name, what, path);
	return e->code;
}

/* udev looks what it is now, and takes the links away that led to what it was. */
void snapi_store_device_taken(dev_t dev)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/dev/block/%u:%u/uevent", snapi_sysfs, major(dev),
		 minor(dev));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, "change", 6) < 0) {
		/* it looks when something else tells it to */
	}
	close(fd);
}
