// SPDX-License-Identifier: GPL-2.0-only
/*
 * killer: kills takers of snapshot sets, and writers, at random moments, and
 * after each death asks whether everything is as if they had never lived.
 *
 *	killer [--kills N] [--seed N] [--longest MS] [--mount DIR:DEVICE] DEVICE...
 *	killer ... --command 'WORDS @ WORDS' DEVICE...	the taker is a program, with the
 *				devices for "@"; one of several, if given several times
 *
 * N takers and N writers are killed: half of the takers after a random time, the
 * others when their set is seen in a certain state, each state in turn; there it
 * stands still until its taker has been killed (kmod/fault.h).
 *
 * After each death: a write to every member and a file made and synced in DIR
 * go on; by itself and without anybody's help every set goes
 * away but those made to outlive their owner; one that had been seen and was
 * made so is still there; after it was deleted no object that the module counts
 * is left. At the end: sets were made, and deaths came in every state.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "patience.h"
#include "set.h"
#include "util.h"

#define MEMBERS_MAX	16
#define PROMPT_MS	5000	/* a hold that nobody ends takes 10 s */
#define HANG_MS		60000
#define WRITE_EVERY_MS	4	/* all that it is for is that one is on its way, or held */
#define FAULTS		"/sys/kernel/debug/snapset/faults"
#define PROBE_AT	0		/* the parent's block; writers keep off it */

static struct disk disk[MEMBERS_MAX + 1];	/* the last has the file system */
static dev_t dev[MEMBERS_MAX + 1];
static unsigned int members, raw_members;	/* only raw ones are written to */
static const char *commands[8];
static unsigned int nr_commands;
static char *mount_dir, *mount_dev;

/* Takes sets until it is killed. */
static void taker(uint64_t chance)
{
	char *buf = aligned(65536);
	struct set_options o = { 0 };
	int fd = -1, image, err;
	struct set s;

	if (mount_dir)
		fd = open(mount_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* the one that was killed before may still be on its way out */
	do {
		err = set_open(&s);
		if (err)
			die("opening a session: %s %s", strerror(-err), s.nl.text);
		for (;;) {
			unsigned int i;

			o.attrs = rnd_below(&chance, 4) ? 0 : SNAPSET_ATTR_NO_AUTO_RELEASE;
			err = set_start(&s, &o);
			if (err)
				break;
			for (i = 0; !err && i < members; i++)
				err = set_add(&s, dev[i], NULL);
			if (err)
				break;
			err = set_do(&s, &fd, fd >= 0);
			if (err)
				break;
			if (set_wait(&s, 30000) != SNAPSET_S_ASYNC_FINISHED)
				die("no set: %s: %s", code_name(s.code), s.text);
			image = open(s.snap[0].image, O_RDONLY | O_DIRECT | O_CLOEXEC);
			if (image >= 0) {
				if (read(image, buf, 65536) != 65536)
					die("reading an image: %s", strerror(errno));
				close(image);
			}
			err = set_delete(&s.nl, s.id, true);
			if (err)
				break;
		}
		set_close(&s);
	} while (err == -EINPROGRESS || err == -ENOENT);
	die("taking a set: %s %s", strerror(-err), s.nl.text);
}

/* Becomes the program. It shall have nothing to complain of: that is seen by its exit. */
static void tool(const char *command)
{
	const char *at = strchr(command, '@');
	char line[1024];
	unsigned int i;
	size_t n;

	n = snprintf(line, sizeof(line), "exec %.*s", at ? (int)(at - command) : 512, command);
	for (i = 0; i < members; i++)
		n += snprintf(line + n, sizeof(line) - n, " %s", disk[i].path);
	if (at)
		snprintf(line + n, sizeof(line) - n, "%s", at + 1);
	if (!freopen("/dev/null", "w", stdout))
		die("no /dev/null");
	execl("/bin/sh", "sh", "-c", line, (char *)NULL);
	die("no shell");
}

static void writer(uint64_t chance)
{
	char *buf = aligned(65536);

	for (;;) {
		struct disk *d = &disk[rnd_below(&chance, raw_members)];
		uint64_t off = (1 + rnd_below(&chance, d->size / 65536 - 2)) * 65536;
		int err;

		memset(buf, rnd(&chance), 65536);
		err = write_at(d->fd, buf, 65536, off);
		if (err)
			die("THE ORIGIN FAILED: writing to %s: %s", d->path, strerror(-err));
		sleep_ms(WRITE_EVERY_MS);
	}
}

static pid_t start(void (*body)(uint64_t), uint64_t chance)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (!pid) {
		if (body == taker && nr_commands)
			tool(commands[rnd_below(&chance, nr_commands)]);
		body(chance);
		_exit(EXIT_ERROR);
	}
	return pid;
}

/* True if it had ended by itself, and not well: only a program's end may be good. */
static bool reap(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die("waitpid: %s", strerror(errno));
	return !WIFSIGNALED(status) && (WEXITSTATUS(status) || !nr_commands);
}

static unsigned int failures;

static void fail(unsigned int round, const char *what, uint64_t value)
{
	failures++;
	note("kill %u: %s (%llu)", round, what, (unsigned long long)value);
}

/*
 * The probe may hang for good, and then somebody has to say so: so it runs in
 * a thread, and this one looks at the clock.
 */
static atomic_uint probe_done;

static void *probe(void *arg)
{
	static unsigned char round;
	char *buf = aligned(4096), path[512];
	unsigned int i;
	int fd, err;

	(void)arg;
	memset(buf, ++round, 4096);
	for (i = 0; i < raw_members; i++) {
		err = write_at(disk[i].fd, buf, 4096, PROBE_AT);
		if (err)
			die("THE ORIGIN FAILED: writing to %s: %s", disk[i].path, strerror(-err));
	}
	if (mount_dir) {
		snprintf(path, sizeof(path), "%s/probe", mount_dir);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0 || write_at(fd, buf, 4096, 0) || fsync(fd) || close(fd))
			die("THE ORIGIN FAILED: writing %s: %s", path, strerror(errno));
	}
	free(buf);
	atomic_store(&probe_done, 1);
	return NULL;
}

static void ask_writes(unsigned int round)
{
	struct patience p = patience_begin();
	pthread_t thread;
	uint64_t ms = 0;

	atomic_store(&probe_done, 0);
	if (pthread_create(&thread, NULL, probe, NULL))
		die("cannot start a thread");
	while (!atomic_load(&probe_done)) {
		sleep_ms(1);
		ms = patience_ms(&p);
		if (ms > HANG_MS)
			die("kill %u: A WRITE IS STILL HELD after %llu ms", round,
			    (unsigned long long)ms);
	}
	pthread_join(thread, NULL);
	if (ms > PROMPT_MS)
		fail(round, "writes to all members were slow, ms", ms);
}

/* What there is of sets, as the last look at them showed it. */
static struct look {
	int		state;		/* of the last one that there is, -1: none */
	unsigned int	owned;		/* that must go with their owner */
	unsigned int	staying;	/* that are made, and must not */
} look;

static void look_at(const struct nl_attrs *a, void *arg)
{
	uint32_t state = nl_get_u32(a, SNAPSET_A_STATE);

	(void)arg;
	look.state = state;
	if (state == SNAPSET_STATE_CREATED &&
	    nl_get_u32(a, SNAPSET_A_ATTRS) & SNAPSET_ATTR_NO_AUTO_RELEASE)
		look.staying++;
	else
		look.owned++;
}

static void look_round(struct nl *nl)
{
	struct nl_msg m;
	int err;

	look = (struct look){ .state = -1 };
	nl_begin(nl, &m, SNAPSET_CMD_SET_GET, 0x300 /* NLM_F_DUMP */);
	err = nl_call(nl, &m, look_at, NULL);
	if (err)
		die("listing the sets: %s %s", strerror(-err), nl->text);
}

/*
 * First nobody helps: what was its owner's alone must go with him. Then the rest is
 * deleted, and nothing may be left of anything.
 */
static void ask_objects(struct nl *nl, unsigned int round, bool stays)
{
	struct patience p = patience_begin();
	long alive;

	for (look_round(nl); look.owned; look_round(nl)) {
		if (patience_ms(&p) > HANG_MS) {
			fail(round, "a set outlives its owner by a minute, in state", look.state);
			break;
		}
		sleep_ms(2);
	}
	if (stays && !look.staying)
		fail(round, "a set that was made to stay has gone", 0);
	sets_clear(nl);
	for (p = patience_begin();;) {
		alive = counters_alive();
		if (alive < 0)
			die("cannot read the counters: %s", strerror(-alive));
		if (!alive)
			return;
		if (patience_ms(&p) > HANG_MS) {
			fail(round, "objects are left behind for a minute", alive);
			return;
		}
		sleep_ms(2);
	}
}

static const struct aim {
	int		state;
	const char	*place;		/* where a set in this state stands still */
} aims[] = {
	{ SNAPSET_STATE_PREPARING, "prepare" }, { SNAPSET_STATE_FREEZING, "frozen" },
	{ SNAPSET_STATE_HOLDING, "hold" }, { SNAPSET_STATE_CREATED, NULL },
};

static const struct aim *aim_of(unsigned int round)
{
	return round % 2 ? NULL : &aims[round / 2 % ARRAY_SIZE(aims)];
}

static void put_fault(const char *line)
{
	int fd = open(FAULTS, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		die("%s: %s", FAULTS, strerror(errno));
	close(fd);
}

/* Before the taker is started that is killed in this round. */
static void stand_still(unsigned int round)
{
	const struct aim *aim = aim_of(round);
	char line[64];

	if (!aim || !aim->place)
		return;
	snprintf(line, sizeof(line), "%s 1 1 %u 0", aim->place, HANG_MS);
	put_fault(line);
}

/* Waits until the taker's set is in a state, or beyond it. */
static void wait_for(struct nl *nl, unsigned int round, const struct aim *aim)
{
	struct patience p = patience_begin();

	for (look_round(nl); look.state < aim->state; look_round(nl)) {
		if (patience_ms(&p) > HANG_MS)
			die("kill %u: no set comes to state %d, the last is in %d", round,
			    aim->state, look.state);
		sleep_ms(aim->place ? 4 : 1);
	}
}

static void ask_freeze(unsigned int round)
{
	int fd = open(mount_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, FIFREEZE, 0) || ioctl(fd, FITHAW, 0))
		fail(round, "fsfreeze -f, -u does not work", errno);
	close(fd);
}

/* Nobody has died yet in a state that one can well die in. */
static bool unmet(const unsigned int *deaths)
{
	return !(deaths[0] + deaths[1 + SNAPSET_STATE_OPEN]) ||
	       !deaths[1 + SNAPSET_STATE_PREPARING] || !deaths[1 + SNAPSET_STATE_CREATED] ||
	       !deaths[1 + SNAPSET_STATE_HOLDING] ||
	       (mount_dir && !deaths[1 + SNAPSET_STATE_FREEZING]);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "kills", 1, NULL, 'k' }, { "seed", 1, NULL, 's' }, { "mount", 1, NULL, 'm' },
		{ "longest", 1, NULL, 'l' }, { "command", 1, NULL, 'c' }, { 0 },
	};
	unsigned int kills = 200, longest = 80, round, i, stayed = 0;
	unsigned int deaths[1 + SNAPSET_STATE_DELETED + 1] = { 0 };
	uint64_t chance = 1, begun;
	pid_t taking, writing;
	struct nl nl;
	int opt, err;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (opt) {
		case 'k': kills = number(optarg); break;
		case 's': chance = number(optarg); break;
		case 'm':
			mount_dir = optarg;
			mount_dev = strchr(optarg, ':');
			if (!mount_dev)
				die("--mount DIR:DEVICE");
			*mount_dev++ = 0;
			break;
		case 'l': longest = number(optarg); break;
		case 'c':
			if (nr_commands == ARRAY_SIZE(commands))
				die("too many commands");
			commands[nr_commands++] = optarg;
			break;
		default: optind = argc;
		}
	}
	for (i = optind; i < (unsigned int)argc && members < MEMBERS_MAX; i++) {
		disk_open(&disk[members], argv[i], O_RDWR | O_DIRECT);
		dev[members] = disk[members].dev;
		members++;
	}
	raw_members = members;
	if (!members)
		die("which devices?");
	if (mount_dev) {
		disk_open(&disk[members], mount_dev, O_RDONLY);
		dev[members] = disk[members].dev;
		members++;
	}
	err = nl_open(&nl);
	if (err)
		die("no netlink family: %s", strerror(-err));

	begun = now_ns();
	taking = start(taker, rnd(&chance));
	writing = start(writer, rnd(&chance));
	for (round = 1; round <= kills && failures < 10; round++) {
		bool stays;

		if (round % 2)
			usleep(rnd_below(&chance, longest * 1000));
		else
			wait_for(&nl, round, aim_of(round));
		/* the writer first, or last, or both at once while the set is undone */
		if (round % 3 == 1)
			kill(writing, SIGKILL);
		look_round(&nl);
		stays = nr_commands && look.staying;
		kill(taking, SIGKILL);
		put_fault("off");
		put_fault("go");
		deaths[1 + look.state]++;
		stayed += stays;
		if (round % 3 == 2)
			usleep(rnd_below(&chance, 10000));
		kill(writing, SIGKILL);
		if (reap(writing))
			fail(round, "the writer had ended with an error", 0);
		if (reap(taking))
			fail(round, "the taker had ended with an error", 0);
		writing = start(writer, rnd(&chance));
		ask_writes(round);
		ask_objects(&nl, round, stays);
		if (mount_dir && round % 10 == 0)
			ask_freeze(round);
		stand_still(round + 1);
		taking = start(taker, rnd(&chance));
	}
	put_fault("off");
	kill(taking, SIGKILL);
	kill(writing, SIGKILL);
	if (reap(taking) || reap(writing))
		fail(round, "one had ended with an error", 0);
	ask_writes(round);
	ask_objects(&nl, round, false);
	if (mount_dir)
		ask_freeze(round);

	printf("kills %u images %ld stayed %u seconds %.0f\n", round - 1,
	       counter("image", false), stayed, (now_ns() - begun) / 1e9);
	printf("died with no set %u open %u preparing %u freezing %u holding %u committed %u created %u\n",
	       deaths[0], deaths[1 + SNAPSET_STATE_OPEN], deaths[1 + SNAPSET_STATE_PREPARING],
	       deaths[1 + SNAPSET_STATE_FREEZING], deaths[1 + SNAPSET_STATE_HOLDING],
	       deaths[1 + SNAPSET_STATE_COMMITTED], deaths[1 + SNAPSET_STATE_CREATED]);
	if (unmet(deaths))
		die("some states saw no death: not much is proved");
	return failures ? EXIT_REFUSED : EXIT_PASS;
}
