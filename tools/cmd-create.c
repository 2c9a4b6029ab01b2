// SPDX-License-Identifier: GPL-2.0-only
/* snapset create */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <json-c/json.h>

#include "exec.h"
#include "mntns.h"
#include "progress.h"

struct args {
	struct snap_store	store;
	bool			have_store;
	const char		*shared;	/* the set whose store it is; NULL: none */
	enum snap_full		full;
	uint32_t		full_wait_ms;
	uint64_t		quota;
	uint32_t		hold_ms, freeze_ms, stall_ms, wait_ms;
	uint64_t		budget;
	uint64_t		index_limit;
	const char		*transactions;
	uint32_t		transaction_ms, window_ms;
	bool			retry;
	uint32_t		retry_delay_s;	/* 0: as advised */
	bool			keep, auto_release, allow_held, require_frozen, json;
	char			**volumes;
	int			nr_volumes;
	uint32_t		namespace;	/* whose names the volumes have; 0: ours */
	const char		*label;
	uint32_t		expire_s;
	const char		*mount;		/* a directory; NULL: nothing is mounted */
	char			**exec;		/* NULL: none */
};

/* What was chosen, if nobody has said where the store is to be. */
static struct {
	bool			known;
	enum snap_place		place;
	char			text[256];
} chosen;

enum {
	OPT_STORE = 256, OPT_FULL, OPT_QUOTA, OPT_HOLD, OPT_FREEZE, OPT_STALL, OPT_BUDGET, OPT_INDEX,
	OPT_WAIT,
	OPT_RETRY, OPT_RETRY_DELAY, OPT_TRANSACTIONS,
	OPT_TRANSACTION, OPT_WINDOW, OPT_KEEP, OPT_AUTO_RELEASE, OPT_MOUNT, OPT_LABEL, OPT_EXPIRE, OPT_NAMESPACE, OPT_ALLOW_HELD, OPT_FROZEN, OPT_JSON,
};

static const struct option options[] = {
	{ "store", required_argument, NULL, OPT_STORE },
	{ "full", required_argument, NULL, OPT_FULL },
	{ "quota", required_argument, NULL, OPT_QUOTA },
	{ "hold-timeout", required_argument, NULL, OPT_HOLD },
	{ "freeze-timeout", required_argument, NULL, OPT_FREEZE },
	{ "stall-timeout", required_argument, NULL, OPT_STALL },
	{ "budget", required_argument, NULL, OPT_BUDGET },
	{ "index-limit", required_argument, NULL, OPT_INDEX },
	{ "wait", required_argument, NULL, OPT_WAIT },
	{ "retry", no_argument, NULL, OPT_RETRY },
	{ "retry-delay", required_argument, NULL, OPT_RETRY_DELAY },
	{ "transactions", required_argument, NULL, OPT_TRANSACTIONS },
	{ "transaction-timeout", required_argument, NULL, OPT_TRANSACTION },
	{ "window", required_argument, NULL, OPT_WINDOW },
	{ "keep", no_argument, NULL, OPT_KEEP },
	{ "auto-release", no_argument, NULL, OPT_AUTO_RELEASE },
	{ "mount-namespace", required_argument, NULL, OPT_NAMESPACE },
	{ "label", required_argument, NULL, OPT_LABEL },
	{ "expire", required_argument, NULL, OPT_EXPIRE },
	{ "mount", required_argument, NULL, OPT_MOUNT },
	{ "allow-held", no_argument, NULL, OPT_ALLOW_HELD },
	{ "require-frozen", no_argument, NULL, OPT_FROZEN },
	{ "json", no_argument, NULL, OPT_JSON },
	{ 0 }
};

static bool take_store(char *text, struct args *a)
{
	a->shared = strncmp(text, "shared:", 7) ? NULL : text + 7;
	a->have_store = !a->shared && parse_store(text, &a->store);
	return a->have_store || (a->shared && *a->shared);
}

/* All behind --exec is the command: cut it off before getopt shuffles it. */
static int cut_exec(int *argc, char **argv, struct args *a)
{
	for (int i = 1; i < *argc && strcmp(argv[i], "--"); i++) {
		if (strcmp(argv[i], "--exec"))
			continue;
		if (i + 1 == *argc)
			return usage_error("--exec needs a command");
		a->exec = argv + i + 1;
		argv[i] = NULL;
		*argc = i;
	}
	return EXIT_OK;
}

static int parse_args(int argc, char **argv, struct args *a)
{
	int opt, err = cut_exec(&argc, argv, a);

	if (err)
		return err;
	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		bool ok = true;

		switch (opt) {
		case OPT_STORE:
			ok = take_store(optarg, a);
			break;
		case OPT_FULL:
			ok = parse_full(optarg, &a->full, &a->full_wait_ms);
			break;
		case OPT_QUOTA:
			ok = parse_size(optarg, &a->quota) && a->quota;
			break;
		case OPT_HOLD:
			ok = parse_ms(optarg, &a->hold_ms);
			break;
		case OPT_FREEZE:
			ok = parse_ms(optarg, &a->freeze_ms);
			break;
		case OPT_STALL:
			ok = parse_ms(optarg, &a->stall_ms);
			break;
		case OPT_BUDGET:
			ok = parse_size(optarg, &a->budget) && a->budget;
			break;
		case OPT_INDEX:
			ok = parse_size(optarg, &a->index_limit) && a->index_limit;
			break;
		case OPT_WAIT:
			ok = parse_wait(optarg, &a->wait_ms);
			break;
		case OPT_RETRY:
			a->retry = true;
			break;
		case OPT_RETRY_DELAY:
			ok = a->retry = parse_ms(optarg, &a->retry_delay_s);
			break;
		case OPT_TRANSACTIONS:
			a->transactions = optarg;
			break;
		case OPT_TRANSACTION:
			ok = parse_ms(optarg, &a->transaction_ms);
			break;
		case OPT_WINDOW:
			ok = parse_ms(optarg, &a->window_ms);
			break;
		case OPT_KEEP:
			a->keep = true;
			break;
		case OPT_AUTO_RELEASE:
			a->auto_release = true;
			break;
		case OPT_NAMESPACE:
			ok = parse_ms(optarg, &a->namespace);
			break;
		case OPT_LABEL:
			a->label = optarg;
			break;
		case OPT_EXPIRE:
			ok = parse_age(optarg, &a->expire_s);
			break;
		case OPT_MOUNT:
			a->mount = optarg;
			break;
		case OPT_ALLOW_HELD:
			a->allow_held = true;
			break;
		case OPT_FROZEN:
			a->require_frozen = true;
			break;
		case OPT_JSON:
			a->json = true;
			break;
		default:
			return usage_error("wrong option for create");
		}
		if (!ok)
			return usage_error("\"%s\" is not valid for this option", optarg);
	}
	a->volumes = argv + optind;
	a->nr_volumes = argc - optind;
	if (!a->nr_volumes)
		return usage_error("create needs a volume");
	if (!a->transactions && (a->transaction_ms || a->window_ms))
		return usage_error("--transaction-timeout and --window need --transactions");
	if (a->transactions && a->namespace)
		return usage_error("--transactions runs programs of this mount namespace, and not of another one");
	if (a->keep && a->auto_release)
		return usage_error("--keep and --auto-release contradict each other");
	/* With a command the set lives as long as the command, if not told otherwise. */
	if (a->exec && !a->keep)
		a->auto_release = true;
	return EXIT_OK;
}

static bool before_retry(void *arg, const struct snap_error_info *why,
			 unsigned int delay_s, unsigned int more)
{
	(void)arg;
	(void)more;
	progress_wipe();
	fprintf(stderr, "snapset: %s (%s); trying again in %u s\n", plain(why->text),
		snap_code_name(why->code), delay_s);
	return true;
}

/* Whoever has set up where stores are need not be told. */
static void store_chosen(void *arg, enum snap_place place, const struct snap_store *store,
			 const char *text)
{
	char size[16];

	(void)arg;
	progress_wipe();
	chosen.known = true;
	chosen.place = place;
	snprintf(chosen.text, sizeof(chosen.text), "%s", text);
	format_size(store->bytes, size);
	if (place == SNAP_PLACE_MEMORY)
		fprintf(stderr, "snapset: the store is in memory, %s\n", text);
	else if (store->kind == SNAP_STORE_SHARED)
		fprintf(stderr, "snapset: the store is the one %s\n", text);
	else if (place != SNAP_PLACE_STORAGE)
		fprintf(stderr, "snapset: the store is a file of %s in %s, %s\n", size,
			plain(store->directory), plain(text));
}

/* Makes the set; a signal cancels it. */
static snap_status make(const struct args *a, int sigfd, struct snap_session **s,
			snap_id *set)
{
	struct snap_simple_options o = {
		.size = sizeof(o),
		.hold_ms = a->hold_ms,
		.freeze_ms = a->freeze_ms,
		.stall_ms = a->stall_ms,
		.wait_ms = a->wait_ms,
		.budget = a->budget,
		.index_limit = a->index_limit,
		.store = a->have_store ? &a->store : NULL,
		.transactions = a->transactions,
		.transaction_ms = a->transaction_ms,
		.window_ms = a->window_ms,
		.no_retry = !a->retry,
		.full = a->full,
		.full_wait_ms = a->full_wait_ms,
		.quota = a->quota,
		.allow_held = a->allow_held,
		.require_frozen = a->require_frozen,
		.label = a->label,
		.expire_s = a->expire_s,
		.max_delay_s = a->retry_delay_s,
		.stop_fd = sigfd,
		.before_retry = before_retry,
		.store_chosen = store_chosen,
		.progress = progress_show,
	};
	uint32_t ctx = SNAP_CTX_FILE_SHARE_BACKUP;

	if (!a->auto_release)
		ctx |= SNAP_CTX_NO_AUTO_RELEASE;
	return snap_create_simple((const char *const *)a->volumes, a->nr_volumes, ctx,
				  &o, s, set);
}

/*
 * For a command only it and we see the tree, which so goes with us, however we end; what is
 * mounted elsewhere meanwhile is seen here as well.
 */
static int mount_tree(struct snap_session *s, const struct args *a, const snap_id *set,
		      struct snap_exposed *tree)
{
	snap_status st;

	if (a->exec && (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL))) {
		fprintf(stderr, "snapset: no mount namespace for the command: %s\n",
			strerror(errno));
		return EXIT_UNKNOWN;
	}
	st = snap_expose(s, set, SNAP_OBJECT_SNAPSHOT_SET, a->mount, tree);
	return SNAP_FAILED(st) ? report_error(s, st) : EXIT_OK;
}

static int report(FILE *f, struct snap_session *s, const struct args *a,
		  const snap_id *set, const struct snap_exposed *tree)
{
	struct json_object *o;
	snap_status st;

	if (!a->json) {
		int ret = print_set(f, s, set);

		if (!ret && a->mount) {
			fputs("mounted at ", f);
			exposed_print(f, tree);
		}
		return ret;
	}
	o = json_set_full(s, set, &st);
	if (!o)
		return report_error(s, st);
	if (chosen.known)
		json_add_place(o, chosen.place, chosen.text);
	if (a->mount)
		json_object_object_add(o, "tree", json_exposed(tree));
	json_print(f, o, true);
	return EXIT_OK;
}

static int use(struct snap_session *s, const struct args *a, const snap_id *set,
	       const sigset_t *old_mask, int sigfd)
{
	struct snap_exposed tree = { .size = sizeof(tree) };
	int ret = EXIT_OK;

	if (a->mount)
		ret = mount_tree(s, a, set, &tree);
	/* The output of a command is its own: ours goes to stderr. */
	if (!ret)
		ret = report(a->exec ? stderr : stdout, s, a, set, &tree);
	if (!ret)
		ret = output_lost();
	if (ret) {	/* nothing knows of the set: nothing is to be left */
		snap_delete_snapshots(s, set, SNAP_OBJECT_SNAPSHOT_SET, true, NULL, NULL);
		return ret;
	}
	if (a->exec) {
		if (!set_environment(s, set) ||
		    (a->mount && setenv("SNAP_MOUNT", tree.directory, 1)))
			return report_error(s, SNAP_E_OUTOFMEMORY);
		return run_command(a->exec, old_mask, sigfd);
	}
	if (a->auto_release) {
		wait_for_signal(sigfd);
		if (a->mount)
			snap_unexpose(s, set, SNAP_OBJECT_SNAPSHOT_SET, NULL, true);
	}
	return EXIT_OK;
}

/* The store of the set that was named. */
static int find_shared(struct args *a)
{
	enum snap_object object = SNAP_OBJECT_SNAPSHOT_SET;
	struct snap_set_props p = { .size = sizeof(p) };
	struct snap_session *s;
	snap_status st;
	snap_id id;
	int ret;

	s = open_session(&ret);
	if (!s)
		return ret;
	ret = find_object(s, a->shared, &object, &id);
	if (!ret) {
		st = snap_get_set_properties(s, &id, &p);
		if (SNAP_FAILED(st))
			ret = report_error(s, st);
	}
	snap_close(s);
	a->store = (struct snap_store){
		.size = sizeof(a->store), .kind = SNAP_STORE_SHARED, .store_id = p.store_id,
	};
	a->have_store = true;
	return ret;
}

static int create(const struct args *a, const sigset_t *old_mask, int sigfd)
{
	struct snap_session *s;
	struct home home;
	snap_status st;
	snap_id set;
	int ret;

	ret = enter_namespace(a->namespace, &home);
	if (ret)
		return ret;
	st = make(a, sigfd, &s, &set);
	progress_wipe();
	ret = leave_namespace(&home);
	if (ret) {
		if (SNAP_FINISHED(st)) {
			snap_delete_snapshots(s, &set, SNAP_OBJECT_SNAPSHOT_SET, true, NULL, NULL);
			snap_close(s);
		}
		return ret;
	}
	if (st == SNAP_S_ASYNC_CANCELLED) {
		int sig = take_signal(sigfd);

		fprintf(stderr, "snapset: cancelled; no snapshot is left\n");
		return sig ? 128 + sig : EXIT_UNKNOWN;
	}
	if (!SNAP_FINISHED(st))
		return report_error(NULL, st);
	ret = use(s, a, &set, old_mask, sigfd);
	snap_close(s);
	return ret;
}

static int parse_and_create(int argc, char **argv, struct args *a)
{
	sigset_t mask, old_mask;
	int ret, sigfd;

	ret = parse_args(argc, argv, a);
	if (!ret && a->shared)
		ret = find_shared(a);
	if (ret)
		return ret;
	/* whoever reads what we print may be gone by then; the set must not stay for it */
	signal(SIGPIPE, SIG_IGN);
	ending_signals(&mask);
	sigprocmask(SIG_BLOCK, &mask, &old_mask);
	sigfd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sigfd < 0) {
		fprintf(stderr, "snapset: signalfd: %s\n", strerror(errno));
		return EXIT_UNKNOWN;
	}
	ret = create(a, &old_mask, sigfd);
	close(sigfd);
	return ret;
}

int cmd_create(int argc, char **argv)
{
	struct args a = { 0 };
	int ret = parse_and_create(argc, argv, &a);

	/* A command may end with any of our own codes, and mean something else. */
	return a.exec && !command_ran() && ret && ret <= EXIT_UNKNOWN ? EXIT_BEFORE_EXEC : ret;
}
