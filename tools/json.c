// SPDX-License-Identifier: GPL-2.0-only
/* The same for programs. Keys are only ever added. */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include <json-c/json.h>

#include "tool.h"

static void add_str(struct json_object *o, const char *key, const char *v)
{
	json_object_object_add(o, key, json_text(v));
}

static void add_int(struct json_object *o, const char *key, uint64_t v)
{
	json_object_object_add(o, key, json_object_new_int64((int64_t)v));
}

static void add_bool(struct json_object *o, const char *key, bool v)
{
	json_object_object_add(o, key, json_object_new_boolean(v));
}

static void add_id(struct json_object *o, const char *key, const snap_id *id)
{
	char text[SNAP_ID_TEXT_MAX];

	snap_id_format(id, text);
	add_str(o, key, text);
}

static void add_dev(struct json_object *o, const char *key, uint32_t ma, uint32_t mi)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu32 ":%" PRIu32, ma, mi);
	add_str(o, key, text);
}

/* As text @key, and as @key_ns. */
static void add_time(struct json_object *o, const char *key, const char *key_ns, uint64_t ns)
{
	time_t t = (time_t)(ns / 1000000000);
	char text[40] = "", full[64];
	struct tm tm;

	if (!ns)
		return;
	if (gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm)) {
		snprintf(full, sizeof(full), "%s.%09uZ", text,
			 (unsigned int)(ns % 1000000000));
		add_str(o, key, full);
	}
	add_int(o, key_ns, ns);
}

struct json_object *json_failure(snap_status code, const char *text)
{
	struct json_object *e = json_object_new_object();
	char hex[16];

	snprintf(hex, sizeof(hex), "0x%08" PRIx32, (uint32_t)code);
	add_str(e, "name", snap_code_name(code));
	add_str(e, "code", hex);
	add_str(e, "text", text[0] ? text : snap_strerror(code));
	return e;
}

static void add_code(struct json_object *o, snap_status code, const char *text)
{
	if (SNAP_FAILED(code))
		json_object_object_add(o, "error", json_failure(code, text));
}

static struct json_object *json_set(const struct snap_set_props *p, const struct sharers *with)
{
	struct json_object *o = json_object_new_object();
	struct json_object *times;

	add_id(o, "id", &p->id);
	add_str(o, "state", set_state_name(p->state));
	add_str(o, "consistency", consistency_name(p->consistency));
	if (p->state != SNAP_SET_CREATED)
		add_str(o, "phase", phase_name(p->phase));
	if (*p->waits_for)
		add_str(o, "waits_for", p->waits_for);
	add_bool(o, "auto_release", !(p->attrs & SNAP_ATTR_NO_AUTO_RELEASE));
	if (*p->label)
		add_str(o, "label", p->label);
	if (p->owner_pid) {
		struct json_object *owner = json_object_new_object();

		add_int(owner, "pid", p->owner_pid);
		add_str(owner, "comm", p->owner_comm);
		json_object_object_add(o, "owner", owner);
	}
	if (p->expires_ns)
		add_time(o, "expires", "expires_ns", p->expires_ns);
	add_int(o, "members", p->members);
	add_time(o, "created", "created_ns", p->created_ns);
	add_code(o, p->code, p->text);
	json_object_object_add(o, "store", json_store(p, with));
	json_object_object_add(o, "full", json_full(p));
	add_int(o, "budget", p->budget);
	add_int(o, "index_limit", p->index_limit);
	if (p->state != SNAP_SET_CREATED)
		return o;
	times = json_object_new_object();
	add_int(times, "prepare_ns", p->prepare_ns);
	add_int(times, "freeze_ns", p->freeze_ns);
	add_int(times, "hold_ns", p->hold_ns);
	add_int(times, "drain_ns", p->drain_ns);
	add_int(times, "frozen_ns", p->frozen_ns);
	add_int(times, "total_ns", p->total_ns);
	json_object_object_add(o, "times", times);
	add_int(o, "parked", p->parked);
	return o;
}

static struct json_object *json_frozen(const char *frozen)
{
	struct json_object *list = json_object_new_array();
	char *name;

	while ((name = next_frozen(&frozen))) {
		json_object_array_add(list, json_text(name));
		free(name);
	}
	return list;
}

struct json_object *json_snapshot(const struct snap_snapshot_props *p)
{
	struct json_object *o = json_object_new_object();

	add_id(o, "id", &p->id);
	add_id(o, "set_id", &p->set_id);
	add_str(o, "state", snapshot_state_name(p));
	add_str(o, "volume", p->volume);
	add_str(o, "origin", p->origin);
	add_dev(o, "origin_dev", p->origin_major, p->origin_minor);
	if (p->device[0]) {
		add_str(o, "device", p->device);
		add_dev(o, "device_dev", p->device_major, p->device_minor);
	}
	add_int(o, "size", p->bytes);
	add_int(o, "block_size", p->block_size);
	add_bool(o, "auto_release", !(p->attrs & SNAP_ATTR_NO_AUTO_RELEASE));
	add_time(o, "created", "created_ns", p->created_ns);
	add_str(o, "consistency", consistency_name(p->consistency));
	json_object_object_add(o, "frozen", json_frozen(p->frozen));
	add_int(o, "openers", p->openers);
	add_int(o, "drain_ns", p->drain_ns);
	add_int(o, "copied", p->copied);
	add_int(o, "stored", p->stored);
	add_int(o, "in_ram", p->in_ram);
	add_int(o, "index", p->index);
	add_int(o, "allocated", p->allocated);
	if (p->exclusive_known)
		add_int(o, "exclusive", p->exclusive);
	if (p->quota)
		add_int(o, "quota", p->quota);
	add_code(o, p->code, p->text);
	return o;
}

static struct json_object *set_full(struct snap_session *s, const snap_id *set_id, bool count,
				    snap_status *st)
{
	struct snap_filter filter = {
		.size = sizeof(filter), .object = SNAP_OBJECT_SNAPSHOT,
		.set_id = *set_id, .unfinished = true, .count_exclusive = count,
	};
	struct snap_snapshot_props p = { .size = sizeof(p) };
	struct snap_set_props set = { .size = sizeof(set) };
	struct json_object *o = NULL, *list;
	struct sharers with = { 0 };
	struct snap_iter *it;

	*st = snap_get_set_properties(s, set_id, &set);
	if (!SNAP_FAILED(*st))
		*st = sharers_find(s, &set, &with);
	if (!SNAP_FAILED(*st))
		*st = snap_query(s, &filter, &it);
	if (!SNAP_FAILED(*st)) {
		o = json_set(&set, &with);
		list = json_object_new_array();
		while (snap_iter_next_snapshot(it, &p) == SNAP_S_OK)
			json_object_array_add(list, json_snapshot(&p));
		snap_iter_free(it);
		json_object_object_add(o, "snapshots", list);
	}
	free(with.v);
	return o;
}

struct json_object *json_set_full(struct snap_session *s, const snap_id *set_id,
				  snap_status *st)
{
	return set_full(s, set_id, false, st);
}

struct json_object *json_set_room(struct snap_session *s, const snap_id *set_id,
				  snap_status *st)
{
	return set_full(s, set_id, true, st);
}

void json_add_place(struct json_object *set, enum snap_place place, const char *text)
{
	struct json_object *store;

	if (!json_object_object_get_ex(set, "store", &store))
		return;
	add_str(store, "place", place_name(place));
	add_str(store, "place_text", text);
}

struct json_object *json_storage(const struct snap_storage_props *p)
{
	struct json_object *o = json_object_new_object();

	add_str(o, "volume", p->volume);
	add_str(o, "directory", p->directory);
	if (p->minimum)
		add_int(o, "minimum", p->minimum);
	if (p->minimum_percent)
		add_int(o, "minimum_percent", p->minimum_percent);
	if (p->maximum != SNAP_UNBOUNDED)
		add_int(o, "maximum", p->maximum);
	if (p->maximum_percent)
		add_int(o, "maximum_percent", p->maximum_percent);
	add_bool(o, "present", p->present);
	add_int(o, "stores", p->stores);
	add_int(o, "allocated", p->allocated);
	add_int(o, "used", p->used);
	return o;
}

static const char *event_name(uint32_t type)
{
	switch (type) {
	case SNAP_EVENT_SET_STATE:		return "set-state";
	case SNAP_EVENT_SNAPSHOT_DEAD:		return "snapshot-dead";
	case SNAP_EVENT_SNAPSHOT_DELETED:	return "snapshot-deleted";
	case SNAP_EVENT_STORE_LOW:		return "store-low";
	case SNAP_EVENT_STORE_FULL:		return "store-full";
	case SNAP_EVENT_INDEX_LOW:		return "index-low";
	case SNAP_EVENT_LOST:			return "lost";
	default:				return "unknown";
	}
}

struct json_object *json_event(const struct snap_event *ev)
{
	struct json_object *o = json_object_new_object();

	add_str(o, "event", event_name(ev->type));
	add_int(o, "seq", ev->seq);
	add_time(o, "heard", "heard_ns", time_now());
	if (!snap_id_is_null(&ev->set_id))
		add_id(o, "set_id", &ev->set_id);
	if (!snap_id_is_null(&ev->snapshot_id))
		add_id(o, "snapshot_id", &ev->snapshot_id);
	if (ev->type == SNAP_EVENT_SET_STATE)
		add_str(o, "state", set_state_name(ev->state));
	if (ev->type == SNAP_EVENT_SET_STATE && ev->state == SNAP_SET_CREATED)
		add_str(o, "consistency", consistency_name(ev->consistency));
	if (ev->store_id)
		json_object_object_add(o, "store", json_event_store(ev));
	add_code(o, ev->code, ev->text);
	if (!SNAP_FAILED(ev->code) && ev->text[0])
		add_str(o, "text", ev->text);
	return o;
}

void json_print(FILE *f, struct json_object *o, bool pretty)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

	flags |= pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
			: JSON_C_TO_STRING_PLAIN;
	fprintf(f, "%s\n", json_object_to_json_string_ext(o, flags));
	fflush(f);
	json_object_put(o);
}
