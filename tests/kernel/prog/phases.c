// SPDX-License-Identifier: GPL-2.0-only
/*
 * phases --mount DIR:DEVICE --remove NULLB [--rounds N] [--seed N] DEVICE...: each thing
 * that may end a take, at each place of a take. The module is told to stand still for a
 * while at a place (kmod/fault.h); when it does, the take is cancelled, its owner is
 * killed, its time runs out, or a member is pulled out. In the first round of each that
 * comes while the set stands still there, in the others at about the moment when it goes
 * on.
 *
 * Then one and only one of the outcomes that may be has come: what the cancel says, what
 * the set says, and whether there are images agree; writes to all members and a file made
 * and synced in DIR go on; nothing is left. NULLB is a directory of null_blk's in
 * configfs, switched off here: its disk is a member like the others until it is pulled
 * out.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "patience.h"
#include "set.h"
#include "util.h"

#define FAULTS		"/sys/kernel/debug/snapset/faults"
#define DELAY_MS	60
#define LONG_MS		3000
#define AROUND_MS	24
#define LIMIT_MS	200
#define MEMBERS_MAX	8
#define PROMPT_MS	5000	/* a hold that nobody ends takes 10 s */
#define HANG_MS		60000
#define WRITE_EVERY_MS	6	/* all that it is for is that one is on its way, or held */

enum event { CANCEL, KILL, TIMEOUT, REMOVE, EVENTS };
enum outcome { MADE, CANCELLED, FLUSH, HOLD, OTHER, OWNER_DEAD, OUTCOMES };

static const char *const event_names[] = { "cancel", "kill", "timeout", "remove" };
static const char *const outcome_names[] = {
	"made", "cancelled", "flush-timeout", "hold-timeout", "refused", "owner-dead",
};

/* In the order of a take; the instant is between "commit" and "release". */
static const char *const places[] = {
	"prepare", "sync", "freeze", "frozen", "hold", "commit", "release", "thaw", "publish",
};
#define PLACES	ARRAY_SIZE(places)
enum { FREEZE_AT = 2, HOLD_AT = 4, RELEASE_AT = 6 };

static struct disk disk[MEMBERS_MAX];
static unsigned int disks;
static char *mount_dir, *mount_dev, *nullb;
static dev_t mount_devt;
static int mount_fd;
static uint64_t chance = 1;
static unsigned int stand_ms = DELAY_MS, limit_ms = LIMIT_MS;
static bool within;			/* the event comes while the set stands still */
static unsigned int round_nr;
static const char *place;
static enum event event;
static unsigned int counts[PLACES][EVENTS][OUTCOMES];
static unsigned int run_out[PLACES];	/* the time did, and there */

__attribute__((format(printf, 1, 2), noreturn))
static void wrong(const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	die("round %u, %s at %s: %s", round_nr, event_names[event], place, text);
}

static void put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die("%s: %s", path, strerror(errno));
	close(fd);
}

/* How often it has stood still where it was told to last. */
static unsigned int stood(void)
{
	char text[16384], *line, *next;
	unsigned int hits = 0;

	if (read_text(FAULTS, text, sizeof(text)) < 0)
		die("%s cannot be read", FAULTS);
	for (line = NULL, next = text; (next = strstr(next, "fault ")); next++)
		line = next;
	if (!line || sscanf(line, "fault %*s %*u %*u %*u %*d %*u %u", &hits) != 1)
		die("%s: %s", FAULTS, text);
	return hits;
}

/*
 * To switch the points off and on takes longer than the rest of a take. What has been told
 * and has happened happens no more, so it may stay.
 */
static void stand_still(unsigned int ms)
{
	static unsigned int told;
	char line[128];

	if (told % 64 == 0 || !stood()) {
		put_text(FAULTS, "off");
		told = 0;
	}
	told++;
	snprintf(line, sizeof(line), "%s 1 1 %u 0", place, ms);
	put_text(FAULTS, line);
}

static void until_it_stands(void)
{
	struct patience p = patience_begin();

	while (!stood()) {
		if (patience_ms(&p) > HANG_MS)
			wrong("the take did not come by here");
		sleep_ms(2);
	}
}

/* Until the moment of the event has come. */
static void until_the_moment(void)
{
	unsigned int us = rnd_below(&chance, DELAY_MS * 500);

	until_it_stands();
	if (!within)
		us = (stand_ms - AROUND_MS / 2) * 1000 + rnd_below(&chance, AROUND_MS * 1000);
	usleep(us);
}

/* null_blk's disk: newer kernels call it by the directory's name. */
static dev_t nullb_on(void)
{
	char path[512], index[16] = "";
	struct disk d;
	struct patience p;

	snprintf(path, sizeof(path), "%s/power", nullb);
	put_text(path, "1");
	snprintf(path, sizeof(path), "%s/index", nullb);
	read_text(path, index, sizeof(index));
	index[strcspn(index, "\n")] = 0;
	snprintf(path, sizeof(path), "/dev%s", strrchr(nullb, '/'));
	if (access(path, F_OK))
		snprintf(path, sizeof(path), "/dev/nullb%s", index);
	for (p = patience_begin(); access(path, F_OK); sleep_ms(2))
		if (patience_ms(&p) > HANG_MS)
			die("no disk of %s", nullb);
	disk_open(&d, path, O_RDONLY);
	disk_close(&d);
	return d.dev;
}

static void nullb_off(void)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/power", nullb);
	put_text(path, "0");
}

static atomic_bool stop;

static void *write_on(void *arg)
{
	uint64_t mine = 7;
	char *buf = aligned(16384);

	(void)arg;
	while (!atomic_load(&stop)) {
		struct disk *d = &disk[rnd_below(&mine, disks)];
		uint64_t off = rnd_below(&mine, d->size / 16384) * 16384;
		int err = write_at(d->fd, buf, 16384, off);

		if (err)
			wrong("THE ORIGIN FAILED: writing to %s: %s", d->path, strerror(-err));
		sleep_ms(WRITE_EVERY_MS);
	}
	free(buf);
	return NULL;
}

static atomic_bool probed;

static void *probe(void *arg)
{
	char *buf = aligned(4096), path[512];
	unsigned int i;
	int fd, err;

	(void)arg;
	memset(buf, 1, 4096);
	for (i = 0; i < disks; i++) {
		err = write_at(disk[i].fd, buf, 4096, 0);
		if (err)
			wrong("THE ORIGIN FAILED: writing to %s: %s", disk[i].path, strerror(-err));
	}
	snprintf(path, sizeof(path), "%s/probe", mount_dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write_at(fd, buf, 4096, 0) || fsync(fd) || close(fd))
		wrong("THE ORIGIN FAILED: writing %s: %s", path, strerror(errno));
	free(buf);
	atomic_store(&probed, true);
	return NULL;
}

static void ask_writes(void)
{
	struct patience p = patience_begin();
	uint64_t ms = 0;
	pthread_t thread;

	atomic_store(&probed, false);
	if (pthread_create(&thread, NULL, probe, NULL))
		die("cannot start a thread");
	while (!atomic_load(&probed)) {
		sleep_ms(1);
		ms = patience_ms(&p);
		if (ms > HANG_MS)
			wrong("A WRITE IS STILL HELD after %llu ms", (unsigned long long)ms);
	}
	pthread_join(thread, NULL);
	if (ms > PROMPT_MS)
		wrong("writes to all members took %llu ms", (unsigned long long)ms);
}

static void ask_objects(void)
{
	struct patience p = patience_begin();
	long alive;

	while ((alive = counters_alive())) {
		if (alive < 0)
			die("the counters cannot be read: %s", strerror(-alive));
		if (patience_ms(&p) > HANG_MS)
			wrong("%ld objects are left after %u ms", alive, HANG_MS);
		sleep_ms(2);
	}
}

/* Up to the DO. */
static void begin(struct set *s, const struct set_options *o, dev_t more)
{
	unsigned int i;
	int err;

	err = set_open(s);
	if (!err)
		err = set_start(s, o);
	for (i = 0; !err && i < disks; i++)
		err = set_add(s, disk[i].dev, disk[i].path);
	if (!err)
		err = set_add(s, mount_devt, mount_dev);
	if (!err && more)
		err = set_add(s, more, "nullb");
	if (!err)
		err = set_do(s, &mount_fd, 1);
	if (err)
		wrong("%s %s", strerror(-err), s->nl.text);
}

static enum outcome outcome_of(struct set *s)
{
	uint32_t code = set_wait(s, 60000);
	unsigned int i, there = 0;

	for (i = 0; i < s->members; i++)
		there += s->snap[i].image[0] && !access(s->snap[i].image, F_OK);
	switch (code) {
	case SNAPSET_S_ASYNC_FINISHED:
		if (s->state != SNAPSET_STATE_CREATED)
			wrong("finished, but in state %u", s->state);
		return MADE;
	case SNAPSET_S_ASYNC_CANCELLED:
		if (s->state != SNAPSET_STATE_CANCELLED)
			wrong("cancelled, but in state %u", s->state);
		break;
	case SNAPSET_S_ASYNC_PENDING:
		wrong("no end after 60 s, in state %u", s->state);
	default:
		if (s->state != SNAPSET_STATE_FAILED)
			wrong("%s, but in state %u", code_name(code), s->state);
	}
	if (there)
		wrong("%s, but there are %u images", code_name(code), there);
	if (code == SNAPSET_S_ASYNC_CANCELLED)
		return CANCELLED;
	if (code == SNAPSET_E_FLUSH_WRITES_TIMEOUT)
		return FLUSH;
	if (code == SNAPSET_E_HOLD_WRITES_TIMEOUT)
		return HOLD;
	/* whoever lost a member may be told so in several ways, but not that it is a bug */
	if (event != REMOVE || (code != SNAPSET_E_PROVIDER_VETO &&
				code != SNAPSET_E_UNEXPECTED_PROVIDER_ERROR))
		wrong("%s: %s", code_name(code), s->text);
	if (!strchr(s->text, ' '))
		wrong("%s without a sentence", code_name(code));
	return OTHER;
}

static void ask_dead(struct set *s, struct snap *snap)
{
	struct patience p = patience_begin();

	do {
		if (snap_get(&s->nl, snap->id, snap))
			wrong("%s", s->nl.text);
		if (snap->state == SNAPSET_SNAP_DEAD)
			return;
		sleep_ms(2);
	} while (patience_ms(&p) < HANG_MS);
	wrong("%s cannot be read, and is not dead", snap->image);
}

/* Images of members that are there can be read; that of the one that has gone is dead. */
static void read_images(struct set *s)
{
	char *buf = aligned(65536);
	unsigned int i;
	int fd;

	for (i = 0; i < s->members; i++) {
		fd = open(s->snap[i].image, O_RDONLY | O_DIRECT | O_CLOEXEC);
		if (fd < 0)
			wrong("%s: %s", s->snap[i].image, strerror(errno));
		if (read(fd, buf, 65536) != 65536) {
			if (event != REMOVE || i <= disks)
				wrong("reading %s: %s", s->snap[i].image, strerror(errno));
			ask_dead(s, &s->snap[i]);
		}
		close(fd);
	}
	free(buf);
}

static void finish(struct set *s, enum outcome outcome)
{
	int err;

	if (outcome == MADE) {
		read_images(s);
		err = set_delete_idle(&s->nl, s->id);
		if (err)
			wrong("deleting: %s %s", strerror(-err), s->nl.text);
	}
	set_close(s);
}

static enum outcome cancel_one(unsigned int at)
{
	struct set_options o = { 0 };
	enum outcome outcome;
	uint32_t said;
	struct set s;
	int err;

	stand_still(stand_ms);
	begin(&s, &o, 0);
	until_the_moment();
	err = set_cancel(&s, &said);
	if (err)
		wrong("cancel: %s %s", strerror(-err), s.nl.text);
	outcome = outcome_of(&s);
	if (said != (outcome == MADE ? SNAPSET_S_ASYNC_FINISHED : SNAPSET_S_OK))
		wrong("the cancel says %s, the set is %s", code_name(said), outcome_names[outcome]);
	if (at >= RELEASE_AT && outcome != MADE)
		wrong("it was past the instant, and is %s", outcome_names[outcome]);
	finish(&s, outcome);
	return outcome;
}

static enum outcome kill_one(void)
{
	struct set_options o = { 0 };
	struct set s;
	pid_t pid;

	stand_still(stand_ms);
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (!pid) {
		begin(&s, &o, 0);
		pause();
		_exit(0);
	}
	until_the_moment();
	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid)
		die("waitpid: %s", strerror(errno));
	return OWNER_DEAD;	/* ask_objects() sees that all has gone, by itself */
}

/* Each place has one of the two limits; the other shall not run out before it. */
static enum outcome time_out(unsigned int at)
{
	bool holding = at >= HOLD_AT && at < RELEASE_AT;
	struct set_options o = { .hold_ms = limit_ms, .freeze_ms = limit_ms };
	unsigned int delay = within ? limit_ms + 20 + rnd_below(&chance, LIMIT_MS / 4) :
				      rnd_below(&chance, limit_ms + 20);
	enum outcome outcome;
	struct set s;

	if (holding)
		o.freeze_ms = HANG_MS;
	else if (at >= FREEZE_AT && at < HOLD_AT)
		o.hold_ms = 10000;
	stand_still(delay);
	begin(&s, &o, 0);
	outcome = outcome_of(&s);
	if (outcome == CANCELLED || outcome == OTHER)
		wrong("%s", outcome_names[outcome]);
	if (within && at >= FREEZE_AT && at < RELEASE_AT) {
		if (outcome == MADE)
			wrong("A SET was made with a delay of %u ms, which is too long", delay);
		/* else it was too slow before, and did not come by here */
		if (stood()) {
			if (outcome != (holding ? HOLD : FLUSH))
				wrong("%s after a delay of %u ms", outcome_names[outcome], delay);
			run_out[at]++;
		}
	}
	finish(&s, outcome);
	return outcome;
}

static enum outcome remove_one(void)
{
	struct set_options o = { 0 };
	enum outcome outcome;
	struct set s;

	stand_still(stand_ms);
	begin(&s, &o, nullb_on());
	until_the_moment();
	nullb_off();
	outcome = outcome_of(&s);
	if (outcome == CANCELLED)
		wrong("nobody cancelled");
	finish(&s, outcome);
	return outcome;
}

static enum outcome one(unsigned int at)
{
	switch (event) {
	case CANCEL:	return cancel_one(at);
	case KILL:	return kill_one();
	case TIMEOUT:	return time_out(at);
	default:	return remove_one();
	}
}

static void round_of(unsigned int at)
{
	round_nr++;
	counts[at][event][one(at)]++;
	ask_writes();
	ask_objects();
}

static void print_table(void)
{
	unsigned int at, o;

	for (at = 0; at < PLACES; at++) {
		for (event = 0; event < EVENTS; event++) {
			printf("%s %s:", places[at], event_names[event]);
			for (o = 0; o < OUTCOMES; o++)
				if (counts[at][event][o])
					printf(" %s %u", outcome_names[o], counts[at][event][o]);
			printf("\n");
		}
	}
}

/* What must have been seen, or not much is proved; NULL if it has been. */
static const char *unseen(unsigned int at, enum event which)
{
	if (at >= RELEASE_AT)
		return NULL;
	if (which == CANCEL && !counts[at][CANCEL][CANCELLED])
		return "no cancel has won";
	if (which == REMOVE && !counts[at][REMOVE][OTHER])
		return "nobody has missed the member that was pulled out";
	if (which == TIMEOUT && at >= FREEZE_AT && !run_out[at])
		return "time did not run out";
	return NULL;
}

/*
 * A machine that is busy elsewhere for as long as the set stands still lets it go on
 * before the event. What has not been seen yet for that is tried with more time.
 */
static void try_again(void)
{
	unsigned int at, i;

	stand_ms = limit_ms = LONG_MS;
	within = true;
	for (at = 0; at < PLACES; at++) {
		place = places[at];
		for (event = 0; event < EVENTS; event++) {
			for (i = 0; i < 5 && unseen(at, event); i++)
				round_of(at);
			if (unseen(at, event))
				die("%s at %s: not much is proved", unseen(at, event), place);
		}
		event = 0;
	}
}

static void parse(int argc, char **argv, unsigned int *rounds)
{
	static const struct option options[] = {
		{ "rounds", 1, NULL, 'r' }, { "seed", 1, NULL, 's' }, { "mount", 1, NULL, 'm' },
		{ "remove", 1, NULL, 'n' }, { 0 },
	};
	struct disk d;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (opt) {
		case 'r': *rounds = number(optarg); break;
		case 's': chance = number(optarg); break;
		case 'n': nullb = optarg; break;
		case 'm':
			mount_dir = optarg;
			mount_dev = strchr(optarg, ':');
			if (mount_dev)
				*mount_dev++ = 0;
			break;
		default: die("what is this?");
		}
	}
	while (optind < argc && disks < MEMBERS_MAX)
		disk_open(&disk[disks++], argv[optind++], O_RDWR | O_DIRECT);
	if (!disks || !mount_dev || !nullb)
		die("phases --mount DIR:DEVICE --remove NULLB DEVICE...");
	disk_open(&d, mount_dev, O_RDONLY);
	mount_devt = d.dev;
	mount_fd = open(mount_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mount_fd < 0)
		die("%s: %s", mount_dir, strerror(errno));
}

int main(int argc, char **argv)
{
	unsigned int rounds = 20, i, at;
	uint64_t begun = now_ns();
	pthread_t thread;

	setvbuf(stdout, NULL, _IOLBF, 0);
	parse(argc, argv, &rounds);
	place = places[0];
	if (pthread_create(&thread, NULL, write_on, NULL))
		die("cannot start a thread");
	for (i = 0; i < rounds; i++) {
		within = !i;
		for (at = 0; at < PLACES; at++) {
			place = places[at];
			for (event = 0; event < EVENTS; event++)
				round_of(at);
			event = 0;
		}
	}
	print_table();
	try_again();
	put_text(FAULTS, "off");
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	printf("rounds %u seconds %.0f\n", round_nr, (now_ns() - begun) / 1e9);
	return EXIT_PASS;
}
