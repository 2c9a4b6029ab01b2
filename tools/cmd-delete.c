// SPDX-License-Identifier: GPL-2.0-only
/* snapset delete */
#include <getopt.h>
#include <string.h>

#include <json-c/json.h>

#include "tool.h"

static const struct option options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "dry-run", no_argument, NULL, 'd' },
	{ "force", no_argument, NULL, 'f' },
	{ "json", no_argument, NULL, 'j' },
	{ "older-than", required_argument, NULL, 't' },
	{ "label", required_argument, NULL, 'l' },
	{ "oldest", no_argument, NULL, 'o' },
	{ "set", required_argument, NULL, 's' },
	{ "volume", required_argument, NULL, 'v' },
	{ 0 }
};

/* Which of the finished sets; zeros are all. */
struct choice {
	const char	*volume;
	uint32_t	older_s;
	const char	*label;
	bool		oldest;
};

struct job {
	struct snap_session	*s;
	bool			force, dry;
	unsigned int		deleted;
	struct json_object	*would;		/* with --json: ids that --dry-run has found */
};

/* A line for what would be deleted: its id, how old it is, and of which volumes. */
static int tell(struct job *job, const snap_id *id, enum snap_object object)
{
	struct snap_filter filter = { .size = sizeof(filter), .object = SNAP_OBJECT_SNAPSHOT };
	bool set = object == SNAP_OBJECT_SNAPSHOT_SET;
	struct snap_snapshot_props p = { .size = sizeof(p) };
	char text[SNAP_ID_TEXT_MAX], age[16];
	struct snap_iter *it;
	bool first = true;
	snap_status st;

	snap_id_format(id, text);
	if (job->would) {
		json_object_array_add(job->would, json_object_new_string(text));
		return EXIT_OK;
	}
	if (set)
		filter.set_id = *id;
	st = snap_query(job->s, &filter, &it);
	if (SNAP_FAILED(st))
		return report_error(job->s, st);
	while (snap_iter_next_snapshot(it, &p) == SNAP_S_OK) {
		if (!set && !snap_id_equal(&p.id, id))
			continue;
		if (first) {
			format_age(time_since(p.created_ns), age);
			printf("%s %s, %s old:", set ? "set" : "snapshot", text, age);
		}
		first = false;
		printf(" %s", plain(p.volume));
	}
	snap_iter_free(it);
	if (!first)
		printf("\n");
	return EXIT_OK;
}

static int delete_one(struct job *job, const snap_id *id, enum snap_object object)
{
	unsigned int deleted;
	snap_id left;
	snap_status st;
	int ret;

	if (job->dry)
		return tell(job, id, object);
	st = snap_delete_snapshots(job->s, id, object, job->force, &deleted, &left);
	job->deleted += deleted;
	if (!SNAP_FAILED(st))
		return EXIT_OK;
	ret = report_error(job->s, st);
	if (object == SNAP_OBJECT_SNAPSHOT_SET && !snap_id_is_null(&left)) {
		char text[SNAP_ID_TEXT_MAX];

		snap_id_format(&left, text);
		fprintf(stderr, "snapset: in the way: %s\n", text);
	}
	return ret;
}

static int delete_named(struct job *job, const char *name, enum snap_object object)
{
	snap_id id;
	int ret = find_object(job->s, name, &object, &id);

	return ret ? ret : delete_one(job, &id, object);
}

static bool is_chosen(const struct choice *c, const struct snap_set_props *p)
{
	return time_since(p->created_ns) >= c->older_s * 1000000000ull &&
	       (!c->label || !strcmp(p->label, c->label));
}

/* Every finished set that is chosen; goes on past the ones in use. *@found: how many these are. */
static int delete_sets(struct job *job, const struct choice *c, unsigned int *found)
{
	struct snap_filter filter = {
		.size = sizeof(filter), .object = SNAP_OBJECT_SNAPSHOT_SET, .volume = c->volume,
	};
	struct snap_set_props p = { .size = sizeof(p) }, oldest = p;
	struct snap_iter *it;
	snap_status st;
	int ret = EXIT_OK, err;

	st = snap_query(job->s, &filter, &it);
	if (SNAP_FAILED(st))
		return report_error(job->s, st);
	while (snap_iter_next_set(it, &p) == SNAP_S_OK) {
		if (!is_chosen(c, &p))
			continue;
		if (!*found || p.created_ns < oldest.created_ns)
			oldest = p;
		++*found;
		err = c->oldest ? EXIT_OK : delete_one(job, &p.id, SNAP_OBJECT_SNAPSHOT_SET);
		if (err)
			ret = err;
	}
	snap_iter_free(it);
	if (c->oldest && *found)
		ret = delete_one(job, &oldest.id, SNAP_OBJECT_SNAPSHOT_SET);
	return ret;
}

static int delete_chosen(struct job *job, const struct choice *c)
{
	unsigned int found = 0;
	int ret = delete_sets(job, c, &found);

	if (!ret && !found)
		return report_failure(SNAP_E_OBJECT_NOT_FOUND, "there is no such set");
	return ret;
}

static void print_json(struct job *job)
{
	struct json_object *o = json_object_new_object(), *e = failure_take();

	if (job->would)
		json_object_object_add(o, "would_delete", job->would);
	else
		json_object_object_add(o, "deleted", json_object_new_int64(job->deleted));
	if (e)
		json_object_object_add(o, "error", e);
	json_print(stdout, o, true);
}

int cmd_delete(int argc, char **argv)
{
	bool all = false, json = false, chosen;
	struct choice choice = { 0 };
	const char *set = NULL;
	struct job job = { 0 };
	unsigned int found = 0;
	int opt, ret;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'a')
			all = true;
		else if (opt == 'd')
			job.dry = true;
		else if (opt == 'f')
			job.force = true;
		else if (opt == 'j')
			json = true;
		else if (opt == 'l')
			choice.label = optarg;
		else if (opt == 'o')
			choice.oldest = true;
		else if (opt == 's')
			set = optarg;
		else if (opt == 't' && !parse_age(optarg, &choice.older_s))
			return usage_error("\"%s\" is no age: 90min, 12h, 7d or the like", optarg);
		else if (opt == 'v')
			choice.volume = optarg;
		else if (opt != 't')
			return usage_error("wrong option for delete");
	}
	chosen = choice.volume || choice.label || choice.older_s || choice.oldest;
	if ((set != NULL) + all + (optind < argc) + chosen != 1)
		return usage_error("delete needs either snapshots, or --set, or --all, or what says which sets: --volume, --label, --older-than, --oldest");

	job.s = open_session(&ret);
	if (!job.s)
		return ret;
	if (json && job.dry)
		job.would = json_object_new_array();
	if (all)
		ret = delete_sets(&job, &choice, &found);
	else if (chosen)
		ret = delete_chosen(&job, &choice);
	else if (set)
		ret = delete_named(&job, set, SNAP_OBJECT_SNAPSHOT_SET);
	else
		for (ret = EXIT_OK; !ret && optind < argc; optind++)
			ret = delete_named(&job, argv[optind], SNAP_OBJECT_SNAPSHOT);
	if (json)
		print_json(&job);
	snap_close(job.s);
	return ret;
}
