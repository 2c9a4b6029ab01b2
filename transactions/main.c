// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * snapset-transactions DIRECTORY TRANSACTION_MS WINDOW_MS SET_ID VOLUME...
 *
 * Has the programs of DIRECTORY freeze, and thaw or abort, for one set. It is a
 * process of its own because who asks may be killed at any moment, and what is
 * frozen must not stay so. Standard input is a socket (SOCK_SEQPACKET); a packet
 * is a line:
 *
 *	to us		from us
 *	freeze		frozen		all programs have frozen
 *			fail CODE TEXT	one has not; all that began have been aborted
 *	thaw		thawed		all programs have thawed
 *			fail CODE TEXT	all were told, and one did not do it
 *	abort CODE	aborted		at any time before "thaw"
 *			late TEXT	the window is over; all have been aborted
 *
 * Everything but "frozen" is our last word. The end of the socket, which says that
 * whoever asked is gone, is an abort. So every program whose freeze began gets one
 * thaw or one abort, in the reverse order, whatever happens to the others.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libsnap.h>

#include "transactions.h"

#define LEAST_MS	500	/* for a thaw or abort, however late it is */

enum word { FREEZE, THAW, ABORT, GONE, LATE };

static struct list list;
static const char *directory, *set_id;
static char *volumes;
static unsigned long transaction_ms, window_ms;
static uint64_t window_end;

static void answer(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void answer(const char *fmt, ...)
{
	char line[TEXT_MAX + 64];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	send(0, line, strlen(line), MSG_NOSIGNAL);
}

static void fail(uint32_t code, const char *text)
{
	answer("fail 0x%08x %s", code, text);
}

/* The next word; @until 0: no matter when. */
static enum word listen_until(uint64_t until, uint32_t *code)
{
	struct pollfd pfd = { .events = POLLIN };
	char line[64];
	ssize_t len;

	for (;;) {
		uint64_t now = now_ms();
		int n;

		if (until && now >= until)
			return LATE;
		n = poll(&pfd, 1, until ? (int)(until - now) : -1);
		if (n > 0)
			break;
	}
	len = recv(0, line, sizeof(line) - 1, 0);
	if (len <= 0)
		return GONE;
	line[len] = 0;
	if (!strcmp(line, "freeze"))
		return FREEZE;
	if (!strcmp(line, "thaw"))
		return THAW;
	if (!strncmp(line, "abort ", 6)) {
		*code = (uint32_t)strtoul(line + 6, NULL, 0);
		return ABORT;
	}
	return GONE;		/* it does not speak our language */
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * Tells all that have begun to freeze, the last one first. What goes wrong first is
 * the outcome.
 */
static enum outcome tell_all(const char *verb, uint32_t code, uint64_t deadline,
			     char text[TEXT_MAX])
{
	struct run r = {
		.verb = verb, .watch = -1, .code = code, .set_id = set_id,
		.volumes = volumes,
	};
	enum outcome all = ENDED_WELL;
	char why[TEXT_MAX];

	for (unsigned int i = list.nr; i-- > 0;) {
		uint64_t least = now_ms() + LEAST_MS;
		enum outcome out;

		if (!list.v[i].frozen)
			continue;
		r.deadline = deadline > least ? deadline : least;
		out = program_run(&list, &list.v[i], &r, why);
		/* one that got its least only was told too late */
		if (out == ENDED_WELL && now_ms() > deadline) {
			out = TIMED_OUT;
			snprintf(why, sizeof(why), "%.200s %s ended too late",
				 list.v[i].name, verb);
		}
		if (all == ENDED_WELL && out != ENDED_WELL) {
			all = out;
			memcpy(text, why, TEXT_MAX);
		}
	}
	return all;
}

static void abort_all(uint32_t code)
{
	char text[TEXT_MAX];

	tell_all("abort", code, now_ms() + transaction_ms, text);
}

/* True: all have frozen. Else they have been aborted, and nothing is to be done. */
static bool freeze_all(void)
{
	struct run r = {
		.verb = "freeze", .watch = 0, .set_id = set_id, .volumes = volumes,
	};
	enum outcome out = ENDED_WELL;
	char text[TEXT_MAX];
	uint32_t code;

	if (!list_read(&list, directory, text)) {
		fail(SNAP_E_UNEXPECTED, text);
		return false;
	}
	window_end = now_ms() + window_ms;
	r.deadline = min(now_ms() + transaction_ms, window_end);
	for (unsigned int i = 0; out == ENDED_WELL && i < list.nr; i++) {
		if (now_ms() < r.deadline) {
			out = program_run(&list, &list.v[i], &r, text);
		} else {
			out = TIMED_OUT;
			snprintf(text, sizeof(text), "there was no time left for %.200s freeze",
				 list.v[i].name);
		}
	}
	if (out == ENDED_WELL) {
		answer("frozen");
		return true;
	}
	if (out == BROKEN_OFF) {
		code = (uint32_t)SNAP_S_ASYNC_CANCELLED;
		listen_until(0, &code);
		abort_all(code);
		answer("aborted");
		return false;
	}
	code = (uint32_t)(out == TIMED_OUT ? SNAP_E_TRANSACTION_FREEZE_TIMEOUT :
			  SNAP_E_UNEXPECTED_WRITER_ERROR);
	abort_all(code);
	fail(code, text);
	return false;
}

static void thaw_all(void)
{
	char text[TEXT_MAX];

	switch (tell_all("thaw", 0, min(now_ms() + transaction_ms, window_end), text)) {
	case ENDED_WELL:
		answer("thawed");
		break;
	case TIMED_OUT:
		fail((uint32_t)SNAP_E_TRANSACTION_THAW_TIMEOUT, text);
		break;
	default:
		fail((uint32_t)SNAP_E_UNEXPECTED_WRITER_ERROR, text);
	}
}

static void serve(void)
{
	uint32_t code = (uint32_t)SNAP_S_ASYNC_CANCELLED;

	if (listen_until(0, &code) != FREEZE) {
		answer("aborted");
		return;
	}
	if (!freeze_all())
		return;
	switch (listen_until(window_end, &code)) {
	case THAW:
		thaw_all();
		break;
	case LATE:
		abort_all((uint32_t)SNAP_E_TRANSACTION_FREEZE_TIMEOUT);
		answer("late transactions were frozen for longer than %lu ms and were aborted",
		       window_ms);
		break;
	default:
		abort_all(code);
		answer("aborted");
	}
}

/* Whatever the caller has open is none of our programs' business. */
static void close_the_rest(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *de;

	while (dir && (de = readdir(dir))) {
		int fd = atoi(de->d_name);

		if (fd > 2 && fd != dirfd(dir))
			close(fd);
	}
	if (dir)
		closedir(dir);
}

static bool join_volumes(char **argv)
{
	size_t len = 1;

	for (char **v = argv; *v; v++)
		len += strlen(*v) + 1;
	volumes = calloc(1, len);
	if (!volumes)
		return false;
	for (char **v = argv; *v; v++) {
		if (v != argv)
			strcat(volumes, " ");
		strcat(volumes, *v);
	}
	return true;
}

int main(int argc, char **argv)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };

	if (argc < 5 || !join_volumes(argv + 5)) {
		fprintf(stderr, "snapset-transactions is started by libsnap\n");
		return 64;
	}
	directory = argv[1];
	transaction_ms = strtoul(argv[2], NULL, 10);
	window_ms = strtoul(argv[3], NULL, 10);
	set_id = argv[4];

	/* Nobody's child: no surprise for a caller that waits for its own. */
	switch (fork()) {
	case -1:
		return 1;
	case 0:
		break;
	default:
		_exit(0);
	}
	setsid();
	if (chdir("/"))
		return 1;
	/* Who ends a service sends these to all; we end with the socket. */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	close_the_rest();
	program_init();
	serve();
	return 0;
}
