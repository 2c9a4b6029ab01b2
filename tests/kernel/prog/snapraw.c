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
#include "snapraw.h"
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
"	--budget BYTES --index-limit BYTES --store DEVICE --store-limit BYTES --freeze DIR\n"
"	--store-file FILE	repeatable; --store-keep: not removed with the store\n"
"	--share ID		the store with this number\n"
"	--full set|oldest|wait --full-wait MS\n"
"	--quota BYTES		of each volume that is named\n"
"	--touch FILE		make FILE when all members are added\n"
"	--until FILE		and do nothing more until FILE is there\n"
"snapraw delete [--force|--now] [--snap] ID	waits a while for an open image, unless --now\n"
"snapraw snap ID			state CODE copied N stored N in_ram N openers N\n"
"				size N block N index N text T\n"
"snapraw space ID			allocated N exclusive N quota N, of a snapshot\n"
"snapraw clear				delete every set by force; prints how many\n"
"snapraw sets				how many sets there are\n"
"snapraw list				ID state N code CODE members N, a line for each\n"
"snapraw info				version, hook, granule size\n"
"snapraw counters			living objects in all\n"
"snapraw extend ID FILE			the store of the set has this file, too\n"
"snapraw store ID			kind N size N used N files N path P\n"
"snapraw room ID			id N full N wait N waits N dropped N, of the set's store\n"
"snapraw events SECONDS			print events\n";

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
	return err ? snapraw_refused(err, &nl, begun) : EXIT_PASS;
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
	err = store_extend(&nl, id, snapraw_file(argv[2]));
	return err ? snapraw_refused(err, &nl, begun) : EXIT_PASS;
}

static int print_store(int argc, char **argv, bool room)
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
		return snapraw_refused(err, &nl, begun);
	if (room) {
		printf("id %llu full %u wait %u waits %u dropped %u\n",
		       (unsigned long long)store.id, store.full, store.full_wait_ms,
		       store.full_waits, store.full_dropped);
		return EXIT_PASS;
	}
	printf("kind %u size %llu used %llu files %u path %s\n", store.kind,
	       (unsigned long long)store.size, (unsigned long long)store.used, store.files,
	       store.path);
	return EXIT_PASS;
}

static int cmd_store(int argc, char **argv)
{
	return print_store(argc, argv, false);
}

static int cmd_room(int argc, char **argv)
{
	return print_store(argc, argv, true);
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
		return snapraw_refused(err, &nl, now_ns());
	printf("%s code %s copied %llu stored %llu in_ram %llu openers %u size %llu block %u index %llu text %s\n",
	       snap.state < ARRAY_SIZE(states) ? states[snap.state] : "?", code_name(snap.code),
	       (unsigned long long)snap.copied, (unsigned long long)snap.stored,
	       (unsigned long long)snap.in_ram, snap.openers, (unsigned long long)snap.size,
	       snap.block, (unsigned long long)snap.index, snap.text[0] ? snap.text : "-");
	return EXIT_PASS;
}

static int cmd_space(int argc, char **argv)
{
	uint8_t id[SNAPSET_ID_LEN];
	struct snap_space space;
	struct nl nl;
	int err;

	if (argc != 2 || !id_parse(argv[1], id))
		return EXIT_USAGE;
	open_or_die(&nl);
	err = snap_space(&nl, id, &space);
	if (err)
		return snapraw_refused(err, &nl, now_ns());
	printf("allocated %llu exclusive %llu quota %llu\n", (unsigned long long)space.allocated,
	       (unsigned long long)space.exclusive, (unsigned long long)space.quota);
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
		return snapraw_refused(err, &nl, now_ns());
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
	return err ? snapraw_refused(err, &nl, now_ns()) : EXIT_PASS;
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
	return err ? snapraw_refused(err, &nl, now_ns()) : EXIT_PASS;
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
					     "store-low", "store-full", "index-low" };
	uint32_t event = nl_get_u32(a, SNAPSET_A_EVENT);
	struct nl_attrs store;

	(void)arg;
	printf("%llu %s state %u code %s text %s\n",
	       (unsigned long long)nl_get_u64(a, SNAPSET_A_SEQ),
	       event < ARRAY_SIZE(names) ? names[event] : "?", nl_get_u32(a, SNAPSET_A_STATE),
	       code_name(nl_get_u32(a, SNAPSET_A_CODE)),
	       a->value[SNAPSET_A_TEXT] ? nl_get_str(a, SNAPSET_A_TEXT) : "-");
	if (a->value[SNAPSET_A_STORE]) {
		nl_get_nest(a, SNAPSET_A_STORE, &store);
		printf("store %llu size %llu used %llu rate %llu\n",
		       (unsigned long long)nl_get_u64(&store, SNAPSET_A_STORE_ID),
		       (unsigned long long)nl_get_u64(&store, SNAPSET_A_STORE_SIZE),
		       (unsigned long long)nl_get_u64(&store, SNAPSET_A_STORE_USED),
		       (unsigned long long)nl_get_u64(&store, SNAPSET_A_STORE_RATE));
	}
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
	signal(SIGTERM, snapraw_stop);
	printf("ready\n");
	fflush(stdout);
	while (!snapraw_stopped && now_ns() < end)
		if (nl_event(&nl, 100, print_event, NULL) < 0)
			die("events were lost");
	return EXIT_PASS;
}

static const struct {
	const char	*name;
	int		(*run)(int argc, char **argv);
} commands[] = {
	{ "take", snapraw_take },	{ "delete", cmd_delete },	{ "snap", cmd_snap },
	{ "clear", cmd_clear },	{ "sets", cmd_sets },		{ "info", cmd_info },
	{ "extend", cmd_extend },	{ "store", cmd_store },		{ "space", cmd_space },
	{ "room", cmd_room },
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
