// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Whether discards of a member may be kept from it. A discard says that what is there is
 * not needed any more, and to pass it on would mean to copy all of it first. Only a parity
 * raid counts on what its legs give back afterwards. So all that stands on the member is
 * looked at, up to what holds files; what is not known is taken for such a raid.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "internal.h"

static bool has(dev_t dev, const char *sub)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/dev/block/%u:%u/%s", snapi_sysfs,
		 major(dev), minor(dev), sub);
	return access(path, F_OK) == 0;
}

/* [0] is the member, whose own kind does not matter. */
static bool passes_discards(const struct snapi_blk *v)
{
	if (v->how == SNAPI_SELF || v->how == SNAPI_PARTITION || v->how == SNAPI_DISK)
		return true;
	return has(v->dev, "dm") && snapi_dm_passes_discards(v->dev);
}

int snapi_above(dev_t dev, struct snapi_blks *above)
{
	int err = snapi_blks_above(above, dev);
	bool known = !err && above->nr <= SNAPSET_MAX_ABOVE;

	for (unsigned int i = 0; known && i < above->nr; i++)
		known = passes_discards(&above->v[i]);
	if (!known)
		snapi_blks_free(above);
	return err;
}
