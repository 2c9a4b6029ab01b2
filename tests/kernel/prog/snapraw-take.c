// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "set.h"
#include "snapraw.h"
#include "util.h"

volatile sig_atomic_t snapraw_stopped;

void snapraw_stop(int sig)
{
	(void)sig;
	snapraw_stopped = 1;
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

int snapraw_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static uint32_t full_of(const char *word)
{
	static const char *const words[] = { "set", "oldest", "wait" };
	uint32_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(word, words[i]))
			return i;
	return number(word);
}

int snapraw_refused(int err, const struct nl *nl, uint64_t begun)
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
	while (!snapraw_stopped) {
		if (poll(&in, 1, -1) > 0 && read(0, buf, sizeof(buf)) <= 0)
			break;
	}
}

int snapraw_take(int argc, char **argv)
{
	static const struct option options[] = {
		{ "keep", 0, NULL, 'k' }, { "stay", 0, NULL, 's' },
		{ "hold-timeout", 1, NULL, 'h' }, { "freeze-timeout", 1, NULL, 'f' },
		{ "stall-timeout", 1, NULL, 't' }, { "budget", 1, NULL, 'b' },
		{ "index-limit", 1, NULL, 'I' },
		{ "store", 1, NULL, 'S' }, { "store-limit", 1, NULL, 'l' },
		{ "freeze", 1, NULL, 'F' }, { "touch", 1, NULL, 'T' },
		{ "until", 1, NULL, 'u' }, { "store-file", 1, NULL, 'p' },
		{ "store-keep", 0, NULL, 'K' }, { "share", 1, NULL, 'i' },
		{ "full", 1, NULL, 'm' }, { "full-wait", 1, NULL, 'w' },
		{ "quota", 1, NULL, 'q' }, { 0 },
	};
	int fds[SNAPSET_MAX_MEMBERS], opt, err, i;
	const char *touch = NULL, *until = NULL;
	unsigned int nfds = 0, n;
	struct set_options o = { 0 };
	bool stay_on = false;
	uint64_t quota = 0;
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
		case 'I': o.index_limit = bytes(optarg); break;
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
			o.files[o.nr_files++] = snapraw_file(optarg);
			break;
		case 'K': o.store_keep = true; break;
		case 'i': o.share = number(optarg); break;
		case 'm': o.full = full_of(optarg); break;
		case 'w': o.full_wait_ms = number(optarg); break;
		case 'q': quota = bytes(optarg); break;
		case 'T': touch = optarg; break;
		case 'u': until = optarg; break;
		default: return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return EXIT_USAGE;

	signal(SIGTERM, snapraw_stop);
	signal(SIGINT, snapraw_stop);
	begun = now_ns();
	err = set_open(&s);
	if (!err)
		err = set_start(&s, &o);
	for (i = optind; !err && i < argc; i++)
		err = set_add_quota(&s, dev_of(argv[i]), argv[i], quota);
	if (err)
		return snapraw_refused(err, &s.nl, begun);
	if (touch)
		close(open(touch, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	while (until && access(until, F_OK)) {
		if (snapraw_stopped)
			die("told to stop before there was %s", until);
		sleep_ms(10);
	}
	begun = now_ns();
	err = set_do(&s, fds, nfds);
	if (err)
		return snapraw_refused(err, &s.nl, begun);
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
