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
#include "set.h"
#include "util.h"

#define DUMP	0x300		/* NLM_F_DUMP */
#define ANY	1		/* any error will do, but an error with a sentence */

enum kind { U32, U64, ID, STR, NEST, FLAG };

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
	struct arg	arg[10];
} specs[] = {
	{ "SESSION_OPEN", SNAPSET_CMD_SESSION_OPEN, false, 0, { { 0 } } },
	{ "INFO_GET", SNAPSET_CMD_INFO_GET, false, 0, { { 0 } } },
	{ "SET_START", SNAPSET_CMD_SET_START, false, ANY, {
		{ SNAPSET_A_SESSION, U64, true },
		{ SNAPSET_A_ATTRS, U32, false },
		{ SNAPSET_A_HOLD_TIMEOUT_MS, U32, false },
		{ SNAPSET_A_FREEZE_TIMEOUT_MS, U32, false },
		{ SNAPSET_A_STALL_TIMEOUT_MS, U32, false },
		{ SNAPSET_A_BUDGET, U64, false },
		{ SNAPSET_A_STORE, NEST, false } } },
	{ "SET_ADD", SNAPSET_CMD_SET_ADD, false, ANY, {
		{ SNAPSET_A_SESSION, U64, true },
		{ SNAPSET_A_SET_ID, ID, true },
		{ SNAPSET_A_DEV_MAJOR, U32, true },
		{ SNAPSET_A_DEV_MINOR, U32, true },
		{ SNAPSET_A_NAME, STR, false } } },
	{ "SET_DO", SNAPSET_CMD_SET_DO, false, ANY, {
		{ SNAPSET_A_SESSION, U64, true },
		{ SNAPSET_A_SET_ID, ID, true },
		{ SNAPSET_A_FREEZE, NEST, false } } },
	{ "SET_CANCEL", SNAPSET_CMD_SET_CANCEL, false, ANY, {
		{ SNAPSET_A_SESSION, U64, true },
		{ SNAPSET_A_SET_ID, ID, true } } },
	{ "SET_GET", SNAPSET_CMD_SET_GET, false, -ENOENT, {
		{ SNAPSET_A_SET_ID, ID, true } } },
	{ "SET_GET dump", SNAPSET_CMD_SET_GET, true, 0, { { 0 } } },
	{ "SNAP_GET", SNAPSET_CMD_SNAP_GET, false, -ENOENT, {
		{ SNAPSET_A_SNAP_ID, ID, true } } },
	{ "SNAP_GET dump", SNAPSET_CMD_SNAP_GET, true, 0, {
		{ SNAPSET_A_SET_ID, ID, false } } },
	{ "DELETE", SNAPSET_CMD_DELETE, false, -ENOENT, {
		{ SNAPSET_A_SET_ID, ID, true },
		{ SNAPSET_A_FORCE, FLAG, false } } },
};

static unsigned int asked, wrong;

static const char *err_name(int err)
{
	return err ? errno_name(-err) : "0";
}

static void expect(const char *who, const char *what, int got, int want, const struct nl *nl)
{
	bool fits = want == ANY ? got < 0 : got == want;

	asked++;
	if (fits && (!got || nl->said))
		return;
	wrong++;
	printf("%s, %s: %s%s%s, should be %s\n", who, what, err_name(got),
	       got ? nl->said ? " with a sentence: " : " WITHOUT A SENTENCE" : "",
	       got && nl->said ? nl->text : "", want == ANY ? "refused" : err_name(want));
}

/* An attribute of the right form with a value that means nothing. */
static void put(struct nl_msg *m, const struct arg *a)
{
	static const uint8_t id[SNAPSET_ID_LEN] = { 0xde, 0xad, 1, 2, 3, 4 };
	size_t nest;

	switch (a->kind) {
	case U32:
		nl_u32(m, a->attr, a->attr == SNAPSET_A_ATTRS ? SNAPSET_ATTR_NO_WRITERS : 1000);
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
		if (a->attr == SNAPSET_A_STORE)
			nl_u32(m, SNAPSET_A_STORE_KIND, SNAPSET_STORE_MEMORY);
		else
			nl_u32(m, SNAPSET_A_FD, 0);
		nl_nest_end(m, nest);
		break;
	case FLAG:
		nl_raw(m, a->attr, NULL, 0);
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

static bool takes(const struct spec *s, uint16_t attr)
{
	const struct arg *a;

	for (a = s->arg; a->attr; a++)
		if (a->attr == attr)
			return true;
	return (s->cmd == SNAPSET_CMD_DELETE || s->cmd == SNAPSET_CMD_SNAP_GET) &&
	       (attr == SNAPSET_A_SET_ID || attr == SNAPSET_A_SNAP_ID);
}

static void ask_lengths(struct nl *nl, const struct spec *s, const struct arg *a)
{
	static const size_t right[] = { [U32] = 4, [U64] = 8, [ID] = SNAPSET_ID_LEN };
	static const char junk[512] = { 0x11 };
	struct nl_msg m;
	char what[96];
	size_t len;

	if (a->kind <= ID) {
		for (len = 0; len <= right[a->kind] + 4; len++) {
			if (len == right[a->kind])
				continue;
			compose(nl, &m, s, a);
			nl_raw(&m, a->attr, junk, len);
			snprintf(what, sizeof(what), "attribute %u with %zu bytes", a->attr, len);
			expect(s->name, what, nl_call(nl, &m, NULL, NULL), -EINVAL, nl);
		}
	}
	if (a->kind == STR) {
		char big[SNAPSET_NAME_MAX + 2];

		memset(big, 'x', sizeof(big));
		compose(nl, &m, s, a);
		nl_raw(&m, a->attr, big, 0);
		expect(s->name, "a string without bytes", nl_call(nl, &m, NULL, NULL), -EINVAL, nl);
		compose(nl, &m, s, a);
		nl_raw(&m, a->attr, big, 4);
		expect(s->name, "a string without its 0", nl_call(nl, &m, NULL, NULL), -EINVAL, nl);
		big[sizeof(big) - 1] = 0;
		compose(nl, &m, s, a);
		nl_raw(&m, a->attr, big, sizeof(big));
		expect(s->name, "a string of 256 bytes", nl_call(nl, &m, NULL, NULL), -EINVAL, nl);
	}
	if (a->kind == FLAG) {
		compose(nl, &m, s, a);
		nl_u32(&m, a->attr, 1);
		expect(s->name, "a flag with a value", nl_call(nl, &m, NULL, NULL), -EINVAL, nl);
	}
	if (a->kind == NEST) {
		size_t nest;

		compose(nl, &m, s, a);
		nl_u32(&m, a->attr, 1);
		expect(s->name, "a number for a nest", nl_call(nl, &m, NULL, NULL), -EINVAL, nl);
		compose(nl, &m, s, a);
		nest = nl_nest(&m, a->attr);
		nl_nest_end(&m, nest);
		expect(s->name, "an empty nest", nl_call(nl, &m, NULL, NULL), -EINVAL, nl);
		compose(nl, &m, s, a);
		nest = nl_nest(&m, a->attr);
		put(&m, &(struct arg){ a->attr == SNAPSET_A_STORE ? SNAPSET_A_STORE_KIND :
				       SNAPSET_A_FD, U32, true });
		nl_u32(&m, SNAPSET_A_MAX + 1, 1);
		nl_nest_end(&m, nest);
		expect(s->name, "a nest with an unknown attribute", nl_call(nl, &m, NULL, NULL),
		       -EINVAL, nl);
		compose(nl, &m, s, a);
		nest = nl_nest(&m, a->attr);
		nl_raw(&m, a->attr == SNAPSET_A_STORE ? SNAPSET_A_STORE_KIND : SNAPSET_A_FD, junk,
		       3);
		nl_nest_end(&m, nest);
		expect(s->name, "a nest with a short attribute", nl_call(nl, &m, NULL, NULL),
		       -EINVAL, nl);
	}
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
		ask_lengths(&nl, s, a);
	}
	for (attr = 1; attr <= SNAPSET_A_MAX + 2; attr++) {
		if (takes(s, attr))
			continue;
		compose(&nl, &m, s, NULL);
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
	nl_close(&nl);
}

static void ask_values(dev_t dev, dev_t other)
{
	static const struct {
		uint16_t	attr;
		enum kind	kind;
		uint64_t	value;
		int		want;
	} values[] = {
		{ SNAPSET_A_ATTRS, U32, 0x80000000, -EINVAL },
		{ SNAPSET_A_ATTRS, U32, 0x1, -EINVAL },
		{ SNAPSET_A_HOLD_TIMEOUT_MS, U32, 0, -EINVAL },
		{ SNAPSET_A_HOLD_TIMEOUT_MS, U32, 10001, -EINVAL },
		{ SNAPSET_A_FREEZE_TIMEOUT_MS, U32, 0, -EINVAL },
		{ SNAPSET_A_FREEZE_TIMEOUT_MS, U32, 60001, -EINVAL },
		{ SNAPSET_A_STALL_TIMEOUT_MS, U32, 99, -EINVAL },
		{ SNAPSET_A_STALL_TIMEOUT_MS, U32, 60001, -EINVAL },
		{ SNAPSET_A_BUDGET, U64, (1 << 20) - 1, -EINVAL },
		{ SNAPSET_A_BUDGET, U64, (1ull << 30) + 1, -EINVAL },
	};
	static const uint8_t foreign[SNAPSET_ID_LEN] = { 1, 2, 3 };
	struct set_options o = { 0 };
	struct set s, t;
	struct nl_msg m;
	uint32_t code;
	size_t i, nest;
	int bad_fd = 999;

	if (set_open(&s) || set_open(&t))
		die("opening a session: %s", s.nl.text);
	nl_begin(&s.nl, &m, SNAPSET_CMD_SESSION_OPEN, 0);
	expect("SESSION_OPEN", "a second time", nl_call(&s.nl, &m, NULL, NULL), -EEXIST, &s.nl);

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		char what[64];

		nl_begin(&s.nl, &m, SNAPSET_CMD_SET_START, 0);
		nl_u64(&m, SNAPSET_A_SESSION, s.session);
		if (values[i].kind == U32)
			nl_u32(&m, values[i].attr, values[i].value);
		else
			nl_u64(&m, values[i].attr, values[i].value);
		snprintf(what, sizeof(what), "attribute %u = %llu", values[i].attr,
			 (unsigned long long)values[i].value);
		expect("SET_START", what, nl_call(&s.nl, &m, NULL, NULL), values[i].want, &s.nl);
	}
	nl_begin(&s.nl, &m, SNAPSET_CMD_SET_START, 0);
	nl_u64(&m, SNAPSET_A_SESSION, s.session);
	nest = nl_nest(&m, SNAPSET_A_STORE);
	nl_u32(&m, SNAPSET_A_STORE_KIND, 77);
	nl_nest_end(&m, nest);
	expect("SET_START", "store of kind 77", nl_call(&s.nl, &m, NULL, NULL), -EINVAL, &s.nl);
	nl_begin(&s.nl, &m, SNAPSET_CMD_SET_START, 0);
	nl_u64(&m, SNAPSET_A_SESSION, s.session);
	nest = nl_nest(&m, SNAPSET_A_STORE);
	nl_u32(&m, SNAPSET_A_STORE_KIND, SNAPSET_STORE_BDEV);
	nl_nest_end(&m, nest);
	expect("SET_START", "a device store without device", nl_call(&s.nl, &m, NULL, NULL),
	       -EINVAL, &s.nl);
	nl_begin(&s.nl, &m, SNAPSET_CMD_SET_START, 0);
	nl_u64(&m, SNAPSET_A_SESSION, s.session ^ t.session ^ 0x5555);
	expect("SET_START", "with a session that there is not", nl_call(&s.nl, &m, NULL, NULL),
	       ANY, &s.nl);

	/* a set in the making, and everything that cannot be done to it */
	expect("SET_START", "rightly", set_start(&s, &o), 0, &s.nl);
	expect("SET_START", "while one is in the making", set_start(&s, &o), -EINPROGRESS, &s.nl);
	expect("SET_START", "while another's is", set_start(&t, &o), -EINPROGRESS, &t.nl);
	expect("SET_DO", "of an empty set", set_do(&s, NULL, 0), -EPROTO, &s.nl);
	expect("SET_ADD", "no such device", set_add(&s, makedev(240, 12345), NULL), ANY, &s.nl);
	expect("SET_ADD", "rightly", set_add(&s, dev, "mine"), 0, &s.nl);
	expect("SET_ADD", "the same again", set_add(&s, dev, "mine"), -EEXIST, &s.nl);
	memcpy(t.id, s.id, sizeof(t.id));
	expect("SET_ADD", "to another's set", set_add(&t, other, NULL), ANY, &t.nl);
	expect("SET_DO", "another's set", set_do(&t, NULL, 0), ANY, &t.nl);
	expect("SET_CANCEL", "another's set", set_cancel(&t, &code), ANY, &t.nl);
	expect("DELETE", "a set in the making", set_delete(&s.nl, s.id, false), -EPROTO, &s.nl);
	expect("DELETE", "by force", set_delete(&s.nl, s.id, true), -EPROTO, &s.nl);
	expect("DELETE", "a foreign snapshot", snap_delete(&s.nl, foreign, false), -ENOENT, &s.nl);
	nl_begin(&s.nl, &m, SNAPSET_CMD_DELETE, 0);
	nl_raw(&m, SNAPSET_A_SET_ID, s.id, SNAPSET_ID_LEN);
	nl_raw(&m, SNAPSET_A_SNAP_ID, s.snap[0].id, SNAPSET_ID_LEN);
	expect("DELETE", "set and snapshot", nl_call(&s.nl, &m, NULL, NULL), -EINVAL, &s.nl);
	nl_begin(&s.nl, &m, SNAPSET_CMD_DELETE, 0);
	expect("DELETE", "nothing", nl_call(&s.nl, &m, NULL, NULL), -EINVAL, &s.nl);
	expect("SET_DO", "with a file that is not open", set_do(&s, &bad_fd, 1), ANY, &s.nl);
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
	err = nl_call(&nl, &m, NULL, NULL);
	asked++;
	if (err != -EOPNOTSUPP) {
		wrong++;
		printf("an unknown command: %s\n", err_name(err));
	}
	nl_begin(&nl, &m, SNAPSET_CMD_EVENT, 0);
	err = nl_call(&nl, &m, NULL, NULL);
	asked++;
	if (err != -EOPNOTSUPP) {
		wrong++;
		printf("an event as a command: %s\n", err_name(err));
	}
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
