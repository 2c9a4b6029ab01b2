// SPDX-License-Identifier: GPL-2.0-only
/*
 * cancel [--rounds N] [--mount DIR:DEVICE] DEVICE...: asks for a set and takes the
 * request back at a random moment, or lets a hold of a millisecond run out, while
 * somebody writes. Commit, cancel and time race for one word, and whoever
 * wins, all must agree on it: the answer to the cancel, the state of the set, and
 * whether there are images. One of the DEVICEs must be slow: what is in flight there
 * when the hold begins must take longer than a millisecond.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "patience.h"
#include "set.h"
#include "util.h"

#define MEMBERS_MAX	16
#define WAIT_MS		60000
#define WRITE_EVERY_MS	2	/* all that it is for is that one is on its way, or held */

static struct disk disk[MEMBERS_MAX + 1];
static dev_t dev[MEMBERS_MAX + 1];
static unsigned int members, raw_members;
static atomic_bool stop;
static atomic_ulong writes;

static void *write_on(void *arg)
{
	uint64_t chance = 7;
	char *buf = aligned(16384);

	(void)arg;
	while (!atomic_load(&stop)) {
		struct disk *d = &disk[rnd_below(&chance, raw_members)];
		uint64_t off = rnd_below(&chance, d->size / 16384) * 16384;
		int err = write_at(d->fd, buf, 16384, off);

		if (err)
			die("THE ORIGIN FAILED: writing to %s: %s", d->path, strerror(-err));
		atomic_fetch_add(&writes, 1);
		sleep_ms(WRITE_EVERY_MS);
	}
	free(buf);
	return NULL;
}

static void ask_writer(unsigned int round)
{
	unsigned long before = atomic_load(&writes);
	struct patience p = patience_begin();

	/* a hold that nobody ends takes 10 s */
	while (atomic_load(&writes) < before + 3) {
		if (patience_ms(&p) > 5000)
			die("round %u: THE WRITER STANDS STILL for 5 s", round);
		sleep_ms(1);
	}
}

static unsigned int images(void)
{
	glob_t g;
	unsigned int n = 0;

	if (!glob("/dev/snapset[0-9]*", 0, NULL, &g))
		n = g.gl_pathc;
	globfree(&g);
	return n;
}

enum outcome { MADE, CANCELLED, TIMED_OUT };

static enum outcome judge(struct set *s, unsigned int round, uint32_t said)
{
	uint32_t code, again;
	int err;

	/* what the set itself says must be what the cancel said */
	code = set_wait(s, WAIT_MS);
	switch (said) {
	case SNAPSET_S_OK:
		if (code != SNAPSET_S_ASYNC_CANCELLED || s->state != SNAPSET_STATE_CANCELLED)
			die("round %u: cancelled, but the set is %s in state %u", round,
			    code_name(code), s->state);
		break;
	case SNAPSET_S_ASYNC_FINISHED:
		if (code != SNAPSET_S_ASYNC_FINISHED || s->state != SNAPSET_STATE_CREATED)
			die("round %u: too late to cancel, but the set is %s in state %u", round,
			    code_name(code), s->state);
		break;
	case SNAPSET_E_HOLD_WRITES_TIMEOUT:
		if (code != said || s->state != SNAPSET_STATE_FAILED)
			die("round %u: timed out, but the set is %s in state %u", round,
			    code_name(code), s->state);
		break;
	default:
		die("round %u: the cancel says %s: %s", round, code_name(said), s->text);
	}
	err = set_cancel(s, &again);
	if (said == SNAPSET_S_OK)
		said = SNAPSET_S_ASYNC_CANCELLED;
	if (err || again != said)
		die("round %u: a second cancel says %s after %s (%s)", round, code_name(again),
		    code_name(said), strerror(-err));

	if (said == SNAPSET_S_ASYNC_FINISHED) {
		if (images() != s->members)
			die("round %u: a created set of %u has %u images", round, s->members,
			    images());
		err = set_delete_idle(&s->nl, s->id);
		if (err)
			die("round %u: deleting: %s %s", round, strerror(-err), s->nl.text);
		return MADE;
	}
	if (images())
		die("round %u: %u images of no set", round, images());
	return said == SNAPSET_S_ASYNC_CANCELLED ? CANCELLED : TIMED_OUT;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", 1, NULL, 'r' }, { "mount", 1, NULL, 'm' }, { 0 },
	};
	unsigned int rounds = 100, round, i, outcomes[3] = { 0 };
	uint64_t chance = 1, longest = 100000000, begun = now_ns();
	char *mount_dir = NULL, *mount_dev = NULL;
	int opt, err, fd = -1;
	pthread_t thread;
	struct set s;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (opt) {
		case 'r': rounds = number(optarg); break;
		case 'm':
			mount_dir = optarg;
			mount_dev = strchr(optarg, ':');
			if (!mount_dev)
				die("--mount DIR:DEVICE");
			*mount_dev++ = 0;
			break;
		default: optind = argc;
		}
	}
	for (i = optind; i < (unsigned int)argc && members < MEMBERS_MAX; i++)
		disk_open(&disk[members++], argv[i], O_RDWR | O_DIRECT);
	raw_members = members;
	if (!members)
		die("which devices?");
	if (mount_dev) {
		disk_open(&disk[members++], mount_dev, O_RDONLY);
		fd = open(mount_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			die("%s: %s", mount_dir, strerror(errno));
	}
	for (i = 0; i < members; i++)
		dev[i] = disk[i].dev;

	err = set_open(&s);
	if (err)
		die("opening a session: %s %s", strerror(-err), s.nl.text);
	if (pthread_create(&thread, NULL, write_on, NULL))
		die("cannot start a thread");

	/* on a slow machine it takes longer to find where the outcome turns */
	for (round = 1; round <= rounds ||
	     (round <= 4 * rounds && !(outcomes[MADE] && outcomes[CANCELLED])); round++) {
		/* every fourth has no time; half of these are asked when it is over */
		bool brief = round % 4 == 0, late = round % 8 == 0;
		struct set_options o = { .hold_ms = brief };
		enum outcome outcome;
		uint32_t said;

		err = set_start(&s, &o);
		for (i = 0; !err && i < members; i++)
			err = set_add(&s, dev[i], NULL);
		if (!err)
			err = set_do(&s, &fd, fd >= 0);
		if (err)
			die("round %u: %s %s", round, strerror(-err), s.nl.text);
		if (late)
			set_wait(&s, WAIT_MS);
		else
			usleep(rnd_below(&chance, longest) / 1000);
		err = set_cancel(&s, &said);
		if (err)
			die("round %u: cancel: %s %s", round, strerror(-err), s.nl.text);
		outcome = judge(&s, round, said);
		outcomes[outcome]++;
		/* aim at where the outcome turns */
		if (brief)
			;
		else if (outcome == MADE)
			longest -= longest / 8;
		else
			longest += longest / 8;
		ask_writer(round);
		if (fd >= 0 && syncfs(fd))
			die("round %u: syncfs: %s", round, strerror(errno));
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	set_close(&s);
	printf("rounds %u made %u cancelled %u timed-out %u seconds %.0f\n", round - 1,
	       outcomes[MADE], outcomes[CANCELLED], outcomes[TIMED_OUT],
	       (now_ns() - begun) / 1e9);
	if (!outcomes[MADE] || !outcomes[CANCELLED] || !outcomes[TIMED_OUT])
		die("the race was no race: there is an outcome that never was");
	return EXIT_PASS;
}
