// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Why a store is in memory, which nobody has asked for: what kept the file systems that are
 * here from holding it. In a few words, as of all other places.
 */
#include <stdio.h>

#include "storage.h"

#define MIB	(1ull << 20)

void snapi_memory_why(const struct snapi_site *sites, unsigned int nr, uint64_t volumes,
		      char text[256])
{
	const struct snapi_site *best = NULL;
	unsigned int snapshots = 0;

	for (unsigned int i = 0; i < nr; i++) {
		snapshots += sites[i].closed && !sites[i].stacked;
		if (!sites[i].closed && (!best || sites[i].avail > best->avail))
			best = &sites[i];
	}
	if (best)
		snprintf(text, 256, "as no file system here has room for it: half of the %llu MiB that are free in %.80s, which has the most, is less than %llu MiB%s",
			 (unsigned long long)(best->avail / MIB), best->directory,
			 (unsigned long long)(snapi_place_need(volumes) / MIB),
			 snapshots ? "; others have snapshots" : "");
	else if (snapshots)
		snprintf(text, 256, "as no file system here can hold it that has no snapshots itself");
	else if (nr)
		snprintf(text, 256, "as no file system here can hold it that is not above or below a volume of the set");
	else
		snprintf(text, 256, "as no file system here can hold it: none is ext4, xfs or btrfs, on one device, and writable");
}
