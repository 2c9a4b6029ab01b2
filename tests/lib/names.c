// SPDX-License-Identifier: GPL-2.0-only
/* Instead of resolve.c: the names of the made-up /sys of tree.c. */
#include <errno.h>
#include <string.h>

#include "internal.h"

snap_status snapi_resolve(const char *arg, struct snapi_volume *vol,
			  struct snapi_error *e)
{
	static const struct { const char *name; int minor; } known[] = {
		{ "vda", 0 }, { "vda1", 1 }, { "vda2", 2 }, { "vdd", 48 },
	};

	memset(e, 0, sizeof(*e));
	memset(vol, 0, sizeof(*vol));
	if (arg && !strncmp(arg, "/dev/", 5))
		arg += 5;
	for (size_t i = 0; arg && i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcmp(arg, known[i].name)) {
			vol->dev = makedev(8, known[i].minor);
			strcpy(vol->name, arg);
			return SNAP_S_OK;
		}
	}
	snapi_error_set(e, SNAP_E_OBJECT_NOT_FOUND, ENOENT, arg, "nothing is called %s",
			arg ? arg : "nothing");
	return e->code;
}

snap_status snapi_resolve_all(const char *arg, struct snapi_volume *vol,
			      struct snapi_blks *all, struct snapi_error *e)
{
	if (!snapi_resolve(arg, vol, e) && snapi_blks_add(all, vol->dev, SNAPI_SELF, 0))
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
	return e->code;
}

snap_status snapi_resolve_device_only(const char *arg, struct snapi_volume *vol,
				      struct snapi_error *e)
{
	return snapi_resolve(arg, vol, e);
}
