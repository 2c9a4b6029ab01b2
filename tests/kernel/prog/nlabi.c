// SPDX-License-Identifier: GPL-2.0-only
/*
 * nlabi DEVICE OTHER-DEVICE: says to the module, in netlink, everything that is
 * wrong, and expects to be told so: the errno of the protocol and a sentence.
 *
 * The table below repeats snapset.h's comments by hand: it is the second
 * opinion on which attributes a command takes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nl.h"
#include "nlabi.h"
#include "set.h"
#include "util.h"

#define DUMP	0x300		/* NLM_F_DUMP */

enum kind { U32, U64, ID, STR, NEST, FLAG, DEVS };

struct arg {
	uint16_t	attr;
	enum kind	kind;
	bool		need;
};

static const struct spec {
	const char	*name;
	uint8_t		cmd;
	bool		dump;
	int		bare;	/* with nothing wrong in form, but all values foreign */
	struct arg	arg[13];
} specs[] = {
	{ "SESSION_OPEN", SNAPSET_CMD_SESSION_OPEN, false, 0, { { 0 } } },
	{ "INFO_GET", SNAPSET_CMD_INFO_GET, false, 0, { { 0 } } },
	{ "SET_START", SNAPSET_CMD_SET_START, false, -EPROTO, {
		{ SNAPSET_A_SESSION, U64, true },
		{ SNAPSET_A_ATTRS, U32, false },
		{ SNAPSET_A_HOLD_TIMEOUT_MS, U32, false },
		{ SNAPSET_A_FREEZE_TIMEOUT_MS, U32, false },
		{ SNAPSET_A_STALL_TIMEOUT_MS, U32, false },
		{ SNAPSET_A_BUDGET, U64, false },
		{ SNAPSET_A_INDEX_LIMIT, U64, false },
		{ SNAPSET_A_STORE, NEST, false },
		{ SNAPSET_A_FULL, U32, false },
		{ SNAPSET_A_FULL_WAIT_MS, U32, false },
		{ SNAPSET_A_LABEL, STR, false },
		{ SNAPSET_A_EXPIRE_S, U32, false } } },
	{ "SET_ADD", SNAPSET_CMD_SET_ADD, false, -EPROTO, {
		{ SNAPSET_A_SESSION, U64, true },
		{ SNAPSET_A_SET_ID, ID, true },
		{ SNAPSET_A_DEV_MAJOR, U32, true },
		{ SNAPSET_A_DEV_MINOR, U32, true },
		{ SNAPSET_A_NAME, STR, false },
		{ SNAPSET_A_QUOTA, U64, false },
		{ SNAPSET_A_NOFLUSH, FLAG, false },
		{ SNAPSET_A_ABOVE, DEVS, false } } },
	{ "SET_DO", SNAPSET_CMD_SET_DO, false, -EPROTO, {
		{ SNAPSET_A_SESSION, U64, true },
		{ SNAPSET_A_SET_ID, ID, true },
		{ SNAPSET_A_FREEZE, NEST, false },
		{ SNAPSET_A_MEMBER, NEST, false } } },
	{ "SET_CANCEL", SNAPSET_CMD_SET_CANCEL, false, -EPROTO, {
		{ SNAPSET_A_SESSION, U64, true },
		{ SNAPSET_A_SET_ID, ID, true } } },
	{ "SET_GET", SNAPSET_CMD_SET_GET, false, -ENOENT, {
		{ SNAPSET_A_SET_ID, ID, true } } },
	{ "SET_GET dump", SNAPSET_CMD_SET_GET, true, 0, { { 0 } } },
	{ "SNAP_GET", SNAPSET_CMD_SNAP_GET, false, -ENOENT, {
		{ SNAPSET_A_SNAP_ID, ID, true },
		{ SNAPSET_A_COUNT_EXCLUSIVE, FLAG, false } } },
	{ "SNAP_GET dump", SNAPSET_CMD_SNAP_GET, true, 0, {
		{ SNAPSET_A_SET_ID, ID, false } } },
	{ "DELETE set", SNAPSET_CMD_DELETE, false, -EPROTO, {
		{ SNAPSET_A_SET_ID, ID, true },
		{ SNAPSET_A_SESSION, U64, false },
		{ SNAPSET_A_FORCE, FLAG, false } } },
	{ "DELETE snapshot", SNAPSET_CMD_DELETE, false, -ENOENT, {
		{ SNAPSET_A_SNAP_ID, ID, true },
		{ SNAPSET_A_FORCE, FLAG, false } } },
	/* the store that put() makes up has no file */
	{ "STORE_EXTEND", SNAPSET_CMD_STORE_EXTEND, false, -EINVAL, {
		{ SNAPSET_A_SET_ID, ID, true },
		{ SNAPSET_A_STORE, NEST, true } } },
	{ "SET_ADOPT", SNAPSET_CMD_SET_ADOPT, false, -EPROTO, {
		{ SNAPSET_A_SESSION, U64, true },
		{ SNAPSET_A_SET_ID, ID, true },
		{ SNAPSET_A_ATTRS, U32, false } } },
};

/* What is in the nests, as far as a request may say it. */
static const struct arg store_args[] = {
	{ SNAPSET_A_STORE_KIND, U32, true },
	{ SNAPSET_A_STORE_MAJOR, U32, false },
	{ SNAPSET_A_STORE_MINOR, U32, false },
	{ SNAPSET_A_STORE_LIMIT, U64, false },
	{ SNAPSET_A_FD, U32, false },
	{ SNAPSET_A_STORE_KEEP, FLAG, false },
	{ SNAPSET_A_STORE_ID, U64, false },
	{ 0 }
};

static const struct arg freeze_args[] = {
	{ SNAPSET_A_FD, U32, true },
	{ SNAPSET_A_NAME, STR, false },
	{ 0 }
};

static const struct arg member_args[] = {
	{ SNAPSET_A_SNAP_ID, ID, true },
	{ SNAPSET_A_CONSISTENCY, U32, true },
	{ SNAPSET_A_FROZEN, STR, false },
	{ 0 }
};

static unsigned int asked, wrong;

static const char *err_name(int err)
{
	return err ? errno_name(-err) : "0";
}

/* The kernel's own refusals may be without a sentence, ours may not. */
static void expect_bare(const char *who, const char *what, int got, int want)
{
	asked++;
	if (got == want)
		return;
	wrong++;
	printf("%s, %s: %s, should be %s\n", who, what, err_name(got), err_name(want));
}

void expect(const char *who, const char *what, int got, int want, const struct nl *nl)
{
	expect_bare(who, what, got, want);
	if (!got || nl->said)
		return;
	wrong++;
	printf("%s, %s: %s WITHOUT A SENTENCE\n", who, what, err_name(got));
}

/* An attribute of the right form with a value that means nothing. */
static uint32_t some_u32(uint16_t attr)
{
	switch (attr) {
	case SNAPSET_A_ATTRS:
		return SNAPSET_ATTR_NO_WRITERS;
	case SNAPSET_A_FULL:
		return SNAPSET_FULL_WAIT;	/* so that FULL_WAIT_MS may go with it */
	case SNAPSET_A_CONSISTENCY:
		return SNAPSET_CONSISTENCY_RAW;
	default:
		return 1000;
	}
}

static const uint8_t id[SNAPSET_ID_LEN] = { 0xde, 0xad, 1, 2, 3, 4 };

/* What a nest must have, but for @but. */
static void put_needed(struct nl_msg *m, uint16_t nest, uint16_t but)
{
	switch (nest) {
	case SNAPSET_A_STORE:
		if (but != SNAPSET_A_STORE_KIND && but != SNAPSET_A_STORE_ID)
			nl_u32(m, SNAPSET_A_STORE_KIND, SNAPSET_STORE_MEMORY);
		break;
	case SNAPSET_A_FREEZE:
		if (but != SNAPSET_A_FD)
			nl_u32(m, SNAPSET_A_FD, 0);
		break;
	case SNAPSET_A_MEMBER:
		if (but != SNAPSET_A_SNAP_ID)
			nl_raw(m, SNAPSET_A_SNAP_ID, id, sizeof(id));
		if (but != SNAPSET_A_CONSISTENCY)
			nl_u32(m, SNAPSET_A_CONSISTENCY, SNAPSET_CONSISTENCY_RAW);
		break;
	}
}

static void put(struct nl_msg *m, const struct arg *a)
{
	static const uint32_t devs[] = { 8, 0, 8, 1 };
	size_t nest;

	switch (a->kind) {
	case U32:
		nl_u32(m, a->attr, some_u32(a->attr));
		break;
	case U64:
		nl_u64(m, a->attr, a->attr == SNAPSET_A_BUDGET ? 32 << 20 : 0x1234567890ull);
		break;
	case ID:
		nl_raw(m, a->attr, id, sizeof(id));
		break;
	case STR:
		nl_str(m, a->attr, "name");
		break;
	case NEST:
		nest = nl_nest(m, a->attr);
		put_needed(m, a->attr, 0);
		nl_nest_end(m, nest);
		break;
	case FLAG:
		nl_raw(m, a->attr, NULL, 0);
		break;
	case DEVS:
		nl_raw(m, a->attr, devs, sizeof(devs));
		break;
	}
}

static void compose(struct nl *nl, struct nl_msg *m, const struct spec *s, const struct arg *but)
{
	const struct arg *a;

	nl_begin(nl, m, s->cmd, s->dump ? DUMP : 0);
	for (a = s->arg; a->attr; a++)
		if (a != but)
			put(m, a);
}

static bool takes(const struct arg *a, uint16_t attr)
{
	for (; a->attr; a++)
		if (a->attr == attr)
			return true;
	return false;
}

/* A request whose attribute @a, in the nest @in if there is one, is not yet there. */
static size_t open_nest(struct nl *nl, struct nl_msg *m, const struct spec *s, const struct arg *in,
			const struct arg *a)
{
	size_t nest;

	compose(nl, m, s, in ? in : a);
	if (!in)
		return 0;
	nest = nl_nest(m, in->attr);
	put_needed(m, in->attr, a->attr);
	return nest;
}

static void ask_raw(struct nl *nl, const struct spec *s, const struct arg *in, const struct arg *a,
		    const void *data, size_t len, const char *what)
{
	struct nl_msg m;
	size_t nest = open_nest(nl, &m, s, in, a);
	char long_what[128];

	nl_raw(&m, a->attr, data, len);
	if (in)
		nl_nest_end(&m, nest);
	snprintf(long_what, sizeof(long_what), "%sattribute %u, %s", in ? "nested " : "", a->attr,
		 what);
	expect(s->name, long_what, nl_call(nl, &m, NULL, NULL), -EINVAL, nl);
}

static void ask_nest(struct nl *nl, const struct spec *s, const struct arg *nest);

static void ask_lengths(struct nl *nl, const struct spec *s, const struct arg *in,
			const struct arg *a)
{
	static const size_t right[] = { [U32] = 4, [U64] = 8, [ID] = SNAPSET_ID_LEN, [DEVS] = 8 };
	static const char junk[512] = { 0x11 };
	char what[64], big[SNAPSET_FROZEN_MAX + 2];
	size_t len, most;

	switch (a->kind) {
	case U32:
	case U64:
	case ID:
	case DEVS:
		for (len = 0; len <= right[a->kind] + 4; len++) {
			if (len == right[a->kind])
				continue;
			snprintf(what, sizeof(what), "%zu bytes", len);
			ask_raw(nl, s, in, a, junk, len, what);
		}
		break;
	case STR:
		memset(big, 'x', sizeof(big));
		ask_raw(nl, s, in, a, big, 0, "a string without bytes");
		ask_raw(nl, s, in, a, big, 4, "a string without its 0");
		most = a->attr == SNAPSET_A_FROZEN ? SNAPSET_FROZEN_MAX : SNAPSET_NAME_MAX;
		big[most + 1] = 0;
		ask_raw(nl, s, in, a, big, most + 2, "a string of a byte too much");
		break;
	case FLAG:
		ask_raw(nl, s, in, a, junk, 4, "a flag with a value");
		break;
	case NEST:
		ask_raw(nl, s, in, a, junk, 4, "a number for a nest");
		ask_nest(nl, s, a);
		break;
	}
}

/* Like a message: what is missing, has another length, or is not known. */
static void ask_nest(struct nl *nl, const struct spec *s, const struct arg *nest)
{
	const struct arg *args = nest->attr == SNAPSET_A_STORE ? store_args :
				 nest->attr == SNAPSET_A_FREEZE ? freeze_args : member_args, *a;
	struct nl_msg m;
	uint16_t attr;
	char what[64];
	size_t at;

	for (a = args; a->attr; a++) {
		ask_lengths(nl, s, nest, a);
		if (!a->need)
			continue;
		compose(nl, &m, s, nest);
		at = nl_nest(&m, nest->attr);
		nl_nest_end(&m, at);
		snprintf(what, sizeof(what), "an empty nest %u", nest->attr);
		expect(s->name, what, nl_call(nl, &m, NULL, NULL), -EINVAL, nl);
	}
	for (attr = 1; attr <= SNAPSET_A_MAX + 2; attr++) {
		if (takes(args, attr))
			continue;
		at = open_nest(nl, &m, s, nest, &(struct arg){ attr });
		nl_u32(&m, attr, 1);
		nl_nest_end(&m, at);
		snprintf(what, sizeof(what), "attribute %u in nest %u", attr, nest->attr);
		expect(s->name, what, nl_call(nl, &m, NULL, NULL), -EINVAL, nl);
	}
	at = open_nest(nl, &m, s, nest, &(struct arg){ SNAPSET_A_MAX + 1 });
	memcpy(m.buf + m.len, "\xff\xff\x03\x00", 4);
	m.len += 4;
	nl_nest_end(&m, at);
	expect(s->name, "a nest with a cut attribute", nl_call(nl, &m, NULL, NULL), -EINVAL, nl);
}

static void ask_form(const struct spec *s)
{
	const struct arg *a;
	struct nl_msg m;
	struct nl nl;
	uint16_t attr;
	char what[96];
	int err;

	err = nl_open(&nl);
	if (err)
		die("no netlink family: %s", strerror(-err));

	for (a = s->arg; a->attr; a++) {
		if (a->need) {
			compose(&nl, &m, s, a);
			snprintf(what, sizeof(what), "without attribute %u", a->attr);
			expect(s->name, what, nl_call(&nl, &m, NULL, NULL), -EINVAL, &nl);
		}
		ask_lengths(&nl, s, NULL, a);
	}
	for (attr = 1; attr <= SNAPSET_A_MAX + 2; attr++) {
		if (takes(s->arg, attr))
			continue;
		compose(&nl, &m, s, NULL);
		/* in its right form, so that nothing else is wrong with it */
		if (attr == SNAPSET_A_SET_ID || attr == SNAPSET_A_SNAP_ID)
			put(&m, &(struct arg){ attr, ID });
		else
			nl_u32(&m, attr, 1);
		snprintf(what, sizeof(what), "with attribute %u besides", attr);
		expect(s->name, what, nl_call(&nl, &m, NULL, NULL), -EINVAL, &nl);
	}
	compose(&nl, &m, s, NULL);
	nl_u32(&m, 0x3fff, 1);
	expect(s->name, "with attribute 16383", nl_call(&nl, &m, NULL, NULL), -EINVAL, &nl);
	compose(&nl, &m, s, NULL);
	memset(m.buf + m.len, 0, 2);
	m.len += 2;
	expect(s->name, "with two bytes behind", nl_call(&nl, &m, NULL, NULL), -EINVAL, &nl);
	compose(&nl, &m, s, NULL);
	memcpy(m.buf + m.len, "\xff\xff\x03\x00", 4);	/* an attribute longer than the message */
	m.len += 4;
	expect(s->name, "with a cut attribute", nl_call(&nl, &m, NULL, NULL), -EINVAL, &nl);

	compose(&nl, &m, s, NULL);
	expect(s->name, "foreign values", nl_call(&nl, &m, NULL, NULL), s->bare, &nl);
	if (!s->dump && s->cmd != SNAPSET_CMD_SET_GET && s->cmd != SNAPSET_CMD_SNAP_GET) {
		nl_begin(&nl, &m, s->cmd, DUMP);
		for (a = s->arg; a->attr; a++)
			put(&m, a);
		expect_bare(s->name, "as a dump", nl_call(&nl, &m, NULL, NULL), -EOPNOTSUPP);
	}
	nl_close(&nl);
}

/* What a process without the right may do: nothing, and each no is explained. */
static void ask_rights(const char *who, struct nl *nl)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(specs); i++) {
		struct nl_msg m;

		compose(nl, &m, &specs[i], NULL);
		expect(who, specs[i].name, nl_call(nl, &m, NULL, NULL), -EPERM, nl);
	}
	asked++;
	if (nl_join_events(nl) != -EPERM) {
		wrong++;
		printf("%s, may join the events\n", who);
	}
}

static void keep_caps(uint64_t caps)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = {
		{ caps, caps, 0 }, { caps >> 32, caps >> 32, 0 },
	};

	if (syscall(SYS_capset, &head, data))
		die("capset: %s", strerror(errno));
}

static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die("%s: %s", path, strerror(errno));
	close(fd);
}

static struct nl inherited;

static void as_nobody(void)
{
	if (setgid(65534) || setuid(65534))
		die("cannot become nobody: %s", strerror(errno));
}

static void as_net_admin(void)
{
	keep_caps(1ull << CAP_NET_ADMIN);
}

static void as_root_elsewhere(void)
{
	if (unshare(CLONE_NEWUSER))
		die("no user namespace: %s", strerror(errno));
	put_file("/proc/self/setgroups", "deny");
	put_file("/proc/self/uid_map", "0 0 1");
	put_file("/proc/self/gid_map", "0 0 1");
}

/* In a child, whose counts come back through a pipe. */
static void as(const char *who, void (*become)(void), bool use_inherited)
{
	unsigned int counts[2];
	int fd[2], status;
	pid_t pid;

	fflush(stdout);
	if (pipe(fd))
		die("pipe: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		struct nl nl;
		int err;

		asked = wrong = 0;
		become();
		if (use_inherited) {
			ask_rights(who, &inherited);
		} else {
			err = nl_open(&nl);
			if (err)
				die("%s: no netlink family: %s", who, strerror(-err));
			ask_rights(who, &nl);
		}
		counts[0] = asked;
		counts[1] = wrong;
		fflush(stdout);
		if (write(fd[1], counts, sizeof(counts)) != sizeof(counts))
			_exit(EXIT_ERROR);
		_exit(EXIT_PASS);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status ||
	    read(fd[0], counts, sizeof(counts)) != sizeof(counts))
		die("%s: the child failed", who);
	close(fd[0]);
	close(fd[1]);
	asked += counts[0];
	wrong += counts[1];
}

static void ask_other_net(void)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		struct nl nl;

		if (unshare(CLONE_NEWNET))
			_exit(2);
		_exit(nl_open(&nl) == -ENOENT ? 0 : 1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("fork: %s", strerror(errno));
	asked++;
	if (status) {
		wrong++;
		printf("the family is visible in another network namespace (%x)\n", status);
	}
}

static dev_t dev_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) || !S_ISBLK(st.st_mode))
		die("%s is not a block device", path);
	return st.st_rdev;
}

int main(int argc, char **argv)
{
	struct nl_msg m;
	struct nl nl;
	size_t i;
	int err;

	if (argc != 3) {
		fprintf(stderr, "nlabi DEVICE OTHER-DEVICE\n");
		return EXIT_USAGE;
	}
	for (i = 0; i < ARRAY_SIZE(specs); i++)
		ask_form(&specs[i]);

	err = nl_open(&nl);
	if (err)
		die("no netlink family: %s", strerror(-err));
	nl_begin(&nl, &m, SNAPSET_CMD_MAX + 1, 0);
	expect_bare("an unknown command", "as such", nl_call(&nl, &m, NULL, NULL), -EOPNOTSUPP);
	nl_begin(&nl, &m, SNAPSET_CMD_EVENT, 0);
	expect_bare("EVENT", "as a command", nl_call(&nl, &m, NULL, NULL), -EOPNOTSUPP);
	nl_close(&nl);

	ask_values(dev_of(argv[1]), dev_of(argv[2]));

	err = nl_open(&inherited);
	if (err)
		die("no netlink family: %s", strerror(-err));
	as("nobody", as_nobody, false);
	as("root with CAP_NET_ADMIN only", as_net_admin, false);
	as("root of another user namespace", as_root_elsewhere, false);
	as("nobody with root's socket", as_nobody, true);
	as("root of another user namespace with root's socket", as_root_elsewhere, true);
	ask_other_net();

	printf("%u questions, %u wrong answers\n", asked, wrong);
	return wrong ? EXIT_REFUSED : EXIT_PASS;
}
