// SPDX-License-Identifier: GPL-2.0-only
/* snapset list */
#include <getopt.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "tool.h"

static const struct option options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "exclusive", no_argument, NULL, 'e' },
	{ "json", no_argument, NULL, 'j' },
	{ 0 }
};

static void print_head(bool exclusive)
{
	printf("%-36s  %-8s  %-14s  %9s  %9s  %9s  %9s", "SNAPSHOT", "SET", "IMAGE", "SIZE",
	       "KEPT", "ALLOCATED", "MAXIMUM");
	if (exclusive)
		printf("  %9s", "EXCLUSIVE");
	printf("  %-9s  %-11s  %-19s  %s\n", "STATE", "CONSISTENCY", "CREATED", "VOLUME");
}

static void print_line(const struct snap_snapshot_props *p, bool exclusive)
{
	char id[SNAP_ID_TEXT_MAX], set[SNAP_ID_TEXT_MAX], created[32];
	char size[16], copied[16], allocated[16], quota[16], alone[16];

	snap_id_format(&p->id, id);
	snap_id_format(&p->set_id, set);
	format_size(p->bytes, size);
	format_size(p->copied, copied);
	format_size(p->allocated, allocated);
	format_size(p->quota, quota);
	format_size(p->exclusive, alone);
	format_time(p->created_ns, created);
	printf("%-36s  %-8.8s  %-14s  %9s  %9s  %9s  %9s", id, set,
	       p->device[0] ? p->device : "-", size, copied, allocated, p->quota ? quota : "-");
	if (exclusive)
		printf("  %9s", p->exclusive_known ? alone : "-");
	printf("  %-9s  %-11s  %-19s  %s\n", snapshot_state_name(p),
	       consistency_name(p->consistency), created, plain(p->volume));
}

static int print_table(struct snap_iter *it, bool exclusive)
{
	struct snap_snapshot_props p = { .size = sizeof(p) };
	struct devices devices = { 0 };
	bool ok = true;

	while (ok && snap_iter_next_snapshot(it, &p) == SNAP_S_OK) {
		if (!devices.nr)
			print_head(exclusive);
		print_line(&p, exclusive);
		ok = devices_add(&devices, &p);
	}
	devices_print(&devices);
	free(devices.v);
	return ok ? EXIT_OK : report_error(NULL, SNAP_E_OUTOFMEMORY);
}

static snap_status count_devices(struct snap_session *s, const struct snap_filter *filter,
				 struct devices *devices)
{
	struct snap_snapshot_props p = { .size = sizeof(p) };
	struct snap_filter f = *filter;
	struct snap_iter *it;
	snap_status st;

	f.object = SNAP_OBJECT_SNAPSHOT;
	f.count_exclusive = false;
	st = snap_query(s, &f, &it);
	if (SNAP_FAILED(st))
		return st;
	while (st != SNAP_E_OUTOFMEMORY && snap_iter_next_snapshot(it, &p) == SNAP_S_OK)
		if (!devices_add(devices, &p))
			st = SNAP_E_OUTOFMEMORY;
	snap_iter_free(it);
	return st;
}

static int print_json(struct snap_session *s, const struct snap_filter *filter,
		      struct snap_iter *it)
{
	struct json_object *o = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct snap_set_props p = { .size = sizeof(p) };
	struct devices devices = { 0 };
	struct json_object *set;
	snap_status st;

	json_object_object_add(o, "sets", list);
	st = count_devices(s, filter, &devices);
	while (!SNAP_FAILED(st) && snap_iter_next_set(it, &p) == SNAP_S_OK) {
		set = filter->count_exclusive ? json_set_room(s, &p.id, &st)
					      : json_set_full(s, &p.id, &st);
		if (set)
			json_object_array_add(list, set);
		else if (st == SNAP_E_OBJECT_NOT_FOUND)		/* gone meanwhile */
			st = SNAP_S_OK;
	}
	if (SNAP_FAILED(st)) {
		json_object_put(o);
	} else {
		json_object_object_add(o, "devices", json_devices(&devices));
		json_print(stdout, o, true);
	}
	free(devices.v);
	return SNAP_FAILED(st) ? report_error(s, st) : EXIT_OK;
}

int cmd_list(int argc, char **argv)
{
	struct snap_filter filter = { .size = sizeof(filter), .object = SNAP_OBJECT_SNAPSHOT };
	struct snap_session *s;
	struct snap_iter *it;
	bool json = false;
	snap_status st;
	int opt, ret;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'a')
			filter.unfinished = true;
		else if (opt == 'e')
			filter.count_exclusive = true;
		else if (opt == 'j')
			json = true;
		else
			return usage_error("wrong option for list");
	}
	if (argc - optind > 1)
		return usage_error("list takes one volume at most");
	filter.volume = argv[optind];
	if (json)
		filter.object = SNAP_OBJECT_SNAPSHOT_SET;

	s = open_session(&ret);
	if (!s)
		return ret;
	st = snap_query(s, &filter, &it);
	if (SNAP_FAILED(st)) {
		ret = report_error(s, st);
	} else {
		ret = json ? print_json(s, &filter, it)
			   : print_table(it, filter.count_exclusive);
		snap_iter_free(it);
	}
	snap_close(s);
	return ret;
}
