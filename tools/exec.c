// SPDX-License-Identifier: GPL-2.0-only
/* The command of "create --exec", and the signals that end it, or what waits for them. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "exec.h"

void ending_signals(sigset_t *mask)
{
	sigemptyset(mask);
	sigaddset(mask, SIGINT);
	sigaddset(mask, SIGTERM);
	sigaddset(mask, SIGHUP);
}

int take_signal(int sigfd)
{
	struct signalfd_siginfo info;

	if (read(sigfd, &info, sizeof(info)) != sizeof(info))
		return 0;
	return (int)info.ssi_signo;
}

void wait_for_signal(int sigfd)
{
	int sig;

	do {
		struct pollfd pfd = { .fd = sigfd, .events = POLLIN };

		poll(&pfd, 1, -1);
		sig = take_signal(sigfd);
	} while (!sig);
}

static char *append(char *list, const char *word)
{
	size_t len = list ? strlen(list) : 0;
	char *longer = realloc(list, len + strlen(word) + 2);

	if (!longer) {
		free(list);
		return NULL;
	}
	if (len)
		longer[len++] = ' ';
	strcpy(longer + len, word);
	return longer;
}

bool set_environment(struct snap_session *s, const snap_id *set)
{
	struct snap_filter filter = {
		.size = sizeof(filter), .object = SNAP_OBJECT_SNAPSHOT, .set_id = *set,
	};
	struct snap_snapshot_props p = { .size = sizeof(p) };
	char id[SNAP_ID_TEXT_MAX], *ids = NULL, *devices = NULL, *volumes = NULL;
	struct snap_iter *it;
	bool ok = true;

	if (SNAP_FAILED(snap_query(s, &filter, &it)))
		return false;
	while (ok && snap_iter_next_snapshot(it, &p) == SNAP_S_OK) {
		snap_id_format(&p.id, id);
		ids = append(ids, id);
		devices = append(devices, p.device);
		volumes = append(volumes, p.volume);
		ok = ids && devices && volumes;
	}
	snap_iter_free(it);
	snap_id_format(set, id);
	ok = ok && ids && !setenv("SNAP_SET_ID", id, 1) && !setenv("SNAP_IDS", ids, 1) &&
	     !setenv("SNAP_DEVICES", devices, 1) && !setenv("SNAP_VOLUMES", volumes, 1);
	free(ids);
	free(devices);
	free(volumes);
	return ok;
}

static bool ran;	/* the exit status is that of the command */

bool command_ran(void)
{
	return ran;
}

int run_command(char **cmd, const sigset_t *old_mask, int sigfd)
{
	int status, sig;
	sigset_t mask;
	pid_t pid;

	ending_signals(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	if (signalfd(sigfd, &mask, 0) < 0) {
		fprintf(stderr, "snapset: signalfd: %s\n", strerror(errno));
		return EXIT_UNKNOWN;
	}
	pid = fork();
	if (pid < 0) {
		fprintf(stderr, "snapset: fork: %s\n", strerror(errno));
		return EXIT_UNKNOWN;
	}
	ran = true;
	if (!pid) {
		signal(SIGPIPE, SIG_DFL);
		sigprocmask(SIG_SETMASK, old_mask, NULL);
		execvp(cmd[0], cmd);
		fprintf(stderr, "snapset: %s: %s\n", cmd[0], strerror(errno));
		_exit(errno == ENOENT ? 127 : 126);
	}
	for (;;) {
		struct pollfd pfd = { .fd = sigfd, .events = POLLIN };

		if (waitpid(pid, &status, WNOHANG) == pid)
			break;
		poll(&pfd, 1, -1);
		sig = take_signal(sigfd);
		/* The terminal sends SIGINT to both of us; the others we pass on. */
		if (sig == SIGTERM || sig == SIGHUP)
			kill(pid, sig);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
