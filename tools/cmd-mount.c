// SPDX-License-Identifier: GPL-2.0-only
/* snapset mount, snapset umount */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <json-c/json.h>

#include "tool.h"

static const struct option mount_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ 0 }
};

static const struct option umount_options[] = {
	{ "force", no_argument, NULL, 'f' },
	{ 0 }
};

void exposed_print(FILE *f, const struct snap_exposed *e)
{
	fprintf(f, "%s\n", plain(e->directory));
	if (e->left)
		fprintf(stderr, "snapset: %u volume%s not mounted; %s\n", e->left,
			e->left == 1 ? " is" : "s are", plain(e->why));
}

struct json_object *json_exposed(const struct snap_exposed *e)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "directory", json_text(e->directory));
	json_object_object_add(o, "mounted", json_object_new_int64(e->mounted));
	json_object_object_add(o, "left", json_object_new_int64(e->left));
	json_object_object_add(o, "why", json_text(e->why));
	return o;
}

int cmd_mount(int argc, char **argv)
{
	enum snap_object object = SNAP_OBJECT_NONE;
	struct snap_exposed e = { .size = sizeof(e) };
	struct snap_session *s;
	bool json = false;
	snap_status st;
	snap_id id;
	int opt, ret;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "", mount_options, NULL)) != -1) {
		if (opt != 'j')
			return usage_error("wrong option for mount");
		json = true;
	}
	if (argc - optind < 1 || argc - optind > 2)
		return usage_error("mount takes an id, and a directory or none");
	s = open_session(&ret);
	if (!s)
		return ret;
	ret = find_object(s, argv[optind], &object, &id);
	if (!ret) {
		st = snap_expose(s, &id, object, argv[optind + 1], &e);
		if (SNAP_FAILED(st))
			ret = report_error(s, st);
		else if (json)
			json_print(stdout, json_exposed(&e), true);
		else
			exposed_print(stdout, &e);
	}
	snap_close(s);
	return ret;
}

/* What could be an id is one; "./cafe" is a directory. */
static bool is_directory(const char *name)
{
	struct stat st;

	return name[strspn(name, "0123456789abcdefABCDEF-{}")] && !stat(name, &st) && S_ISDIR(st.st_mode);
}

static int umount_one(struct snap_session *s, const char *name, bool force)
{
	enum snap_object object = SNAP_OBJECT_NONE;
	bool directory = is_directory(name);
	snap_status st;
	snap_id id;
	int ret;

	ret = directory ? EXIT_OK : find_object(s, name, &object, &id);
	if (ret)
		return ret;
	st = snap_unexpose(s, directory ? NULL : &id, object, directory ? name : NULL, force);
	return SNAP_FAILED(st) ? report_error(s, st) : EXIT_OK;
}

int cmd_umount(int argc, char **argv)
{
	struct snap_session *s;
	bool force = false;
	int opt, bad, ret = EXIT_OK;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "", umount_options, NULL)) != -1) {
		if (opt != 'f')
			return usage_error("wrong option for umount");
		force = true;
	}
	if (optind == argc)
		return usage_error("umount needs an id or a directory");
	s = open_session(&ret);
	if (!s)
		return ret;
	for (int i = optind; i < argc; i++) {
		bad = umount_one(s, argv[i], force);
		ret = ret ? ret : bad;
	}
	snap_close(s);
	return ret;
}
