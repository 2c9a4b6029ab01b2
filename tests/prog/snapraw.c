// SPDX-License-Identifier: GPL-2.0-only
/*
 * snapraw: snapshot sets without the library and the tool, for scripts that
 * have to hold a session, look at numbers, or do what the tool does not.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "set.h"
#include "util.h"

static const char usage[] =
"snapraw take [OPTIONS] DEVICE...\n"
"	take a set; print\n"
"		set ID / image /dev/snapsetN SNAP-ID DEVICE / ms hold N drain N ...\n"
"	or	code CODE elapsed_ms N hold_ms N frozen_ms N text ...	and exit with 3\n"
"	--keep			the set outlives the session (no auto-release)\n"
"	--stay			then print 'ready' and keep the session until SIGTERM, SIGINT\n"
"				or the end of standard input\n"
"	--hold-timeout MS --freeze-timeout MS --stall-timeout MS\n"
"	--budget BYTES --store DEVICE --store-limit BYTES --freeze DIR\n"
"	--store-file FILE	repeatable; --store-keep: not removed with the store\n"
"	--touch FILE		make FILE when all members are added\n"
"	--until FILE		and do nothing more until FILE is there\n"
"snapraw delete [--force|--now] [--snap] ID	waits a while for an open image, unless --now\n"
"snapraw snap ID			state CODE copied N stored N in_ram N openers N text\n"
"snapraw clear				delete every set by force; prints how many\n"
"snapraw sets				how many sets there are\n"
"snapraw list				ID state N code CODE members N, a line for each\n"
"snapraw info				version, hook, granule size\n"
"snapraw counters			living objects in all\n"
"snapraw extend ID FILE			the store of the set has this file, too\n"
"snapraw store ID			kind N size N used N files N path P\n"
"snapraw events SECONDS			print events\n";

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

static dev_t dev_of(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		die("%s: %s", path, strerror(errno));
	if (!S_ISBLK(st.st_mode))
		die("%s is not a block device", path);
	return st.st_rdev;
}

static int file_of(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static int refused(int err, const struct nl *nl, uint64_t begun)
{
	printf("errno %s elapsed_ms %llu text %s\n", errno_name(-err),
	       (unsigned long long)(now_ns() - begun) / 1000000, nl->said ? nl->text : "-");
	return EXIT_REFUSED;
}

static void stay(void)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };
	char buf[64];

	printf("ready\n");
	fflush(stdout);
	while (!stopped) {
		if (poll(&in, 1, -1) > 0 && read(0, buf, sizeof(buf)) <= 0)
			break;
	}
}

static int cmd_take(int argc, char **argv)
{
	static const struct option options[] = {
		{ "keep", 0, NULL, 'k' }, { "stay", 0, NULL, 's' },
		{ "hold-timeout", 1, NULL, 'h' }, { "freeze-timeout", 1, NULL, 'f' },
		{ "stall-timeout", 1, NULL, 't' }, { "budget", 1, NULL, 'b' },
		{ "store", 1, NULL, 'S' }, { "store-limit", 1, NULL, 'l' },
		{ "freeze", 1, NULL, 'F' }, { "touch", 1, NULL, 'T' },
		{ "until", 1, NULL, 'u' }, { "store-file", 1, NULL, 'p' },
		{ "store-keep", 0, NULL, 'K' }, { 0 },
	};
	int fds[SNAPSET_MAX_MEMBERS], opt, err, i;
	const char *touch = NULL, *until = NULL;
	unsigned int nfds = 0, n;
	struct set_options o = { 0 };
	bool stay_on = false;
	char text[37];
	uint64_t begun;
	uint32_t code;
	struct set s;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (opt) {
		case 'k': o.attrs |= SNAPSET_ATTR_NO_AUTO_RELEASE; break;
		case 's': stay_on = true; break;
		case 'h': o.hold_ms = number(optarg); break;
		case 'f': o.freeze_ms = number(optarg); break;
		case 't': o.stall_ms = number(optarg); break;
		case 'b': o.budget = bytes(optarg); break;
		case 'S': o.store = dev_of(optarg); break;
		case 'l': o.store_limit = bytes(optarg); break;
		case 'F':
			if (nfds == ARRAY_SIZE(fds))
				die("too many --freeze");
			fds[nfds] = open(optarg, O_PATH | O_CLOEXEC);
			if (fds[nfds++] < 0)
				die("%s: %s", optarg, strerror(errno));
			break;
		case 'p':
			if (o.nr_files == ARRAY_SIZE(o.files))
				die("too many --store-file");
			o.files[o.nr_files++] = file_of(optarg);
			break;
		case 'K': o.store_keep = true; break;
		case 'T': touch = optarg; break;
		case 'u': until = optarg; break;
		default: return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return EXIT_USAGE;

	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	begun = now_ns();
	err = set_open(&s);
	if (!err)
		err = set_start(&s, &o);
	for (i = optind; !err && i < argc; i++)
		err = set_add(&s, dev_of(argv[i]), argv[i]);
	if (err)
		return refused(err, &s.nl, begun);
	if (touch)
		close(open(touch, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	while (until && access(until, F_OK)) {
		if (stopped)
			die("told to stop before there was %s", until);
		sleep_ms(10);
	}
	begun = now_ns();
	err = set_do(&s, fds, nfds);
	if (err)
		return refused(err, &s.nl, begun);
	code = set_wait(&s, 120000);
	if (code != SNAPSET_S_ASYNC_FINISHED) {
		uint64_t took = now_ns() - begun;

		set_wait_times(&s, 5000);
		printf("code %s elapsed_ms %llu hold_ms %llu frozen_ms %llu text %s\n",
		       code_name(code), (unsigned long long)took / 1000000,
		       (unsigned long long)s.hold_ns / 1000000,
		       (unsigned long long)s.frozen_ns / 1000000, s.text);
		return EXIT_REFUSED;
	}

	id_text(s.id, text);
	printf("set %s\n", text);
	for (n = 0; n < s.members; n++) {
		id_text(s.snap[n].id, text);
		printf("image %s %s %s\n", s.snap[n].image, text, argv[optind + n]);
	}
	printf("ms prepare %llu freeze %llu hold %llu drain %llu frozen %llu total %llu parked %llu\n",
	       (unsigned long long)s.prepare_ns / 1000000, (unsigned long long)s.freeze_ns / 1000000,
	       (unsigned long long)s.hold_ns / 1000000, (unsigned long long)s.drain_ns / 1000000,
	       (unsigned long long)s.frozen_ns / 1000000, (unsigned long long)s.total_ns / 1000000,
	       (unsigned long long)s.parked);
	fflush(stdout);
	if (stay_on)
		stay();
	return EXIT_PASS;
}

static void open_or_die(struct nl *nl)
{
	int err = nl_open(nl);

	if (err)
		die("no netlink family: %s", strerror(-err));
}

static int cmd_delete(int argc, char **argv)
{
	bool force = false, snap = false, now = false;
	uint8_t id[SNAPSET_ID_LEN];
	uint64_t begun = now_ns();
	struct nl nl;
	int i, err;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		force |= !strcmp(argv[i], "--force");
		snap |= !strcmp(argv[i], "--snap");
		now |= !strcmp(argv[i], "--now");
	}
	if (i != argc - 1 || !id_parse(argv[i], id))
		return EXIT_USAGE;
	open_or_die(&nl);
	if (snap)
		err = snap_delete(&nl, id, force);
	else if (force || now)
		err = set_delete(&nl, id, force);
	else
		err = set_delete_idle(&nl, id);
	return err ? refused(err, &nl, begun) : EXIT_PASS;
}

static int cmd_extend(int argc, char **argv)
{
	uint8_t id[SNAPSET_ID_LEN];
	uint64_t begun = now_ns();
	struct nl nl;
	int err;

	if (argc != 3 || !id_parse(argv[1], id))
		return EXIT_USAGE;
	open_or_die(&nl);
	err = store_extend(&nl, id, file_of(argv[2]));
	return err ? refused(err, &nl, begun) : EXIT_PASS;
}

static int cmd_store(int argc, char **argv)
{
	uint8_t id[SNAPSET_ID_LEN];
	uint64_t begun = now_ns();
	struct set_store store;
	struct nl nl;
	int err;

	if (argc != 2 || !id_parse(argv[1], id))
		return EXIT_USAGE;
	open_or_die(&nl);
	err = store_get(&nl, id, &store);
	if (err)
		return refused(err, &nl, begun);
	printf("kind %u size %llu used %llu files %u path %s\n", store.kind,
	       (unsigned long long)store.size, (unsigned long long)store.used, store.files,
	       store.path);
	return EXIT_PASS;
}

static int cmd_snap(int argc, char **argv)
{
	static const char *const states[] = { "preparing", "live", "dead" };
	struct snap snap = { 0 };
	uint8_t id[SNAPSET_ID_LEN];
	struct nl nl;
	int err;

	if (argc != 2 || !id_parse(argv[1], id))
		return EXIT_USAGE;
	open_or_die(&nl);
	err = snap_get(&nl, id, &snap);
	if (err)
		return refused(err, &nl, now_ns());
	printf("%s code %s copied %llu stored %llu in_ram %llu openers %u size %llu block %u text %s\n",
	       snap.state < ARRAY_SIZE(states) ? states[snap.state] : "?", code_name(snap.code),
	       (unsigned long long)snap.copied, (unsigned long long)snap.stored,
	       (unsigned long long)snap.in_ram, snap.openers, (unsigned long long)snap.size,
	       snap.block, snap.text[0] ? snap.text : "-");
	return EXIT_PASS;
}

static int cmd_clear(int argc, char **argv)
{
	struct nl nl;

	(void)argc;
	(void)argv;
	open_or_die(&nl);
	printf("%d\n", sets_clear(&nl));
	return EXIT_PASS;
}

static void count(const struct nl_attrs *a, void *arg)
{
	(void)a;
	++*(int *)arg;
}

static int cmd_sets(int argc, char **argv)
{
	struct nl_msg m;
	struct nl nl;
	int n = 0, err;

	(void)argc;
	(void)argv;
	open_or_die(&nl);
	nl_begin(&nl, &m, SNAPSET_CMD_SET_GET, 0x300 /* NLM_F_DUMP */);
	err = nl_call(&nl, &m, count, &n);
	if (err)
		return refused(err, &nl, now_ns());
	printf("%d\n", n);
	return EXIT_PASS;
}

static void print_set(const struct nl_attrs *a, void *arg)
{
	char text[37] = "?";

	(void)arg;
	if (a->len[SNAPSET_A_SET_ID] == SNAPSET_ID_LEN)
		id_text(a->value[SNAPSET_A_SET_ID], text);
	printf("%s state %u code %s members %u\n", text, nl_get_u32(a, SNAPSET_A_STATE),
	       code_name(nl_get_u32(a, SNAPSET_A_CODE)), nl_get_u32(a, SNAPSET_A_MEMBERS));
}

static int cmd_list(int argc, char **argv)
{
	struct nl_msg m;
	struct nl nl;
	int err;

	(void)argc;
	(void)argv;
	open_or_die(&nl);
	nl_begin(&nl, &m, SNAPSET_CMD_SET_GET, 0x300 /* NLM_F_DUMP */);
	err = nl_call(&nl, &m, print_set, NULL);
	return err ? refused(err, &nl, now_ns()) : EXIT_PASS;
}

static void print_info(const struct nl_attrs *a, void *arg)
{
	(void)arg;
	printf("version %s\nhook %s\ngranule %u\n%s", nl_get_str(a, SNAPSET_A_VERSION),
	       nl_get_str(a, SNAPSET_A_HOOK), nl_get_u32(a, SNAPSET_A_GRANULE_SIZE),
	       nl_get_str(a, SNAPSET_A_COUNTERS));
}

static int cmd_info(int argc, char **argv)
{
	struct nl_msg m;
	struct nl nl;
	int err;

	(void)argc;
	(void)argv;
	open_or_die(&nl);
	nl_begin(&nl, &m, SNAPSET_CMD_INFO_GET, 0);
	err = nl_call(&nl, &m, print_info, NULL);
	return err ? refused(err, &nl, now_ns()) : EXIT_PASS;
}

static int cmd_counters(int argc, char **argv)
{
	long n = counters_alive();

	(void)argc;
	(void)argv;
	if (n < 0)
		die("no counters: %s", strerror(-n));
	printf("%ld\n", n);
	return EXIT_PASS;
}

static void print_event(const struct nl_attrs *a, void *arg)
{
	static const char *const names[] = { "set-state", "snap-dead", "snap-deleted",
					     "store-low" };
	uint32_t event = nl_get_u32(a, SNAPSET_A_EVENT);

	(void)arg;
	printf("%llu %s state %u code %s text %s\n",
	       (unsigned long long)nl_get_u64(a, SNAPSET_A_SEQ),
	       event < ARRAY_SIZE(names) ? names[event] : "?", nl_get_u32(a, SNAPSET_A_STATE),
	       code_name(nl_get_u32(a, SNAPSET_A_CODE)),
	       a->value[SNAPSET_A_TEXT] ? nl_get_str(a, SNAPSET_A_TEXT) : "-");
	fflush(stdout);
}

static int cmd_events(int argc, char **argv)
{
	uint64_t end;
	struct nl nl;
	int err;

	if (argc != 2)
		return EXIT_USAGE;
	end = now_ns() + number(argv[1]) * 1000000000ull;
	open_or_die(&nl);
	err = nl_join_events(&nl);
	if (err)
		die("cannot join the events: %s", strerror(-err));
	signal(SIGTERM, on_signal);
	printf("ready\n");
	fflush(stdout);
	while (!stopped && now_ns() < end)
		if (nl_event(&nl, 100, print_event, NULL) < 0)
			die("events were lost");
	return EXIT_PASS;
}

static const struct {
	const char	*name;
	int		(*run)(int argc, char **argv);
} commands[] = {
	{ "take", cmd_take },	{ "delete", cmd_delete },	{ "snap", cmd_snap },
	{ "clear", cmd_clear },	{ "sets", cmd_sets },		{ "info", cmd_info },
	{ "extend", cmd_extend },	{ "store", cmd_store },
	{ "counters", cmd_counters }, { "events", cmd_events },	{ "list", cmd_list },
};

int main(int argc, char **argv)
{
	int code = EXIT_USAGE;
	size_t i;

	for (i = 0; argc > 1 && i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			code = commands[i].run(argc - 1, argv + 1);
	if (code == EXIT_USAGE)
		fputs(usage, stderr);
	return code;
}
