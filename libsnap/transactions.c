// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Transactions: the words between us and snapset-transactions, which runs the
 * programs. It keeps the time and does what is right if we vanish; see
 * transactions/main.c for the words. Here they are sent and read.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"
#include "paths.h"

#define TRANSACTION_MS	10000
#define WINDOW_MS	60000

const char *snapi_helper = SNAPI_LIBEXECDIR "/snapset-transactions";

static snap_status check_directory(struct snap_session *s, const char *directory)
{
	struct stat st;

	if (directory[0] != '/')
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "%s is not an absolute path, and programs are run from it",
				  directory);
	if (stat(directory, &st)) {
		struct snapi_error e;
		int err = errno;

		snapi_error_set(&e, SNAP_E_OBJECT_NOT_FOUND, err, NULL, "%s: %s",
				directory, strerror(err));
		return snapi_fail_with(s, &e);
	}
	if (!S_ISDIR(st.st_mode))
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL, "%s is not a directory",
				  directory);
	return SNAP_S_OK;
}

SNAPI_EXPORT snap_status snap_set_transactions(struct snap_session *s,
					       const char *directory,
					       uint32_t transaction_ms,
					       uint32_t window_ms)
{
	enum snapi_state state;
	char *copy = NULL;
	snap_status st;

	if (!s)
		return SNAP_E_INVALIDARG;
	state = snapi_session_state(s);
	if (state != SNAPI_NEW && state != SNAPI_SET_OPEN)
		return snapi_fail(s, SNAP_E_BAD_STATE, NULL,
				  "snap_set_transactions() comes before snap_do_snapshot_set()");
	if (transaction_ms > 60000 || window_ms > 600000)
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL,
				  "transactions can take 1 to 60000 ms, and be frozen for 1 to 600000 ms, not %u and %u",
				  transaction_ms, window_ms);
	if (directory) {
		st = check_directory(s, directory);
		if (st)
			return st;
		copy = strdup(directory);
		if (!copy)
			return snapi_fail(s, SNAP_E_OUTOFMEMORY, NULL, NULL);
	}
	free(s->transactions);
	s->transactions = copy;
	s->transaction_ms = transaction_ms ? transaction_ms : TRANSACTION_MS;
	s->window_ms = window_ms ? window_ms : WINDOW_MS;
	return SNAP_S_OK;
}

/* Becomes another process at once; what we start is there for a moment only. */
static int spawn(char **argv, int socket)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	char *env[] = { NULL };
	pid_t pid;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	err = posix_spawn_file_actions_init(&actions);
	if (err)
		return err;
	err = posix_spawnattr_init(&attr);
	if (err) {
		posix_spawn_file_actions_destroy(&actions);
		return err;
	}
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
				 POSIX_SPAWN_SETSID);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	err = posix_spawn_file_actions_adddup2(&actions, socket, 0);
	if (!err)
		err = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&actions, 1, 2);
	if (!err)
		err = posix_spawn(&pid, argv[0], &actions, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	if (err)
		return err;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;		/* ECHILD: the caller has it done for him */
	return 0;
}

int snapi_helper_start(struct snap_session *s, struct snapi_error *e)
{
	char transaction_ms[16], window_ms[16], id[SNAP_ID_TEXT_MAX];
	char *argv[SNAPSET_MAX_MEMBERS + 6] = {
		(char *)snapi_helper, s->transactions, transaction_ms, window_ms, id,
	};
	int sv[2], err;

	snprintf(transaction_ms, sizeof(transaction_ms), "%u", s->transaction_ms);
	snprintf(window_ms, sizeof(window_ms), "%u", s->window_ms);
	snap_id_format(&s->set_id, id);
	for (unsigned int i = 0; i < s->nr_members; i++)
		argv[5 + i] = s->members[i].name;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv)) {
		snapi_error_set(e, SNAP_E_UNEXPECTED, errno, NULL,
				"cannot make a socket for transactions: %s", strerror(errno));
		return -1;
	}
	err = spawn(argv, sv[1]);
	close(sv[1]);
	if (err) {
		snapi_error_set(e, SNAP_E_UNEXPECTED, err, NULL, "cannot run %s: %s",
				snapi_helper, strerror(err));
		close(sv[0]);
		return -1;
	}
	return sv[0];
}

void snapi_helper_tell(int fd, const char *word, snap_status code)
{
	char line[32];

	if (code)
		snprintf(line, sizeof(line), "%s 0x%08x", word, (unsigned int)code);
	else
		snprintf(line, sizeof(line), "%s", word);
	/* If it is gone, that is what is read next. */
	send(fd, line, strlen(line), MSG_NOSIGNAL);
}

enum snapi_answer snapi_helper_read(int fd, struct snapi_error *e)
{
	char line[640], *text;
	ssize_t len;

	do {
		len = recv(fd, line, sizeof(line) - 1, 0);
	} while (len < 0 && errno == EINTR);
	line[len > 0 ? len : 0] = 0;
	if (!strcmp(line, "frozen"))
		return SNAPI_FROZEN;
	if (!strcmp(line, "thawed"))
		return SNAPI_THAWED;
	if (!strcmp(line, "aborted"))
		return SNAPI_ABORTED_ALL;
	if (!strncmp(line, "fail ", 5)) {
		snap_status code = (snap_status)strtoul(line + 5, &text, 0);

		snapi_error_set(e, SNAP_FAILED(code) ? code : SNAP_E_UNEXPECTED, 0, NULL,
				"%s", *text ? text + 1 : text);
		return SNAPI_FAIL;
	}
	if (!strncmp(line, "late ", 5)) {
		snapi_error_set(e, SNAP_E_TRANSACTION_FREEZE_TIMEOUT, 0, NULL, "%s", line + 5);
		return SNAPI_LATE;
	}
	snapi_error_set(e, SNAP_E_UNEXPECTED, 0, NULL,
			"%s ended without an answer; what was frozen may still be so",
			snapi_helper);
	return SNAPI_GONE;
}
