// SPDX-License-Identifier: GPL-2.0-only
/* snapset delete */
#include <getopt.h>

#include <json-c/json.h>

#include "tool.h"

static const struct option options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "force", no_argument, NULL, 'f' },
	{ "json", no_argument, NULL, 'j' },
	{ "set", required_argument, NULL, 's' },
	{ 0 }
};

struct job {
	struct snap_session	*s;
	bool			force;
	unsigned int		deleted;
};

static int delete_one(struct job *job, const snap_id *id, enum snap_object object)
{
	unsigned int deleted;
	snap_id left;
	snap_status st;
	int ret;

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

/* Every finished set; goes on past the ones in use. */
static int delete_all(struct job *job)
{
	struct snap_filter filter = {
		.size = sizeof(filter), .object = SNAP_OBJECT_SNAPSHOT_SET,
	};
	struct snap_set_props p = { .size = sizeof(p) };
	struct snap_iter *it;
	snap_status st;
	int ret = EXIT_OK;

	st = snap_query(job->s, &filter, &it);
	if (SNAP_FAILED(st))
		return report_error(job->s, st);
	while (snap_iter_next_set(it, &p) == SNAP_S_OK) {
		int err = delete_one(job, &p.id, SNAP_OBJECT_SNAPSHOT_SET);

		if (err)
			ret = err;
	}
	snap_iter_free(it);
	return ret;
}

int cmd_delete(int argc, char **argv)
{
	struct job job = { 0 };
	const char *set = NULL;
	bool all = false, json = false;
	int opt, ret;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'a')
			all = true;
		else if (opt == 'f')
			job.force = true;
		else if (opt == 'j')
			json = true;
		else if (opt == 's')
			set = optarg;
		else
			return usage_error("wrong option for delete");
	}
	if ((set != NULL) + all + (optind < argc) != 1)
		return usage_error("delete needs either snapshots, or --set, or --all");

	job.s = open_session(&ret);
	if (!job.s)
		return ret;
	if (all)
		ret = delete_all(&job);
	else if (set)
		ret = delete_named(&job, set, SNAP_OBJECT_SNAPSHOT_SET);
	else
		for (ret = EXIT_OK; !ret && optind < argc; optind++)
			ret = delete_named(&job, argv[optind], SNAP_OBJECT_SNAPSHOT);
	if (json) {
		struct json_object *o = json_object_new_object();

		struct json_object *e = failure_take();

		json_object_object_add(o, "deleted", json_object_new_int64(job.deleted));
		if (e)
			json_object_object_add(o, "error", e);
		json_print(stdout, o, true);
	}
	snap_close(job.s);
	return ret;
}
