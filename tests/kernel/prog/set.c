// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "set.h"
#include "util.h"

#define COUNTERS "/sys/kernel/debug/snapset/counters"

static void learn_session(const struct nl_attrs *a, void *arg)
{
	((struct set *)arg)->session = nl_get_u64(a, SNAPSET_A_SESSION);
}

int set_open(struct set *s)
{
	struct nl_msg m;
	int err;

	memset(s, 0, sizeof(*s));
	err = nl_open(&s->nl);
	if (err) {
		snprintf(s->nl.text, sizeof(s->nl.text), "there is no netlink family \"%s\"",
			 SNAPSET_GENL_NAME);
		return err;
	}
	nl_begin(&s->nl, &m, SNAPSET_CMD_SESSION_OPEN, 0);
	err = nl_call(&s->nl, &m, learn_session, s);
	if (err)
		nl_close(&s->nl);
	return err;
}

void set_close(struct set *s)
{
	nl_close(&s->nl);
}

static void learn_set_id(const struct nl_attrs *a, void *arg)
{
	struct set *s = arg;

	if (a->len[SNAPSET_A_SET_ID] == SNAPSET_ID_LEN)
		memcpy(s->id, a->value[SNAPSET_A_SET_ID], SNAPSET_ID_LEN);
}

int set_start(struct set *s, const struct set_options *o)
{
	struct nl_msg m;

	s->members = 0;
	nl_begin(&s->nl, &m, SNAPSET_CMD_SET_START, 0);
	nl_u64(&m, SNAPSET_A_SESSION, s->session);
	if (o->attrs)
		nl_u32(&m, SNAPSET_A_ATTRS, o->attrs);
	if (o->hold_ms)
		nl_u32(&m, SNAPSET_A_HOLD_TIMEOUT_MS, o->hold_ms);
	if (o->freeze_ms)
		nl_u32(&m, SNAPSET_A_FREEZE_TIMEOUT_MS, o->freeze_ms);
	if (o->stall_ms)
		nl_u32(&m, SNAPSET_A_STALL_TIMEOUT_MS, o->stall_ms);
	if (o->budget)
		nl_u64(&m, SNAPSET_A_BUDGET, o->budget);
	if (o->index_limit)
		nl_u64(&m, SNAPSET_A_INDEX_LIMIT, o->index_limit);
	if (o->full)
		nl_u32(&m, SNAPSET_A_FULL, o->full);
	if (o->full_wait_ms)
		nl_u32(&m, SNAPSET_A_FULL_WAIT_MS, o->full_wait_ms);
	if (o->share) {
		size_t nest = nl_nest(&m, SNAPSET_A_STORE);

		nl_u64(&m, SNAPSET_A_STORE_ID, o->share);
		nl_nest_end(&m, nest);
	} else if (o->nr_files) {
		size_t nest = nl_nest(&m, SNAPSET_A_STORE);
		unsigned int i;

		nl_u32(&m, SNAPSET_A_STORE_KIND, SNAPSET_STORE_FILE);
		for (i = 0; i < o->nr_files; i++)
			nl_u32(&m, SNAPSET_A_FD, o->files[i]);
		if (o->store_keep)
			nl_raw(&m, SNAPSET_A_STORE_KEEP, NULL, 0);
		nl_nest_end(&m, nest);
	} else if (o->store || o->store_limit) {
		size_t nest = nl_nest(&m, SNAPSET_A_STORE);

		nl_u32(&m, SNAPSET_A_STORE_KIND,
		       o->store ? SNAPSET_STORE_BDEV : SNAPSET_STORE_MEMORY);
		if (o->store) {
			nl_u32(&m, SNAPSET_A_STORE_MAJOR, major(o->store));
			nl_u32(&m, SNAPSET_A_STORE_MINOR, minor(o->store));
		}
		if (o->store_limit)
			nl_u64(&m, SNAPSET_A_STORE_LIMIT, o->store_limit);
		nl_nest_end(&m, nest);
	}
	return nl_call(&s->nl, &m, learn_set_id, s);
}

static void learn_snap_id(const struct nl_attrs *a, void *arg)
{
	struct snap *snap = arg;

	if (a->len[SNAPSET_A_SNAP_ID] == SNAPSET_ID_LEN)
		memcpy(snap->id, a->value[SNAPSET_A_SNAP_ID], SNAPSET_ID_LEN);
}

int set_add(struct set *s, dev_t dev, const char *name)
{
	return set_add_quota(s, dev, name, 0);
}

int set_add_quota(struct set *s, dev_t dev, const char *name, uint64_t quota)
{
	struct snap *snap = &s->snap[s->members];
	struct nl_msg m;
	int err;

	memset(snap, 0, sizeof(*snap));
	snap->dev = dev;
	nl_begin(&s->nl, &m, SNAPSET_CMD_SET_ADD, 0);
	nl_u64(&m, SNAPSET_A_SESSION, s->session);
	nl_raw(&m, SNAPSET_A_SET_ID, s->id, SNAPSET_ID_LEN);
	nl_u32(&m, SNAPSET_A_DEV_MAJOR, major(dev));
	nl_u32(&m, SNAPSET_A_DEV_MINOR, minor(dev));
	if (name)
		nl_str(&m, SNAPSET_A_NAME, name);
	if (quota)
		nl_u64(&m, SNAPSET_A_QUOTA, quota);
	err = nl_call(&s->nl, &m, learn_snap_id, snap);
	if (!err)
		s->members++;
	return err;
}

int set_do(struct set *s, const int *freeze_fds, unsigned int n)
{
	struct nl_msg m;
	unsigned int i;

	nl_begin(&s->nl, &m, SNAPSET_CMD_SET_DO, 0);
	nl_u64(&m, SNAPSET_A_SESSION, s->session);
	nl_raw(&m, SNAPSET_A_SET_ID, s->id, SNAPSET_ID_LEN);
	for (i = 0; i < n; i++) {
		size_t nest = nl_nest(&m, SNAPSET_A_FREEZE);

		nl_u32(&m, SNAPSET_A_FD, freeze_fds[i]);
		nl_nest_end(&m, nest);
	}
	return nl_call(&s->nl, &m, NULL, NULL);
}

static void learn_set(const struct nl_attrs *a, void *arg)
{
	struct set *s = arg;

	s->state = nl_get_u32(a, SNAPSET_A_STATE);
	s->phase = nl_get_u32(a, SNAPSET_A_PHASE);
	s->code = nl_get_u32(a, SNAPSET_A_CODE);
	snprintf(s->text, sizeof(s->text), "%s", nl_get_str(a, SNAPSET_A_TEXT));
	s->prepare_ns = nl_get_u64(a, SNAPSET_A_T_PREPARE);
	s->freeze_ns = nl_get_u64(a, SNAPSET_A_T_FREEZE);
	s->hold_ns = nl_get_u64(a, SNAPSET_A_T_HOLD);
	s->drain_ns = nl_get_u64(a, SNAPSET_A_T_DRAIN);
	s->frozen_ns = nl_get_u64(a, SNAPSET_A_T_FROZEN);
	s->total_ns = nl_get_u64(a, SNAPSET_A_T_TOTAL);
	s->parked = nl_get_u64(a, SNAPSET_A_PARKED);
	s->created = nl_get_u64(a, SNAPSET_A_CREATED);
}

int set_get(struct set *s)
{
	struct nl_msg m;

	nl_begin(&s->nl, &m, SNAPSET_CMD_SET_GET, 0);
	nl_raw(&m, SNAPSET_A_SET_ID, s->id, SNAPSET_ID_LEN);
	return nl_call(&s->nl, &m, learn_set, s);
}

static void learn_snap(const struct nl_attrs *a, void *arg)
{
	struct snap *s = arg;

	if (a->len[SNAPSET_A_SNAP_ID] == SNAPSET_ID_LEN)
		memcpy(s->id, a->value[SNAPSET_A_SNAP_ID], SNAPSET_ID_LEN);
	if (a->len[SNAPSET_A_SET_ID] == SNAPSET_ID_LEN)
		memcpy(s->set_id, a->value[SNAPSET_A_SET_ID], SNAPSET_ID_LEN);
	s->dev = makedev(nl_get_u32(a, SNAPSET_A_DEV_MAJOR), nl_get_u32(a, SNAPSET_A_DEV_MINOR));
	s->state = nl_get_u32(a, SNAPSET_A_STATE);
	s->code = nl_get_u32(a, SNAPSET_A_CODE);
	s->openers = nl_get_u32(a, SNAPSET_A_OPENERS);
	s->block = nl_get_u32(a, SNAPSET_A_BLOCK_SIZE);
	snprintf(s->text, sizeof(s->text), "%s", nl_get_str(a, SNAPSET_A_TEXT));
	if (a->value[SNAPSET_A_IMAGE_NAME])
		snprintf(s->image, sizeof(s->image), "/dev/%s",
			 nl_get_str(a, SNAPSET_A_IMAGE_NAME));
	s->size = nl_get_u64(a, SNAPSET_A_SIZE);
	s->copied = nl_get_u64(a, SNAPSET_A_COPIED);
	s->stored = nl_get_u64(a, SNAPSET_A_STORED);
	s->in_ram = nl_get_u64(a, SNAPSET_A_IN_RAM);
	s->index = nl_get_u64(a, SNAPSET_A_INDEX);
	s->drain_ns = nl_get_u64(a, SNAPSET_A_T_DRAIN);
}

int snap_get(struct nl *nl, const uint8_t *snap_id, struct snap *out)
{
	struct nl_msg m;

	nl_begin(nl, &m, SNAPSET_CMD_SNAP_GET, 0);
	nl_raw(&m, SNAPSET_A_SNAP_ID, snap_id, SNAPSET_ID_LEN);
	return nl_call(nl, &m, learn_snap, out);
}

uint32_t set_wait(struct set *s, unsigned int timeout_ms)
{
	uint64_t end = now_ns() + timeout_ms * 1000000ull;
	unsigned int i, nap = 1;
	int err;

	for (;;) {
		err = set_get(s);
		if (err)
			die("asking for the set: %s %s", strerror(-err), s->nl.text);
		if (s->code != SNAPSET_S_ASYNC_PENDING)
			break;
		if (now_ns() > end)
			return s->code;
		sleep_ms(nap);
		if (nap < 16)
			nap *= 2;
	}
	if (s->code != SNAPSET_S_ASYNC_FINISHED)
		return s->code;

	for (i = 0; i < s->members; i++) {
		err = snap_get(&s->nl, s->snap[i].id, &s->snap[i]);
		if (err)
			die("asking for a snapshot: %s %s", strerror(-err), s->nl.text);
	}
	return s->code;
}

void set_wait_times(struct set *s, unsigned int timeout_ms)
{
	uint64_t end = now_ns() + timeout_ms * 1000000ull;

	while (s->phase != SNAPSET_PHASE_DONE && now_ns() < end) {
		sleep_ms(4);
		if (set_get(s))
			return;
	}
}

static void learn_code(const struct nl_attrs *a, void *arg)
{
	*(uint32_t *)arg = nl_get_u32(a, SNAPSET_A_CODE);
}

static int cancel_once(struct set *s, uint32_t *code)
{
	struct nl_msg m;

	nl_begin(&s->nl, &m, SNAPSET_CMD_SET_CANCEL, 0);
	nl_u64(&m, SNAPSET_A_SESSION, s->session);
	nl_raw(&m, SNAPSET_A_SET_ID, s->id, SNAPSET_ID_LEN);
	return nl_call(&s->nl, &m, learn_code, code);
}

int set_cancel(struct set *s, uint32_t *code)
{
	uint64_t end = now_ns() + 300000000000ull;
	int err = cancel_once(s, code);
	uint32_t now = *code;

	/* and when it is over */
	while (!err && (now == SNAPSET_S_OK || now == SNAPSET_S_ASYNC_PENDING)) {
		sleep_ms(2);
		err = cancel_once(s, &now);
		if (now_ns() > end)
			die("a cancelled set does not end");
	}
	if (*code == SNAPSET_S_ASYNC_PENDING)
		*code = now;
	return err;
}

int store_extend(struct nl *nl, const uint8_t *set_id, int fd)
{
	struct nl_msg m;
	size_t nest;

	nl_begin(nl, &m, SNAPSET_CMD_STORE_EXTEND, 0);
	nl_raw(&m, SNAPSET_A_SET_ID, set_id, SNAPSET_ID_LEN);
	nest = nl_nest(&m, SNAPSET_A_STORE);
	nl_u32(&m, SNAPSET_A_STORE_KIND, SNAPSET_STORE_FILE);
	nl_u32(&m, SNAPSET_A_FD, fd);
	nl_nest_end(&m, nest);
	return nl_call(nl, &m, NULL, NULL);
}

static void learn_store(const struct nl_attrs *a, void *arg)
{
	struct set_store *store = arg;
	struct nl_attrs in;

	nl_get_nest(a, SNAPSET_A_STORE, &in);
	store->kind = nl_get_u32(&in, SNAPSET_A_STORE_KIND);
	store->id = nl_get_u64(&in, SNAPSET_A_STORE_ID);
	store->rate = nl_get_u64(&in, SNAPSET_A_STORE_RATE);
	store->full = nl_get_u32(a, SNAPSET_A_FULL);
	store->full_wait_ms = nl_get_u32(a, SNAPSET_A_FULL_WAIT_MS);
	store->full_waits = nl_get_u32(a, SNAPSET_A_FULL_WAITS);
	store->full_dropped = nl_get_u32(a, SNAPSET_A_FULL_DROPPED);
	store->size = nl_get_u64(&in, SNAPSET_A_STORE_SIZE);
	store->used = nl_get_u64(&in, SNAPSET_A_STORE_USED);
	store->files = nl_get_u32(&in, SNAPSET_A_STORE_FILES);
	snprintf(store->path, sizeof(store->path), "%s", nl_get_str(&in, SNAPSET_A_STORE_PATH));
}

int store_get(struct nl *nl, const uint8_t *set_id, struct set_store *out)
{
	struct nl_msg m;

	memset(out, 0, sizeof(*out));
	nl_begin(nl, &m, SNAPSET_CMD_SET_GET, 0);
	nl_raw(&m, SNAPSET_A_SET_ID, set_id, SNAPSET_ID_LEN);
	return nl_call(nl, &m, learn_store, out);
}

static void learn_space(const struct nl_attrs *a, void *arg)
{
	struct snap_space *space = arg;

	space->allocated = nl_get_u64(a, SNAPSET_A_ALLOCATED);
	space->exclusive = nl_get_u64(a, SNAPSET_A_EXCLUSIVE);
	space->quota = nl_get_u64(a, SNAPSET_A_QUOTA);
}

int snap_space(struct nl *nl, const uint8_t *snap_id, struct snap_space *out)
{
	struct nl_msg m;

	memset(out, 0, sizeof(*out));
	nl_begin(nl, &m, SNAPSET_CMD_SNAP_GET, 0);
	nl_raw(&m, SNAPSET_A_SNAP_ID, snap_id, SNAPSET_ID_LEN);
	nl_raw(&m, SNAPSET_A_COUNT_EXCLUSIVE, NULL, 0);
	return nl_call(nl, &m, learn_space, out);
}

static int delete_once(struct nl *nl, uint16_t attr, const uint8_t *id, bool force)
{
	struct nl_msg m;

	nl_begin(nl, &m, SNAPSET_CMD_DELETE, 0);
	nl_raw(&m, attr, id, SNAPSET_ID_LEN);
	if (force)
		nl_raw(&m, SNAPSET_A_FORCE, NULL, 0);
	return nl_call(nl, &m, NULL, NULL);
}

/* Waits until nothing of it is left; or for as long as the kernel's own deadline. */
static int delete(struct nl *nl, uint16_t attr, const uint8_t *id, bool force)
{
	uint64_t end = now_ns() + 5000000000ull;
	int err = delete_once(nl, attr, id, force);

	if (err)
		return err;
	while (delete_once(nl, attr, id, force) == -EINPROGRESS && now_ns() < end)
		sleep_ms(2);
	return 0;
}

int set_delete(struct nl *nl, const uint8_t *set_id, bool force)
{
	return delete(nl, SNAPSET_A_SET_ID, set_id, force);
}

int set_delete_idle(struct nl *nl, const uint8_t *set_id)
{
	uint64_t end = now_ns() + 10000000000ull;
	int err;

	do {
		err = set_delete(nl, set_id, false);
	} while (err == -EBUSY && now_ns() < end && (sleep_ms(2), true));
	return err;
}

int snap_delete(struct nl *nl, const uint8_t *snap_id, bool force)
{
	return delete(nl, SNAPSET_A_SNAP_ID, snap_id, force);
}

void set_take(struct set *s, const struct set_options *o, const dev_t *dev, unsigned int n,
	      const int *freeze_fds, unsigned int nfds)
{
	unsigned int i;
	uint32_t code;
	int err;

	err = set_start(s, o);
	if (err)
		die("starting a set: %s %s", strerror(-err), s->nl.text);
	for (i = 0; i < n; i++) {
		err = set_add(s, dev[i], NULL);
		if (err)
			die("adding %u:%u: %s %s", major(dev[i]), minor(dev[i]), strerror(-err),
			    s->nl.text);
	}
	err = set_do(s, freeze_fds, nfds);
	if (err)
		die("making the set: %s %s", strerror(-err), s->nl.text);
	code = set_wait(s, 60000);
	if (code != SNAPSET_S_ASYNC_FINISHED)
		die("the set was not made: %s: %s", code_name(code), s->text);
}

struct ids {
	unsigned int	n;
	uint8_t		id[256][SNAPSET_ID_LEN];
};

static void collect_id(const struct nl_attrs *a, void *arg)
{
	struct ids *ids = arg;

	if (ids->n < ARRAY_SIZE(ids->id) && a->len[SNAPSET_A_SET_ID] == SNAPSET_ID_LEN)
		memcpy(ids->id[ids->n++], a->value[SNAPSET_A_SET_ID], SNAPSET_ID_LEN);
}

int sets_clear(struct nl *nl)
{
	struct ids ids = { 0 };
	struct nl_msg m;
	unsigned int i;
	int err;

	nl_begin(nl, &m, SNAPSET_CMD_SET_GET, 0x300 /* NLM_F_DUMP */);
	err = nl_call(nl, &m, collect_id, &ids);
	if (err)
		die("listing the sets: %s %s", strerror(-err), nl->text);
	for (i = 0; i < ids.n; i++) {
		err = set_delete(nl, ids.id[i], true);
		/* failed ones and ones that just go away with their owner */
		if (err && err != -ENOENT && err != -EPROTO)
			die("deleting a set: %s %s", strerror(-err), nl->text);
	}
	return ids.n;
}

static long counters(const char *name, bool alive)
{
	char buf[4096], *line, *next;
	long sum = 0;
	int err;

	err = read_text(COUNTERS, buf, sizeof(buf));
	if (err < 0)
		return err;
	for (line = buf; *line; line = next) {
		char what[64];
		long a, made;

		next = strchrnul(line, '\n');
		if (*next)
			*next++ = 0;
		if (sscanf(line, "%63s %ld %ld", what, &a, &made) != 3)
			continue;
		if (!name)
			sum += a;
		else if (!strcmp(name, what))
			return alive ? a : made;
	}
	return name ? -ENOENT : sum;
}

long counters_alive(void)
{
	return counters(NULL, true);
}

long counter(const char *name, bool alive)
{
	return counters(name, alive);
}

const char *code_name(uint32_t code)
{
	static __thread char other[16];

	switch (code) {
#define CODE(x)	case SNAPSET_##x: return #x
	CODE(S_OK);
	CODE(S_ASYNC_PENDING);
	CODE(S_ASYNC_FINISHED);
	CODE(S_ASYNC_CANCELLED);
	CODE(E_ACCESSDENIED);
	CODE(E_INVALIDARG);
	CODE(E_OUTOFMEMORY);
	CODE(E_BAD_STATE);
	CODE(E_UNEXPECTED);
	CODE(E_PROVIDER_VETO);
	CODE(E_OBJECT_NOT_FOUND);
	CODE(E_VOLUME_NOT_SUPPORTED);
	CODE(E_OBJECT_ALREADY_EXISTS);
	CODE(E_UNEXPECTED_PROVIDER_ERROR);
	CODE(E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED);
	CODE(E_FLUSH_WRITES_TIMEOUT);
	CODE(E_HOLD_WRITES_TIMEOUT);
	CODE(E_SNAPSHOT_SET_IN_PROGRESS);
	CODE(E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED);
	CODE(E_VOLUME_IN_USE);
	CODE(E_INSUFFICIENT_STORAGE);
	CODE(E_REBOOT_REQUIRED);
	CODE(E_NESTED_VOLUME_LIMIT);
#undef CODE
	}
	snprintf(other, sizeof(other), "0x%08x", code);
	return other;
}

void id_text(const uint8_t *id, char *out)
{
	unsigned int i;

	for (i = 0; i < SNAPSET_ID_LEN; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		out += sprintf(out, "%02x", id[i]);
	}
}

bool id_parse(const char *text, uint8_t *id)
{
	unsigned int i, v;

	for (i = 0; i < SNAPSET_ID_LEN; i++) {
		if (*text == '-')
			text++;
		if (sscanf(text, "%2x", &v) != 1)
			return false;
		id[i] = v;
		text += 2;
	}
	return !*text;
}
