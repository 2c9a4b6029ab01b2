// SPDX-License-Identifier: GPL-2.0-only
/* snapset list */
#include <getopt.h>

#include <json-c/json.h>

#include "tool.h"

static const struct option options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "json", no_argument, NULL, 'j' },
	{ 0 }
};

static void print_table(struct snap_iter *it)
{
	struct snap_snapshot_props p = { .size = sizeof(p) };
	bool head = false;

	while (snap_iter_next_snapshot(it, &p) == SNAP_S_OK) {
		char id[SNAP_ID_TEXT_MAX], set[SNAP_ID_TEXT_MAX];
		char size[16], copied[16], created[32];

		if (!head)
			printf("%-36s  %-8s  %-14s  %9s  %9s  %-9s  %-19s  %s\n",
			       "SNAPSHOT", "SET", "IMAGE", "SIZE", "KEPT", "STATE",
			       "CREATED", "VOLUME");
		head = true;
		snap_id_format(&p.id, id);
		snap_id_format(&p.set_id, set);
		format_size(p.bytes, size);
		format_size(p.copied, copied);
		format_time(p.created_ns, created);
		printf("%-36s  %-8.8s  %-14s  %9s  %9s  %-9s  %-19s  %s\n", id, set,
		       p.device[0] ? p.device : "-", size, copied,
		       snapshot_state_name(&p), created, p.volume);
	}
}

static int print_json(struct snap_session *s, struct snap_iter *it)
{
	struct json_object *o = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct snap_set_props p = { .size = sizeof(p) };
	struct json_object *set;
	snap_status st;

	json_object_object_add(o, "sets", list);
	while (snap_iter_next_set(it, &p) == SNAP_S_OK) {
		set = json_set_full(s, &p.id, &st);
		if (set) {
			json_object_array_add(list, set);
		} else if (st != SNAP_E_OBJECT_NOT_FOUND) {	/* gone meanwhile */
			json_object_put(o);
			return report_error(s, st);
		}
	}
	json_print(stdout, o, true);
	return EXIT_OK;
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
		ret = EXIT_OK;
		if (json)
			ret = print_json(s, it);
		else
			print_table(it);
		snap_iter_free(it);
	}
	snap_close(s);
	return ret;
}
