// SPDX-License-Identifier: GPL-2.0-only
/* The stores of sets: who shares one, and what it is, for people and for programs. */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "tool.h"

const char *store_kind_name(enum snap_store_kind kind)
{
	switch (kind) {
	case SNAP_STORE_DEVICE:	return "device";
	case SNAP_STORE_FILE:	return "file";
	default:		return "memory";
	}
}

static const char *full_name(enum snap_full full)
{
	switch (full) {
	case SNAP_FULL_SET:	return "set";
	case SNAP_FULL_OLDEST:	return "oldest";
	case SNAP_FULL_WAIT:	return "wait";
	}
	return "unknown";
}

snap_status sharers_find(struct snap_session *s, const struct snap_set_props *set,
			 struct sharers *with)
{
	struct snap_filter filter = {
		.size = sizeof(filter), .object = SNAP_OBJECT_SNAPSHOT_SET, .unfinished = true,
	};
	struct snap_set_props p = { .size = sizeof(p) };
	struct snap_iter *it;
	snap_status st;

	st = snap_query(s, &filter, &it);
	if (SNAP_FAILED(st))
		return st;
	st = SNAP_S_OK;
	while (!st && snap_iter_next_set(it, &p) == SNAP_S_OK) {
		snap_id *v;

		if (!p.store_id || p.store_id != set->store_id || snap_id_equal(&p.id, &set->id))
			continue;
		v = realloc(with->v, (with->nr + 1) * sizeof(*v));
		if (v) {
			with->v = v;
			with->v[with->nr++] = p.id;
		} else {
			st = SNAP_E_OUTOFMEMORY;
		}
	}
	snap_iter_free(it);
	return st;
}

/* What it began as is empty if that is a file, which is the first of the files then. */
static void print_files(FILE *f, const struct snap_set_props *p)
{
	const char *path = *p->store_path ? plain(p->store_path) : "(a long name)";

	if (p->store_files && p->store_kind != SNAP_STORE_FILE)
		fputs(" and ", f);
	if (p->store_files > 1)
		fprintf(f, "%" PRIu32 " files, the first is %s", p->store_files, path);
	else if (p->store_files || p->store_kind == SNAP_STORE_FILE)
		fprintf(f, "file %s", path);
}

static void print_full(FILE *f, const struct snap_set_props *p)
{
	if (p->full == SNAP_FULL_SET)
		return;
	fprintf(f, "full   %swriters wait up to %" PRIu32 " ms; waits: %" PRIu32,
		p->full == SNAP_FULL_OLDEST ? "the oldest snapshots go, " : "",
		p->full_wait_ms, p->full_waits);
	if (p->full == SNAP_FULL_OLDEST)
		fprintf(f, ", snapshots gone: %" PRIu32, p->full_dropped);
	fputc('\n', f);
}

/* "device /dev/vdb1", or its number if that has gone. */
static void print_device(FILE *f, const struct snap_set_props *p)
{
	char path[64], link[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/dev/block/%" PRIu32 ":%" PRIu32, p->store_major,
		 p->store_minor);
	n = readlink(path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = 0;
	if (n > 0)
		fprintf(f, "device /dev/%s", strrchr(link, '/') + 1);
	else
		fprintf(f, "device %s", path + strlen("/sys/dev/block/"));
}

void print_store(FILE *f, const struct snap_set_props *p, const struct sharers *with)
{
	char used[16], size[16], rate[16], id[SNAP_ID_TEXT_MAX];

	format_size(p->store_used, used);
	format_size(p->store_size, size);
	format_size(p->store_rate, rate);
	fputs("store  ", f);
	if (p->store_kind == SNAP_STORE_DEVICE)
		print_device(f, p);
	else if (p->store_kind == SNAP_STORE_MEMORY)
		fputs("memory", f);
	print_files(f, p);
	fprintf(f, ", %s of %s used", used, size);
	if (p->store_rate)
		fprintf(f, ", %s/s", rate);
	fputc('\n', f);
	if (with->nr)
		fputs("       shared with", f);
	for (unsigned int i = 0; i < with->nr; i++) {
		snap_id_format(&with->v[i], id);
		fprintf(f, "%s %.8s", i ? "," : "", id);
	}
	if (with->nr)
		fputc('\n', f);
	print_full(f, p);
}

static void add_int(struct json_object *o, const char *key, uint64_t v)
{
	json_object_object_add(o, key, json_object_new_int64((int64_t)v));
}

static void add_str(struct json_object *o, const char *key, const char *v)
{
	json_object_object_add(o, key, json_text(v));
}

struct json_object *json_store(const struct snap_set_props *p, const struct sharers *with)
{
	struct json_object *o = json_object_new_object(), *list;
	char text[SNAP_ID_TEXT_MAX];

	if (p->store_id)
		add_int(o, "id", p->store_id);
	add_str(o, "kind", store_kind_name(p->store_kind));
	if (p->store_kind == SNAP_STORE_DEVICE) {
		snprintf(text, sizeof(text), "%" PRIu32 ":%" PRIu32, p->store_major,
			 p->store_minor);
		add_str(o, "dev", text);
	}
	if (*p->store_path)
		add_str(o, "path", p->store_path);
	if (p->store_files)
		add_int(o, "files", p->store_files);
	add_int(o, "size", p->store_size);
	add_int(o, "used", p->store_used);
	add_int(o, "rate", p->store_rate);
	if (!with->nr)
		return o;
	list = json_object_new_array();
	for (unsigned int i = 0; i < with->nr; i++) {
		snap_id_format(&with->v[i], text);
		json_object_array_add(list, json_object_new_string(text));
	}
	json_object_object_add(o, "shared_with", list);
	return o;
}

struct json_object *json_full(const struct snap_set_props *p)
{
	struct json_object *o = json_object_new_object();

	add_str(o, "policy", full_name(p->full));
	if (p->full != SNAP_FULL_SET)
		add_int(o, "wait_ms", p->full_wait_ms);
	add_int(o, "waits", p->full_waits);
	add_int(o, "dropped", p->full_dropped);
	return o;
}

struct json_object *json_event_store(const struct snap_event *ev)
{
	struct json_object *o = json_object_new_object();

	add_int(o, "id", ev->store_id);
	add_str(o, "kind", store_kind_name(ev->store_kind));
	add_int(o, "size", ev->store_size);
	add_int(o, "used", ev->store_used);
	add_int(o, "rate", ev->store_rate);
	return o;
}
