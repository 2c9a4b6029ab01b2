// SPDX-License-Identifier: GPL-2.0-only
/* Sets and snapshots for people. */
#include <inttypes.h>
#include <stdlib.h>

#include "tool.h"

/* What is kept for it, where, and how much of that it may be. */
static void print_room(FILE *f, const struct snap_snapshot_props *p)
{
	char allocated[16], exclusive[16], quota[16];

	format_size(p->allocated, allocated);
	format_size(p->exclusive, exclusive);
	format_size(p->quota, quota);
	fprintf(f, "%s allocated", allocated);
	if (p->exclusive_known)
		fprintf(f, ", %s exclusive", exclusive);
	if (p->quota)
		fprintf(f, ", %s at most", quota);
	fputc('\n', f);
}

static void print_consistency(FILE *f, const struct snap_snapshot_props *p)
{
	const char *rest = p->frozen;
	char *name = next_frozen(&rest);

	fprintf(f, "  frozen   %s%s", consistency_name(p->consistency), name ? ":" : "");
	for (; name; name = next_frozen(&rest)) {
		fprintf(f, " %s", plain(name));
		free(name);
	}
	fputc('\n', f);
}

void print_snapshot(FILE *f, const struct snap_snapshot_props *p)
{
	char id[SNAP_ID_TEXT_MAX], set[SNAP_ID_TEXT_MAX], created[32];
	char bytes[16], copied[16], stored[16], ram[16], index[16];

	snap_id_format(&p->id, id);
	snap_id_format(&p->set_id, set);
	format_time(p->created_ns, created);
	format_size(p->bytes, bytes);
	format_size(p->copied, copied);
	format_size(p->stored, stored);
	format_size(p->in_ram, ram);
	format_size(p->index, index);
	fprintf(f, "snapshot   %s\n", id);
	fprintf(f, "  set      %s (%" PRIu32 " volume%s)\n", set, p->set_members,
		p->set_members == 1 ? "" : "s");
	fprintf(f, "  volume   %s\n", plain(p->volume));
	fprintf(f, "  origin   %s (%" PRIu32 ":%" PRIu32 ")\n", p->origin,
		p->origin_major, p->origin_minor);
	if (p->device[0])
		fprintf(f, "  image    %s (%" PRIu32 ":%" PRIu32 "), %s, block size %" PRIu32 ", opened %" PRIu32 " time%s\n",
			p->device, p->device_major, p->device_minor, bytes,
			p->block_size, p->openers, p->openers == 1 ? "" : "s");
	fprintf(f, "  created  %s\n", created);
	print_consistency(f, p);
	fprintf(f, "  kept     %s: %s in the store, %s on its way there\n",
		copied, stored, ram);
	fprintf(f, "  index    %s of RAM\n", index);
	fputs("  room     ", f);
	print_room(f, p);
	fprintf(f, "  drain    %" PRIu64 " us\n", p->drain_ns / 1000);
	fprintf(f, "  state    %s\n", snapshot_state_name(p));
	if (SNAP_FAILED(p->code))
		fprintf(f, "  reason   %s (%s 0x%08" PRIx32 ")\n", plain(p->text),
			snap_code_name(p->code), (uint32_t)p->code);
}

static void print_times(FILE *f, const struct snap_set_props *p)
{
	fprintf(f, "times  prepare %" PRIu64 " us, freeze %" PRIu64 " us, hold %" PRIu64
		" us, drain %" PRIu64 " us, frozen %" PRIu64 " us, total %" PRIu64
		" us; writes parked: %" PRIu64 "\n",
		p->prepare_ns / 1000, p->freeze_ns / 1000, p->hold_ns / 1000,
		p->drain_ns / 1000, p->frozen_ns / 1000, p->total_ns / 1000, p->parked);
}

static void print_set_head(FILE *f, const struct snap_set_props *p,
			   const struct sharers *with)
{
	char id[SNAP_ID_TEXT_MAX], created[32];

	snap_id_format(&p->id, id);
	format_time(p->created_ns, created);
	fprintf(f, "set    %s\n", id);
	if (p->state == SNAP_SET_CREATED)
		fprintf(f, "state  created %s\n", created);
	else if (SNAP_FAILED(p->code))
		fprintf(f, "state  %s: %s (%s 0x%08" PRIx32 ")\n", set_state_name(p->state),
			p->text[0] ? plain(p->text) : snap_strerror(p->code),
			snap_code_name(p->code), (uint32_t)p->code);
	else
		fprintf(f, "state  %s\n", set_state_name(p->state));
	if (*p->label)
		fprintf(f, "label  %s\n", plain(p->label));
	if (p->owner_pid)
		fprintf(f, "owner  %s (process %" PRIu32 ")\n", plain(p->owner_comm), p->owner_pid);
	print_store(f, p, with);
	if (p->expires_ns) {
		format_time(p->expires_ns, created);
		fprintf(f, "until  %s\n", created);
	}
	if (!(p->attrs & SNAP_ATTR_NO_AUTO_RELEASE))
		fputs("keep   until its session ends\n", f);
	if (p->state == SNAP_SET_CREATED)
		print_times(f, p);
}

static void print_member(FILE *f, const struct snap_snapshot_props *p, bool room)
{
	char id[SNAP_ID_TEXT_MAX], size[16], copied[16];

	snap_id_format(&p->id, id);
	format_size(p->bytes, size);
	fprintf(f, "  %s -> %s  %s  %s%s\n", plain(p->volume),
		p->device[0] ? p->device : "(no image)", size, id,
		p->state == SNAP_SNAPSHOT_DEAD ? "  DEAD" :
		p->consistency == SNAP_CONSISTENCY_CRASH ? "  NOT FROZEN" : "");
	if (!room)
		return;
	format_size(p->copied, copied);
	fprintf(f, "    %s kept, ", copied);
	print_room(f, p);
}

static int print(FILE *f, struct snap_session *s, const snap_id *set_id, bool room)
{
	struct snap_filter filter = {
		.size = sizeof(filter), .object = SNAP_OBJECT_SNAPSHOT,
		.set_id = *set_id, .unfinished = true, .count_exclusive = room,
	};
	struct snap_snapshot_props p = { .size = sizeof(p) };
	struct snap_set_props set = { .size = sizeof(set) };
	struct sharers with = { 0 };
	struct snap_iter *it;
	snap_status st;

	st = snap_get_set_properties(s, set_id, &set);
	if (!SNAP_FAILED(st))
		st = sharers_find(s, &set, &with);
	if (!SNAP_FAILED(st))
		st = snap_query(s, &filter, &it);
	if (!SNAP_FAILED(st)) {
		print_set_head(f, &set, &with);
		while (snap_iter_next_snapshot(it, &p) == SNAP_S_OK)
			print_member(f, &p, room);
		snap_iter_free(it);
	}
	free(with.v);
	return SNAP_FAILED(st) ? report_error(s, st) : EXIT_OK;
}

int print_set(FILE *f, struct snap_session *s, const snap_id *set_id)
{
	return print(f, s, set_id, false);
}

int print_set_room(FILE *f, struct snap_session *s, const snap_id *set_id)
{
	return print(f, s, set_id, true);
}
