// SPDX-License-Identifier: GPL-2.0-only
/* snapset show */
#include <getopt.h>

#include "tool.h"

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ 0 }
};

static int show_set(struct snap_session *s, const snap_id *id, bool json)
{
	struct json_object *o;
	snap_status st;

	if (!json)
		return print_set_room(stdout, s, id);
	o = json_set_room(s, id, &st);
	if (!o)
		return report_error(s, st);
	json_print(stdout, o, true);
	return EXIT_OK;
}

static int show_snapshot(struct snap_session *s, const snap_id *id, bool json)
{
	struct snap_snapshot_props p = { .size = sizeof(p) };
	snap_status st = snap_get_snapshot_properties(s, id, &p);

	if (!SNAP_FAILED(st))
		st = snap_get_snapshot_exclusive(s, id, &p.exclusive);
	if (SNAP_FAILED(st))
		return report_error(s, st);
	p.exclusive_known = true;
	if (json)
		json_print(stdout, json_snapshot(&p), true);
	else
		print_snapshot(stdout, &p);
	return EXIT_OK;
}

int cmd_show(int argc, char **argv)
{
	enum snap_object object = SNAP_OBJECT_NONE;
	struct snap_session *s;
	bool json = false;
	snap_id id;
	int opt, ret;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'j')
			return usage_error("wrong option for show");
		json = true;
	}
	if (argc - optind != 1)
		return usage_error("show needs one id");
	s = open_session(&ret);
	if (!s)
		return ret;
	ret = find_object(s, argv[optind], &object, &id);
	if (!ret && object == SNAP_OBJECT_SNAPSHOT_SET)
		ret = show_set(s, &id, json);
	else if (!ret)
		ret = show_snapshot(s, &id, json);
	snap_close(s);
	return ret;
}
