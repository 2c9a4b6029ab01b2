// SPDX-License-Identifier: GPL-2.0-only
/* snapset list */
#include <getopt.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "table.h"

static const struct option options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "exclusive", no_argument, NULL, 'e' },
	{ "json", no_argument, NULL, 'j' },
	{ "noheadings", no_argument, NULL, 'n' },
	{ "output", required_argument, NULL, 'o' },
	{ "sort", required_argument, NULL, 's' },
	{ 0 }
};

/* All there are, to be freed; NULL: no memory, or none. */
static struct snap_snapshot_props *read_all(struct snap_iter *it, size_t *nr, bool *ok)
{
	struct snap_snapshot_props *v = NULL, *more, p = { .size = sizeof(p) };
	size_t room = 0;

	*ok = true;
	for (*nr = 0; snap_iter_next_snapshot(it, &p) == SNAP_S_OK; v[(*nr)++] = p) {
		if (*nr < room)
			continue;
		room = room ? 2 * room : 16;
		more = realloc(v, room * sizeof(*v));
		if (!more) {
			*ok = false;
			break;
		}
		v = more;
	}
	return v;
}

static int print_table(struct snap_iter *it, const struct table *t, bool sums)
{
	struct snap_snapshot_props *v;
	struct devices devices = { 0 };
	size_t nr;
	bool ok;

	v = read_all(it, &nr, &ok);
	ok = ok && table_print(t, v, nr);
	for (size_t i = 0; sums && ok && i < nr; i++)
		ok = devices_add(&devices, &v[i]);
	if (ok)
		devices_print(&devices);
	free(devices.v);
	free(v);
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
	bool json = false, exclusive = false, chosen = false;
	struct table table = { 0 };
	struct snap_session *s;
	struct snap_iter *it;
	snap_status st;
	int opt, ret = EXIT_OK;

	table_default(&table);
	optind = 1;
	while (!ret && (opt = getopt_long(argc, argv, "no:", options, NULL)) != -1) {
		if (opt == 'a') {
			filter.unfinished = true;
		} else if (opt == 'e') {
			exclusive = true;
		} else if (opt == 'j') {
			json = true;
		} else if (opt == 'n') {
			table.noheadings = true;
		} else if (opt == 'o') {
			chosen = true;
			ret = table_choose(&table, optarg);
		} else if (opt == 's') {
			ret = table_sort(&table, optarg);
		} else {
			return usage_error("wrong option for list");
		}
	}
	if (!ret && exclusive)		/* besides those that an --output behind it names */
		ret = table_choose(&table, "+exclusive");
	if (ret)
		return ret;
	if (argc - optind > 1)
		return usage_error("list takes one volume at most");
	if (json && (chosen || table.sort || table.noheadings))
		return usage_error("--output, --sort and --noheadings are not for --json");
	filter.volume = argv[optind];
	filter.count_exclusive = table_needs_exclusive(&table);
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
			   : print_table(it, &table, !chosen && !table.noheadings);
		snap_iter_free(it);
	}
	snap_close(s);
	return ret;
}
