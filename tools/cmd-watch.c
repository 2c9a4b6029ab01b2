// SPDX-License-Identifier: GPL-2.0-only
/* snapset watch */
#include <getopt.h>
#include <inttypes.h>

#include "tool.h"

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ 0 }
};

static void print_store_now(const struct snap_event *ev)
{
	char used[16], size[16], rate[16];

	format_size(ev->store_used, used);
	format_size(ev->store_size, size);
	format_size(ev->store_rate, rate);
	printf(", store %" PRIu64 " (%s): %s of %s used, %s/s", ev->store_id,
	       store_kind_name(ev->store_kind), used, size, rate);
}

static void print_event(const struct snap_event *ev)
{
	char set[SNAP_ID_TEXT_MAX], snap[SNAP_ID_TEXT_MAX], heard[32];

	snap_id_format(&ev->set_id, set);
	snap_id_format(&ev->snapshot_id, snap);
	format_time(time_now(), heard);
	printf("%s %" PRIu64 " ", heard, ev->seq);
	switch (ev->type) {
	case SNAP_EVENT_SET_STATE:
		printf("set %s %s", set, set_state_name(ev->state));
		if (ev->state == SNAP_SET_CREATED)
			printf(" (%s)", consistency_name(ev->consistency));
		break;
	case SNAP_EVENT_SNAPSHOT_DEAD:
		printf("snapshot %s dead", snap);
		break;
	case SNAP_EVENT_SNAPSHOT_DELETED:
		printf("snapshot %s deleted", snap);
		break;
	case SNAP_EVENT_STORE_LOW:
		printf("set %s store low", set);
		break;
	case SNAP_EVENT_STORE_FULL:
		printf("set %s store full", set);
		if (!snap_id_is_null(&ev->snapshot_id))
			printf(", snapshot %s deleted", snap);
		break;
	case SNAP_EVENT_INDEX_LOW:
		printf("set %s index low", set);
		break;
	case SNAP_EVENT_LOST:
		printf("events were lost");
		break;
	default:
		printf("event %" PRIu32, ev->type);
	}
	if (ev->text[0])
		printf(": %s", plain(ev->text));
	if (ev->store_id)
		print_store_now(ev);
	if (SNAP_FAILED(ev->code))
		printf(" (%s 0x%08" PRIx32 ")", snap_code_name(ev->code),
		       (uint32_t)ev->code);
	printf("\n");
	fflush(stdout);
}

int cmd_watch(int argc, char **argv)
{
	struct snap_event ev = { .size = sizeof(ev) };
	struct snap_events *events;
	struct snap_session *s;
	bool json = false;
	snap_status st;
	int opt, ret;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'j')
			return usage_error("wrong option for watch");
		json = true;
	}
	if (optind < argc)
		return usage_error("watch takes no argument");
	s = open_session(&ret);
	if (!s)
		return ret;
	st = snap_event_open(s, &events);
	if (SNAP_FAILED(st)) {
		ret = report_error(s, st);
		snap_close(s);
		return ret;
	}
	snap_close(s);
	/* Until a signal, or until nobody reads what we say. */
	while (!SNAP_FAILED(st = snap_event_next(events, -1, &ev)) && !ferror(stdout)) {
		if (json)
			json_print(stdout, json_event(&ev), false);
		else
			print_event(&ev);
	}
	snap_event_close(events);
	return exit_code(st);
}
