// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the kernel says of sets, snapshots and events, as the caller reads it. All are 0 before. */
#include <stdio.h>

#include "internal.h"

static enum snap_store_kind store_kind(uint32_t kind)
{
	switch (kind) {
	case SNAPSET_STORE_BDEV:	return SNAP_STORE_DEVICE;
	case SNAPSET_STORE_FILE:	return SNAP_STORE_FILE;
	default:			return SNAP_STORE_MEMORY;
	}
}

void snapi_props_set(const struct snapi_attrs *a, struct snap_set_props *p)
{
	struct snapi_attrs store;

	snapi_id(a, SNAPSET_A_SET_ID, &p->id);
	p->attrs = snapi_u32(a, SNAPSET_A_ATTRS);
	p->members = snapi_u32(a, SNAPSET_A_MEMBERS);
	p->state = snapi_u32(a, SNAPSET_A_STATE);
	p->phase = snapi_u32(a, SNAPSET_A_PHASE);
	p->code = snapi_code_from_kernel(snapi_u32(a, SNAPSET_A_CODE));
	p->created_ns = snapi_u64(a, SNAPSET_A_CREATED);
	p->elapsed_ns = snapi_u64(a, SNAPSET_A_ELAPSED_NS);
	p->deadline_ns = snapi_u64(a, SNAPSET_A_DEADLINE_NS);
	p->prepare_ns = snapi_u64(a, SNAPSET_A_T_PREPARE);
	p->freeze_ns = snapi_u64(a, SNAPSET_A_T_FREEZE);
	p->hold_ns = snapi_u64(a, SNAPSET_A_T_HOLD);
	p->drain_ns = snapi_u64(a, SNAPSET_A_T_DRAIN);
	p->frozen_ns = snapi_u64(a, SNAPSET_A_T_FROZEN);
	p->total_ns = snapi_u64(a, SNAPSET_A_T_TOTAL);
	p->parked = snapi_u64(a, SNAPSET_A_PARKED);
	p->budget = snapi_u64(a, SNAPSET_A_BUDGET);
	p->index_limit = snapi_u64(a, SNAPSET_A_INDEX_LIMIT);
	if (snapi_nested_attrs(a, SNAPSET_A_STORE, &store)) {
		p->store_kind = store_kind(snapi_u32(&store, SNAPSET_A_STORE_KIND));
		p->store_major = snapi_u32(&store, SNAPSET_A_STORE_MAJOR);
		p->store_minor = snapi_u32(&store, SNAPSET_A_STORE_MINOR);
		p->store_size = snapi_u64(&store, SNAPSET_A_STORE_SIZE);
		p->store_used = snapi_u64(&store, SNAPSET_A_STORE_USED);
		p->store_files = snapi_u32(&store, SNAPSET_A_STORE_FILES);
		snapi_str(&store, SNAPSET_A_STORE_PATH, p->store_path, sizeof(p->store_path));
		p->store_id = snapi_u64(&store, SNAPSET_A_STORE_ID);
		p->store_rate = snapi_u64(&store, SNAPSET_A_STORE_RATE);
	}
	p->full = snapi_u32(a, SNAPSET_A_FULL);
	p->full_wait_ms = snapi_u32(a, SNAPSET_A_FULL_WAIT_MS);
	p->full_waits = snapi_u32(a, SNAPSET_A_FULL_WAITS);
	p->full_dropped = snapi_u32(a, SNAPSET_A_FULL_DROPPED);
	p->consistency = snapi_u32(a, SNAPSET_A_CONSISTENCY);
	p->sys_errno = snapi_u32(a, SNAPSET_A_ERRNO);
	snapi_str(a, SNAPSET_A_TEXT, p->text, sizeof(p->text));
	snapi_str(a, SNAPSET_A_NAME, p->waits_for, sizeof(p->waits_for));
	snapi_str(a, SNAPSET_A_LABEL, p->label, sizeof(p->label));
	p->owner_pid = snapi_u32(a, SNAPSET_A_OWNER_PID);
	snapi_str(a, SNAPSET_A_OWNER_COMM, p->owner_comm, sizeof(p->owner_comm));
	if (p->created_ns && snapi_has(a, SNAPSET_A_EXPIRE_S))
		p->expires_ns = p->created_ns +
				snapi_u32(a, SNAPSET_A_EXPIRE_S) * UINT64_C(1000000000);
}

void snapi_props_snapshot(const struct snapi_attrs *a, struct snap_snapshot_props *p)
{
	char name[64];

	snapi_id(a, SNAPSET_A_SNAP_ID, &p->id);
	snapi_id(a, SNAPSET_A_SET_ID, &p->set_id);
	p->state = snapi_u32(a, SNAPSET_A_STATE);
	snapi_str(a, SNAPSET_A_NAME, p->volume, sizeof(p->volume));
	p->origin_major = snapi_u32(a, SNAPSET_A_DEV_MAJOR);
	p->origin_minor = snapi_u32(a, SNAPSET_A_DEV_MINOR);
	if (snapi_blk_name(makedev(p->origin_major, p->origin_minor), name))
		snprintf(p->origin, sizeof(p->origin), "/dev/%s", name);
	snapi_str(a, SNAPSET_A_IMAGE_NAME, name, sizeof(name));
	if (name[0])
		snprintf(p->device, sizeof(p->device), "/dev/%s", name);
	p->device_major = snapi_u32(a, SNAPSET_A_IMAGE_MAJOR);
	p->device_minor = snapi_u32(a, SNAPSET_A_IMAGE_MINOR);
	p->block_size = snapi_u32(a, SNAPSET_A_BLOCK_SIZE);
	p->openers = snapi_u32(a, SNAPSET_A_OPENERS);
	p->bytes = snapi_u64(a, SNAPSET_A_SIZE);
	p->created_ns = snapi_u64(a, SNAPSET_A_CREATED);
	p->drain_ns = snapi_u64(a, SNAPSET_A_T_DRAIN);
	p->copied = snapi_u64(a, SNAPSET_A_COPIED);
	p->stored = snapi_u64(a, SNAPSET_A_STORED);
	p->in_ram = snapi_u64(a, SNAPSET_A_IN_RAM);
	p->index = snapi_u64(a, SNAPSET_A_INDEX);
	p->quota = snapi_u64(a, SNAPSET_A_QUOTA);
	p->allocated = snapi_u64(a, SNAPSET_A_ALLOCATED);
	p->exclusive = snapi_u64(a, SNAPSET_A_EXCLUSIVE);
	p->exclusive_known = snapi_has(a, SNAPSET_A_EXCLUSIVE);
	p->consistency = snapi_u32(a, SNAPSET_A_CONSISTENCY);
	snapi_str(a, SNAPSET_A_FROZEN, p->frozen, sizeof(p->frozen));
	p->code = snapi_code_from_kernel(snapi_u32(a, SNAPSET_A_CODE));
	snapi_str(a, SNAPSET_A_TEXT, p->text, sizeof(p->text));
}

void snapi_props_event(const struct snapi_attrs *a, struct snap_event *ev)
{
	struct snapi_attrs store;

	ev->type = snapi_u32(a, SNAPSET_A_EVENT);
	ev->seq = snapi_u64(a, SNAPSET_A_SEQ);
	ev->state = snapi_u32(a, SNAPSET_A_STATE);
	ev->code = (snap_status)snapi_u32(a, SNAPSET_A_CODE);
	snapi_id(a, SNAPSET_A_SET_ID, &ev->set_id);
	snapi_id(a, SNAPSET_A_SNAP_ID, &ev->snapshot_id);
	snapi_str(a, SNAPSET_A_TEXT, ev->text, sizeof(ev->text));
	ev->consistency = snapi_u32(a, SNAPSET_A_CONSISTENCY);
	ev->phase = snapi_u32(a, SNAPSET_A_PHASE);
	ev->sys_errno = snapi_u32(a, SNAPSET_A_ERRNO);
	snapi_str(a, SNAPSET_A_NAME, ev->member, sizeof(ev->member));
	if (snapi_nested_attrs(a, SNAPSET_A_STORE, &store)) {
		ev->store_id = snapi_u64(&store, SNAPSET_A_STORE_ID);
		ev->store_kind = store_kind(snapi_u32(&store, SNAPSET_A_STORE_KIND));
		ev->store_size = snapi_u64(&store, SNAPSET_A_STORE_SIZE);
		ev->store_used = snapi_u64(&store, SNAPSET_A_STORE_USED);
		ev->store_rate = snapi_u64(&store, SNAPSET_A_STORE_RATE);
	}
}
