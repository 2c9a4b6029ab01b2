// SPDX-License-Identifier: GPL-2.0-only
/* Devices that have snapshots, with the sums of these. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "tool.h"

bool devices_add(struct devices *d, const struct snap_snapshot_props *p)
{
	struct device *v, *one = NULL;

	for (unsigned int i = 0; i < d->nr && !one; i++)
		if (d->v[i].major == p->origin_major && d->v[i].minor == p->origin_minor)
			one = &d->v[i];
	if (!one) {
		v = realloc(d->v, (d->nr + 1) * sizeof(*v));
		if (!v)
			return false;
		d->v = v;
		one = &d->v[d->nr++];
		memset(one, 0, sizeof(*one));
		one->major = p->origin_major;
		one->minor = p->origin_minor;
		memcpy(one->name, p->origin, sizeof(one->name));
	}
	one->snapshots++;
	one->copied += p->copied;
	one->allocated += p->allocated;
	return true;
}

void devices_print(const struct devices *d)
{
	bool several = false;

	for (unsigned int i = 0; i < d->nr; i++)
		several |= d->v[i].snapshots > 1;
	if (!several)		/* the list has said it all */
		return;
	printf("\n%-36s  %9s  %9s  %9s\n", "DEVICE", "SNAPSHOTS", "KEPT", "ALLOCATED");
	for (unsigned int i = 0; i < d->nr; i++) {
		const struct device *one = &d->v[i];
		char copied[16], allocated[16], number[32];

		format_size(one->copied, copied);
		format_size(one->allocated, allocated);
		snprintf(number, sizeof(number), "%" PRIu32 ":%" PRIu32, one->major, one->minor);
		printf("%-36s  %9u  %9s  %9s\n", *one->name ? one->name : number,
		       one->snapshots, copied, allocated);
	}
}

struct json_object *json_devices(const struct devices *d)
{
	struct json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < d->nr; i++) {
		const struct device *one = &d->v[i];
		struct json_object *o = json_object_new_object();
		char number[32];

		snprintf(number, sizeof(number), "%" PRIu32 ":%" PRIu32, one->major, one->minor);
		json_object_object_add(o, "origin", json_text(one->name));
		json_object_object_add(o, "origin_dev", json_object_new_string(number));
		json_object_object_add(o, "snapshots", json_object_new_int64(one->snapshots));
		json_object_object_add(o, "copied", json_object_new_int64((int64_t)one->copied));
		json_object_object_add(o, "allocated",
				       json_object_new_int64((int64_t)one->allocated));
		json_object_array_add(list, o);
	}
	return list;
}
