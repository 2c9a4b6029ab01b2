// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What device-mapper says of a device's table. By its ioctl, not by libdevmapper: that
 * keeps its control device, and what it logs to, for all of a process that is not ours.
 */
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "internal.h"

#define CONTROL	"/dev/" DM_DIR "/" DM_CONTROL_NODE
#define ROOM	65536		/* for the table; of a longer one the beginning is enough */

/* Its targets, into @dmi, which has ROOM. */
static bool get_table(struct dm_ioctl *dmi, dev_t dev)
{
	int fd = open(CONTROL, O_RDWR | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;	/* no device-mapper here, or not for us */
	dmi->version[0] = 4;
	dmi->data_size = ROOM;
	dmi->data_start = sizeof(*dmi);
	dmi->flags = DM_STATUS_TABLE_FLAG;
	dmi->dev = dev;
	ok = !ioctl(fd, DM_TABLE_STATUS, dmi);
	close(fd);
	return ok && !(dmi->flags & DM_BUFFER_FULL_FLAG);
}

static const struct dm_target_spec *first_target(const struct dm_ioctl *dmi)
{
	return (const void *)((const char *)dmi + dmi->data_start);
}

bool snapi_dm_is_thin(dev_t dev)
{
	struct dm_ioctl *dmi = calloc(1, ROOM);
	bool thin = false;

	if (dmi && get_table(dmi, dev) && dmi->target_count)
		thin = !strcmp(first_target(dmi)->target_type, "thin");
	free(dmi);
	return thin;
}

static bool is_plain(const char *type)
{
	static const char *const plain[] = { "linear", "striped", "crypt", "thin", "thin-pool" };

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (!strcmp(type, plain[i]))
			return true;
	return false;
}

bool snapi_dm_passes_discards(dev_t dev)
{
	struct dm_ioctl *dmi = calloc(1, ROOM);
	bool yes = dmi && get_table(dmi, dev) && dmi->target_count;
	size_t at = yes ? dmi->data_start : 0;

	for (uint32_t i = 0; yes && i < dmi->target_count; i++) {
		const struct dm_target_spec *spec = (const void *)((const char *)dmi + at);

		yes = is_plain(spec->target_type);
		/* from the first target's begin */
		at = dmi->data_start + spec->next;
		yes &= at + sizeof(*spec) <= dmi->data_size || i + 1 == dmi->target_count;
	}
	free(dmi);
	return yes;
}
