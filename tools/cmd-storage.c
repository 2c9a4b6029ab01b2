// SPDX-License-Identifier: GPL-2.0-only
/* snapset storage: where sets keep old data */
#include <getopt.h>
#include <string.h>

#include "tool.h"

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'j' },
	{ 0 }
};

static int help(void)
{
	puts("Usage: snapset storage extend [--json] SET DIR[:SIZE]\n\n"
	     "Makes the store of a set larger by a file of SIZE in the directory DIR.\n"
	     "See snapset(8).");
	return EXIT_OK;
}

static int report(struct snap_session *s, const snap_id *id, bool json)
{
	struct json_object *o;
	snap_status st;

	if (!json)
		return print_set(stdout, s, id);
	o = json_set_full(s, id, &st);
	if (!o)
		return report_error(s, st);
	json_print(stdout, o, true);
	return EXIT_OK;
}

static int extend(const char *set, const char *directory, uint64_t bytes, bool json)
{
	enum snap_object object = SNAP_OBJECT_SNAPSHOT_SET;
	struct snap_session *s;
	snap_status st;
	snap_id id;
	int ret;

	s = open_session(&ret);
	if (!s)
		return ret;
	ret = find_object(s, set, &object, &id);
	if (!ret) {
		st = snap_storage_extend(s, &id, directory, bytes);
		ret = SNAP_FAILED(st) ? report_error(s, st) : report(s, &id, json);
	}
	snap_close(s);
	return ret;
}

int cmd_storage(int argc, char **argv)
{
	bool json = false;
	uint64_t bytes;
	int opt;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'h')
			return help();
		if (opt != 'j')
			return usage_error("wrong option for storage");
		json = true;
	}
	if (argc == optind || strcmp(argv[optind], "extend"))
		return usage_error("storage knows only \"extend\"");
	if (argc - optind != 3)
		return usage_error("storage extend needs a set and a directory");
	/* What is no directory at all has its sentence in the library. */
	if (!parse_directory(argv[optind + 2], &bytes) && strrchr(argv[optind + 2], ':'))
		return usage_error("\"%s\" is neither a directory nor one with a size",
				   argv[optind + 2]);
	return extend(argv[optind + 1], argv[optind + 2], bytes, json);
}
