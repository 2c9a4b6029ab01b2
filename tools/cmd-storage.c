// SPDX-License-Identifier: GPL-2.0-only
/* snapset storage: where sets keep old data */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "tool.h"

struct args {
	struct snap_storage	storage;
	bool			force, json, amounts;
	int			argc;
	char			**argv;
};

static const struct option options[] = {
	{ "minimum", required_argument, NULL, 'm' },
	{ "maximum", required_argument, NULL, 'x' },
	{ "force", no_argument, NULL, 'f' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 }
};

static int help(void)
{
	puts("Usage: snapset storage add [--minimum SIZE|N%] [--maximum SIZE|N%|unbounded] VOLUME|* DIR\n"
	     "       snapset storage resize [--minimum SIZE|N%] [--maximum SIZE|N%|unbounded] VOLUME|*\n"
	     "       snapset storage remove [--force] VOLUME|*\n"
	     "       snapset storage list [--json]\n"
	     "       snapset storage extend [--json] SET DIR[:SIZE]\n\n"
	     "Says in which directory the old data of a volume, or with * of all that have\n"
	     "no directory of their own, is kept by \"snapset create\"; or makes the store of\n"
	     "a set that is there larger by a file. See snapset(8).");
	return EXIT_OK;
}

/* What is written down can be changed without the module, which this does not load. NULL: without. */
static int open_if_loaded(struct snap_session **s)
{
	snap_status st = SNAP_E_PROVIDER_NOT_REGISTERED;

	if (module_is_loaded())
		st = snap_open(0, s);
	if (!SNAP_FAILED(st))
		return EXIT_OK;
	*s = NULL;
	return st == SNAP_E_PROVIDER_NOT_REGISTERED ? EXIT_OK : report_error(NULL, st);
}

static int add(struct args *a)
{
	struct snap_session *s;
	snap_status st;
	bool there;
	int ret;

	if (a->argc != 2)
		return usage_error("storage add needs a volume and a directory (write '*' in quotes)");
	a->storage.volume = a->argv[0];
	a->storage.directory = a->argv[1];
	ret = open_if_loaded(&s);
	if (ret)
		return ret;
	there = !access(a->argv[1], F_OK);
	st = snap_storage_add(s, &a->storage);
	if (SNAP_FAILED(st))
		ret = report_error(s, st);
	else if (!there)	/* is that file system mounted which he thinks of? */
		fprintf(stderr, "snapset: made the directory %s\n", plain(a->argv[1]));
	snap_close(s);
	return ret;
}

static int resize(struct args *a)
{
	struct snap_session *s;
	snap_status st;
	int ret;

	if (a->argc != 1 || !a->amounts)
		return usage_error("storage resize needs a volume, and a minimum or a maximum");
	a->storage.volume = a->argv[0];
	ret = open_if_loaded(&s);
	if (ret)
		return ret;
	st = snap_storage_resize(s, &a->storage);
	if (SNAP_FAILED(st))
		ret = report_error(s, st);
	else if (st == SNAP_S_FALSE)
		fprintf(stderr, "snapset: more than that is allocated; it stays so until the sets are deleted, but does not grow\n");
	snap_close(s);
	return ret;
}

static int drop(struct args *a)
{
	struct snap_session *s;
	snap_status st;
	int ret;

	if (a->argc != 1)
		return usage_error("storage remove needs a volume");
	ret = open_if_loaded(&s);
	if (ret)
		return ret;
	st = snap_storage_remove(s, a->argv[0], a->force);
	if (SNAP_FAILED(st))
		ret = report_error(s, st);
	snap_close(s);
	return ret;
}

static void format_amount(uint64_t bytes, uint32_t percent, char text[32])
{
	char size[16];

	format_size(bytes, size);
	if (bytes == SNAP_UNBOUNDED)
		strcpy(text, "unbounded");
	else if (percent && bytes)
		snprintf(text, 32, "%s (%u%%)", size, percent);
	else if (percent)
		snprintf(text, 32, "%u%%", percent);
	else
		strcpy(text, bytes ? size : "default");
}

static void print_storage(const struct snap_storage_props *p)
{
	char minimum[32], maximum[32], allocated[16], used[16];

	format_amount(p->minimum, p->minimum_percent, minimum);
	format_amount(p->maximum, p->maximum_percent, maximum);
	format_size(p->allocated, allocated);
	format_size(p->used, used);
	printf("%s in %s%s\n", strcmp(p->volume, "*") ? plain(p->volume) : "all others", plain(p->directory),
	       p->present ? "" : "  (there is no such volume now)");
	printf("  minimum %s, maximum %s\n", minimum, maximum);
	printf("  %u store%s, %s allocated, %s used\n", p->stores, p->stores == 1 ? "" : "s",
	       allocated, used);
}

static int list(struct args *a)
{
	struct snap_storage_props p = { .size = sizeof(p) };
	struct json_object *all = NULL, *o;
	struct snap_session *s;
	struct snap_iter *it;
	snap_status st;
	int ret;

	if (a->argc)
		return usage_error("storage list takes no argument");
	ret = open_if_loaded(&s);
	if (ret)
		return ret;
	st = snap_storage_query(s, &it);
	if (SNAP_FAILED(st)) {
		ret = report_error(s, st);
		snap_close(s);
		return ret;
	}
	if (a->json)
		all = json_object_new_array();
	while (snap_iter_next_storage(it, &p) == SNAP_S_OK) {
		if (a->json)
			json_object_array_add(all, json_storage(&p));
		else
			print_storage(&p);
	}
	snap_iter_free(it);
	snap_close(s);
	if (a->json) {
		o = json_object_new_object();
		json_object_object_add(o, "storage", all);
		json_print(stdout, o, true);
	}
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

static int extend(struct args *a)
{
	enum snap_object object = SNAP_OBJECT_SNAPSHOT_SET;
	struct snap_session *s;
	uint64_t bytes;
	snap_status st;
	snap_id id;
	int ret;

	if (a->argc != 2)
		return usage_error("storage extend needs a set and a directory");
	/* What is no directory at all has its sentence in the library. */
	if (!parse_directory(a->argv[1], &bytes) && strrchr(a->argv[1], ':'))
		return usage_error("\"%s\" is neither a directory nor one with a size",
				   a->argv[1]);
	s = open_session(&ret);
	if (!s)
		return ret;
	ret = find_object(s, a->argv[0], &object, &id);
	if (!ret) {
		st = snap_storage_extend(s, &id, a->argv[1], bytes);
		ret = SNAP_FAILED(st) ? report_error(s, st) : report(s, &id, a->json);
	}
	snap_close(s);
	return ret;
}

static const struct {
	const char	*name;
	const char	*options;	/* those of options[] that it has */
	int		(*run)(struct args *a);
} words[] = {
	{ "add", "mx", add },
	{ "resize", "mx", resize },
	{ "remove", "f", drop },
	{ "list", "j", list },
	{ "extend", "j", extend },
};

int cmd_storage(int argc, char **argv)
{
	struct args a = { .storage = { .size = sizeof(a.storage) } };
	char given[64] = "";
	int opt;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		struct snap_storage *s = &a.storage;
		bool ok = true;

		if (opt == 'h')
			return help();
		if (opt == '?' || strlen(given) == sizeof(given) - 1)
			return usage_error("wrong option for storage");
		given[strlen(given)] = (char)opt;
		a.force |= opt == 'f';
		a.json |= opt == 'j';
		a.amounts |= opt == 'm' || opt == 'x';
		if (opt == 'm')
			ok = parse_amount(optarg, &s->minimum, &s->minimum_percent);
		if (opt == 'x' && !strcmp(optarg, "unbounded"))
			s->maximum = SNAP_UNBOUNDED;
		else if (opt == 'x')
			ok = parse_amount(optarg, &s->maximum, &s->maximum_percent);
		if (!ok)
			return usage_error("\"%s\" is not valid for this option", optarg);
	}
	for (size_t i = 0; optind < argc && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(argv[optind], words[i].name))
			continue;
		if (given[strspn(given, words[i].options)])
			return usage_error("wrong option for storage %s", words[i].name);
		a.argc = argc - optind - 1;
		a.argv = argv + optind + 1;
		return words[i].run(&a);
	}
	return usage_error("storage knows only add, resize, remove, list and extend");
}
