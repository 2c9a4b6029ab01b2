// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that are right in form: what is wrong with their values, and with the
 * time at which they come.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "nlabi.h"
#include "set.h"
#include "util.h"

static void ask_waits(struct set *s)
{
	static const uint32_t no_wait[] = { 0, 60001 };
	struct nl_msg m;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(no_wait); i++) {
		nl_begin(&s->nl, &m, SNAPSET_CMD_SET_START, 0);
		nl_u64(&m, SNAPSET_A_SESSION, s->session);
		nl_u32(&m, SNAPSET_A_FULL, SNAPSET_FULL_WAIT);
		nl_u32(&m, SNAPSET_A_FULL_WAIT_MS, no_wait[i]);
		expect("SET_START", "a wait for room that is none or too long",
		       nl_call(&s->nl, &m, NULL, NULL), -EINVAL, &s->nl);
	}
}

#define ABSENT	0x80000000ull		/* no value that a test wants to send */

static void ask_stores(struct set *s)
{
	static const struct {
		const char	*what;
		uint64_t	kind, major, minor, limit, fd;
	} stores[] = {
		{ "store of kind 77", 77, ABSENT, ABSENT, ABSENT, ABSENT },
		{ "a device store without device", SNAPSET_STORE_BDEV, ABSENT, ABSENT, ABSENT, ABSENT },
		{ "a store with a major number only", SNAPSET_STORE_BDEV, 8, ABSENT, ABSENT, ABSENT },
		{ "a store with a minor number only", SNAPSET_STORE_BDEV, ABSENT, 0, ABSENT, ABSENT },
		{ "a store with no major number", SNAPSET_STORE_BDEV, 1 << 12, 0, ABSENT, ABSENT },
		{ "a store with no minor number", SNAPSET_STORE_BDEV, 8, 1 << 20, ABSENT, ABSENT },
		{ "a device store with a limit", SNAPSET_STORE_BDEV, 8, 0, 1 << 20, ABSENT },
		{ "a memory store with a device", SNAPSET_STORE_MEMORY, 8, 0, ABSENT, ABSENT },
		{ "a memory store with a minor", SNAPSET_STORE_MEMORY, ABSENT, 0, ABSENT, ABSENT },
		{ "a memory store of 4095 bytes", SNAPSET_STORE_MEMORY, ABSENT, ABSENT, 4095, ABSENT },
		{ "a store without kind", ABSENT, 8, 0, ABSENT, ABSENT },
		{ "a device store with a file", SNAPSET_STORE_BDEV, 8, 0, ABSENT, 0 },
		{ "a memory store with a file", SNAPSET_STORE_MEMORY, ABSENT, ABSENT, ABSENT, 0 },
		{ "a file store without file", SNAPSET_STORE_FILE, ABSENT, ABSENT, ABSENT, ABSENT },
		{ "a file store with a limit", SNAPSET_STORE_FILE, ABSENT, ABSENT, 1 << 20, 0 },
		{ "a file store with a device", SNAPSET_STORE_FILE, 8, 0, ABSENT, 0 },
		{ "a store in a file that is not open", SNAPSET_STORE_FILE, ABSENT, ABSENT, ABSENT, 998 },
		{ "a store in a thing that is no file", SNAPSET_STORE_FILE, ABSENT, ABSENT, ABSENT, 0 },
	};
	struct nl_msg m;
	size_t i, nest;

	for (i = 0; i < ARRAY_SIZE(stores); i++) {
		nl_begin(&s->nl, &m, SNAPSET_CMD_SET_START, 0);
		nl_u64(&m, SNAPSET_A_SESSION, s->session);
		nest = nl_nest(&m, SNAPSET_A_STORE);
		if (stores[i].kind != ABSENT)
			nl_u32(&m, SNAPSET_A_STORE_KIND, stores[i].kind);
		if (stores[i].major != ABSENT)
			nl_u32(&m, SNAPSET_A_STORE_MAJOR, stores[i].major);
		if (stores[i].minor != ABSENT)
			nl_u32(&m, SNAPSET_A_STORE_MINOR, stores[i].minor);
		if (stores[i].limit != ABSENT)
			nl_u64(&m, SNAPSET_A_STORE_LIMIT, stores[i].limit);
		if (stores[i].fd != ABSENT)
			nl_u32(&m, SNAPSET_A_FD, stores[i].fd);
		nl_nest_end(&m, nest);
		expect("SET_START", stores[i].what, nl_call(&s->nl, &m, NULL, NULL), -EINVAL,
		       &s->nl);
	}
}

static void ask_label(struct set *s)
{
	char label[SNAPSET_LABEL_MAX + 2];
	struct nl_msg m;
	int i;

	memset(label, 'x', sizeof(label));
	label[sizeof(label) - 1] = 0;
	nl_begin(&s->nl, &m, SNAPSET_CMD_SET_START, 0);
	nl_u64(&m, SNAPSET_A_SESSION, s->session);
	nl_str(&m, SNAPSET_A_LABEL, label);
	expect("SET_START", "a label that is too long", nl_call(&s->nl, &m, NULL, NULL), -EINVAL,
	       &s->nl);
	for (i = 0; i < 2; i++) {
		nl_begin(&s->nl, &m, SNAPSET_CMD_SET_START, 0);
		nl_u64(&m, SNAPSET_A_SESSION, s->session);
		nl_u32(&m, SNAPSET_A_EXPIRE_S, i ? SNAPSET_EXPIRE_MAX_S + 1 : 0);
		expect("SET_START", i ? "it expires in years" : "it expires at once",
		       nl_call(&s->nl, &m, NULL, NULL), -EINVAL, &s->nl);
	}
	nl_begin(&s->nl, &m, SNAPSET_CMD_SET_ADOPT, 0);
	nl_u64(&m, SNAPSET_A_SESSION, s->session);
	nl_raw(&m, SNAPSET_A_SET_ID, s->id, SNAPSET_ID_LEN);
	nl_u32(&m, SNAPSET_A_ATTRS, SNAPSET_ATTR_NO_WRITERS);
	expect("SET_ADOPT", "an attribute that cannot be changed",
	       nl_call(&s->nl, &m, NULL, NULL), -EINVAL, &s->nl);
}

/* A store that is shared is named and nothing else is said of it. */
static void ask_shared(struct set *s)
{
	struct nl_msg m;
	size_t nest;
	int i;

	for (i = 0; i < 3; i++) {
		static const char *const what[] = {
			"a store that there is not", "the store 0", "a store that is there and a kind",
		};

		nl_begin(&s->nl, &m, SNAPSET_CMD_SET_START, 0);
		nl_u64(&m, SNAPSET_A_SESSION, s->session);
		nest = nl_nest(&m, SNAPSET_A_STORE);
		nl_u64(&m, SNAPSET_A_STORE_ID, i == 1 ? 0 : 0x1234567890ull);
		if (i == 2)
			nl_u32(&m, SNAPSET_A_STORE_KIND, SNAPSET_STORE_MEMORY);
		nl_nest_end(&m, nest);
		expect("SET_START", what[i], nl_call(&s->nl, &m, NULL, NULL),
		       i ? -EINVAL : -ENOENT, &s->nl);
	}
	nl_begin(&s->nl, &m, SNAPSET_CMD_STORE_EXTEND, 0);
	nl_raw(&m, SNAPSET_A_SET_ID, s->id, SNAPSET_ID_LEN);
	nest = nl_nest(&m, SNAPSET_A_STORE);
	nl_u64(&m, SNAPSET_A_STORE_ID, 0x1234567890ull);
	nl_nest_end(&m, nest);
	expect("STORE_EXTEND", "by another store", nl_call(&s->nl, &m, NULL, NULL), -EINVAL,
	       &s->nl);
}

/* The name that a file system was given is what a refusal calls it. */
static void ask_freezes(struct set *s)
{
	struct nl_msg m;
	size_t nest;
	int fd;

	nl_begin(&s->nl, &m, SNAPSET_CMD_SET_DO, 0);
	nl_u64(&m, SNAPSET_A_SESSION, s->session);
	nl_raw(&m, SNAPSET_A_SET_ID, s->id, SNAPSET_ID_LEN);
	nest = nl_nest(&m, SNAPSET_A_FREEZE);
	nl_u32(&m, SNAPSET_A_FD, 998);
	nl_str(&m, SNAPSET_A_NAME, "/by/this/name");
	nl_nest_end(&m, nest);
	expect("SET_DO", "with a name and no open file", nl_call(&s->nl, &m, NULL, NULL), -EINVAL,
	       &s->nl);
	if (!strstr(s->nl.text, "/by/this/name"))
		expect("SET_DO, the sentence does not name it", s->nl.text, -EIO, 0, &s->nl);
	for (size_t i = 0; i < 3; i++) {
		static const char *const what[] = { "of a consistency that there is not",
			"of a snapshot that there is not", "that is frozen, and nothing is" };
		static const int err[] = { -EINVAL, -ENOENT, -EINVAL };

		nl_begin(&s->nl, &m, SNAPSET_CMD_SET_DO, 0);
		nl_u64(&m, SNAPSET_A_SESSION, s->session);
		nl_raw(&m, SNAPSET_A_SET_ID, s->id, SNAPSET_ID_LEN);
		nest = nl_nest(&m, SNAPSET_A_MEMBER);
		nl_raw(&m, SNAPSET_A_SNAP_ID, i == 1 ? s->id : s->snap[0].id, SNAPSET_ID_LEN);
		nl_u32(&m, SNAPSET_A_CONSISTENCY,
		       i ? SNAPSET_CONSISTENCY_FS : SNAPSET_CONSISTENCY_FS + 1);
		nl_nest_end(&m, nest);
		expect("SET_DO", what[i], nl_call(&s->nl, &m, NULL, NULL), err[i], &s->nl);
	}
	fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	expect("SET_DO", "with a file system on no device", set_do(s, &fd, 1), -EINVAL, &s->nl);
	close(fd);
}

/* A device is its major and its minor number, in the ranges that the kernel has for them. */
static void ask_devices(struct set *s)
{
	static const uint32_t no_device[][2] = { { 1 << 12, 0 }, { 8, 1 << 20 }, { -1, -1 } };
	struct nl_msg m;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(no_device); i++) {
		nl_begin(&s->nl, &m, SNAPSET_CMD_SET_ADD, 0);
		nl_u64(&m, SNAPSET_A_SESSION, s->session);
		nl_raw(&m, SNAPSET_A_SET_ID, s->id, SNAPSET_ID_LEN);
		nl_u32(&m, SNAPSET_A_DEV_MAJOR, no_device[i][0]);
		nl_u32(&m, SNAPSET_A_DEV_MINOR, no_device[i][1]);
		expect("SET_ADD", "what is no device number", nl_call(&s->nl, &m, NULL, NULL),
		       -EINVAL, &s->nl);
	}
}

static void ask_quota(struct set *s, dev_t dev)
{
	struct nl_msg m;

	nl_begin(&s->nl, &m, SNAPSET_CMD_SET_ADD, 0);
	nl_u64(&m, SNAPSET_A_SESSION, s->session);
	nl_raw(&m, SNAPSET_A_SET_ID, s->id, SNAPSET_ID_LEN);
	nl_u32(&m, SNAPSET_A_DEV_MAJOR, major(dev));
	nl_u32(&m, SNAPSET_A_DEV_MINOR, minor(dev));
	nl_u64(&m, SNAPSET_A_QUOTA, 4095);
	expect("SET_ADD", "a quota of less than a granule", nl_call(&s->nl, &m, NULL, NULL),
	       -EINVAL, &s->nl);
}

void ask_values(dev_t dev, dev_t other)
{
	static const struct {
		uint16_t	attr;
		bool		wide;
		uint64_t	value;
	} values[] = {
		{ SNAPSET_A_ATTRS, false, 0x80000000 },
		{ SNAPSET_A_ATTRS, false, 0x1 },
		{ SNAPSET_A_HOLD_TIMEOUT_MS, false, 0 },
		{ SNAPSET_A_HOLD_TIMEOUT_MS, false, 10001 },
		{ SNAPSET_A_FREEZE_TIMEOUT_MS, false, 0 },
		{ SNAPSET_A_FREEZE_TIMEOUT_MS, false, 60001 },
		{ SNAPSET_A_STALL_TIMEOUT_MS, false, 99 },
		{ SNAPSET_A_STALL_TIMEOUT_MS, false, 60001 },
		{ SNAPSET_A_BUDGET, true, (1 << 20) - 1 },
		{ SNAPSET_A_BUDGET, true, (1ull << 30) + 1 },
		{ SNAPSET_A_INDEX_LIMIT, true, (1 << 20) - 1 },
		{ SNAPSET_A_FULL, false, 3 },
		{ SNAPSET_A_FULL_WAIT_MS, false, 1000 },	/* nobody waits */
	};
	static const uint8_t foreign[SNAPSET_ID_LEN] = { 1, 2, 3 };
	struct set_options o = { 0 };
	struct set s, t;
	struct nl_msg m;
	uint32_t code;
	size_t i;
	int bad_fd = 999;

	if (set_open(&s) || set_open(&t))
		die("opening a session: %s", s.nl.text);
	nl_begin(&s.nl, &m, SNAPSET_CMD_SESSION_OPEN, 0);
	expect("SESSION_OPEN", "a second time", nl_call(&s.nl, &m, NULL, NULL), -EEXIST, &s.nl);

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		char what[64];

		nl_begin(&s.nl, &m, SNAPSET_CMD_SET_START, 0);
		nl_u64(&m, SNAPSET_A_SESSION, s.session);
		if (!values[i].wide)
			nl_u32(&m, values[i].attr, values[i].value);
		else
			nl_u64(&m, values[i].attr, values[i].value);
		snprintf(what, sizeof(what), "attribute %u = %llu", values[i].attr,
			 (unsigned long long)values[i].value);
		expect("SET_START", what, nl_call(&s.nl, &m, NULL, NULL), -EINVAL, &s.nl);
	}
	ask_waits(&s);
	ask_stores(&s);
	ask_shared(&s);
	ask_label(&s);
	nl_begin(&s.nl, &m, SNAPSET_CMD_SET_START, 0);
	nl_u64(&m, SNAPSET_A_SESSION, s.session ^ t.session ^ 0x5555);
	expect("SET_START", "with a session that there is not", nl_call(&s.nl, &m, NULL, NULL),
	       -EPROTO, &s.nl);

	/* a set in the making, and everything that cannot be done to it */
	expect("SET_START", "rightly", set_start(&s, &o), 0, &s.nl);
	expect("SET_START", "while one is in the making", set_start(&s, &o), -EINPROGRESS, &s.nl);
	expect("SET_START", "while another's is", set_start(&t, &o), -EINPROGRESS, &t.nl);
	expect("SET_DO", "of an empty set", set_do(&s, NULL, 0), -EPROTO, &s.nl);
	expect("SET_ADD", "no such device", set_add(&s, makedev(240, 12345), NULL), -ENXIO, &s.nl);
	ask_devices(&s);
	ask_quota(&s, dev);
	expect("SET_ADD", "rightly", set_add(&s, dev, "mine"), 0, &s.nl);
	expect("SET_ADD", "the same again", set_add(&s, dev, "mine"), -EEXIST, &s.nl);
	memcpy(t.id, s.id, sizeof(t.id));
	expect("SET_ADD", "to another's set", set_add(&t, other, NULL), -EPROTO, &t.nl);
	expect("SET_DO", "another's set", set_do(&t, NULL, 0), -EPROTO, &t.nl);
	expect("SET_CANCEL", "another's set", set_cancel(&t, &code), -EPROTO, &t.nl);
	expect("DELETE", "a set in the making", set_delete(&s.nl, s.id, false), -EPROTO, &s.nl);
	expect("DELETE", "by force", set_delete(&s.nl, s.id, true), -EPROTO, &s.nl);
	expect("DELETE", "a foreign snapshot", snap_delete(&s.nl, foreign, false), -ENOENT, &s.nl);
	nl_begin(&s.nl, &m, SNAPSET_CMD_DELETE, 0);
	nl_raw(&m, SNAPSET_A_SET_ID, s.id, SNAPSET_ID_LEN);
	nl_raw(&m, SNAPSET_A_SNAP_ID, s.snap[0].id, SNAPSET_ID_LEN);
	expect("DELETE", "set and snapshot", nl_call(&s.nl, &m, NULL, NULL), -EINVAL, &s.nl);
	nl_begin(&s.nl, &m, SNAPSET_CMD_DELETE, 0);
	expect("DELETE", "nothing", nl_call(&s.nl, &m, NULL, NULL), -EINVAL, &s.nl);
	expect("SET_DO", "with a file that is not open", set_do(&s, &bad_fd, 1), -EINVAL, &s.nl);
	ask_freezes(&s);
	expect("SET_CANCEL", "an open set", set_cancel(&s, &code), 0, &s.nl);
	if (code != SNAPSET_S_OK)
		expect("SET_CANCEL", code_name(code), -EIO, 0, &s.nl);
	expect("SET_CANCEL", "again", set_cancel(&s, &code), 0, &s.nl);
	if (code != SNAPSET_S_ASYNC_CANCELLED)
		expect("SET_CANCEL again", code_name(code), -EIO, 0, &s.nl);
	expect("SET_ADD", "to a cancelled set", set_add(&s, other, NULL), -EPROTO, &s.nl);
	expect("SET_DO", "a cancelled set", set_do(&s, NULL, 0), -EPROTO, &s.nl);

	/* one that exists */
	set_take(&s, &o, &dev, 1, NULL, 0);
	expect("SET_DO", "a created set", set_do(&s, NULL, 0), -EPROTO, &s.nl);
	expect("SET_ADD", "to a created set", set_add(&s, other, NULL), -EPROTO, &s.nl);
	expect("SET_CANCEL", "a created set", set_cancel(&s, &code), 0, &s.nl);
	if (code != SNAPSET_S_ASYNC_FINISHED)
		expect("SET_CANCEL", code_name(code), -EIO, 0, &s.nl);
	bad_fd = open(s.snap[0].image, O_RDONLY | O_CLOEXEC);
	if (bad_fd < 0)
		die("cannot open %s: %s", s.snap[0].image, strerror(errno));
	expect("DELETE", "an image that is open", set_delete(&s.nl, s.id, false), -EBUSY, &s.nl);
	close(bad_fd);
	expect("DELETE", "rightly", set_delete_idle(&s.nl, s.id), 0, &s.nl);
	expect("DELETE", "what is gone", snap_delete(&s.nl, s.snap[0].id, false), -ENOENT, &s.nl);
	set_close(&s);
	set_close(&t);
}
