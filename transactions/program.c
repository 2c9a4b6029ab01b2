// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One program, one verb. It gets nothing of ours but its words and a clean
 * environment; what it prints stays in memory, as what keeps the journal may be
 * frozen, and the last line of it is in the sentence if it fails.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "transactions.h"

#define GRACE_MS	200	/* from SIGTERM to SIGKILL */
#define DEATH_MS	1000	/* one that sleeps uninterruptibly is not waited for */
#define OUTPUT_MAX	4096	/* the last bytes */

struct output {
	int	fd;
	char	buf[2 * OUTPUT_MAX];
	size_t	used;
};

static sigset_t waiting_mask;	/* without SIGCHLD */

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void on_child(int sig)
{
	(void)sig;		/* it ends ppoll() */
}

void program_init(void)
{
	struct sigaction sa = { .sa_handler = on_child };
	sigset_t mask;

	sigaction(SIGCHLD, &sa, NULL);
	sigemptyset(&waiting_mask);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

static void read_output(struct output *o)
{
	ssize_t len = read(o->fd, o->buf + o->used, sizeof(o->buf) - o->used);

	if (len == 0) {		/* nobody has the other end any more */
		close(o->fd);
		o->fd = -1;
	}
	if (len <= 0)
		return;
	o->used += len;
	if (o->used > OUTPUT_MAX) {
		memmove(o->buf, o->buf + o->used - OUTPUT_MAX, OUTPUT_MAX);
		o->used = OUTPUT_MAX;
	}
}

/* What is in the pipe when the program has ended. */
static void read_rest(struct output *o)
{
	struct pollfd pfd = { .events = POLLIN };

	for (int i = 0; i < 64 && o->fd >= 0; i++) {
		pfd.fd = o->fd;
		if (poll(&pfd, 1, 0) <= 0)
			break;
		read_output(o);
	}
	if (o->fd >= 0)
		close(o->fd);
}

/* Appends ": " and the last line that has something in it. */
static void say_last_line(const struct output *o, char text[TEXT_MAX])
{
	size_t end = o->used, begin, len = strlen(text);

	while (end && isspace((unsigned char)o->buf[end - 1]))
		end--;
	for (begin = end; begin && o->buf[begin - 1] != '\n'; begin--)
		;
	if (begin == end || len + 3 > TEXT_MAX)
		return;
	text[len++] = ':';
	text[len++] = ' ';
	for (; begin < end && len + 1 < TEXT_MAX; begin++)
		text[len++] = iscntrl((unsigned char)o->buf[begin]) ? ' ' : o->buf[begin];
	text[len] = 0;
}

static void child(const struct list *l, const struct program *p, const struct run *r,
		  int output) __attribute__((noreturn));

static void child(const struct list *l, const struct program *p, const struct run *r,
		  int output)
{
	char id[64], deadline[64], code[32], *path, *volumes;
	uint64_t now = now_ms();
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	snprintf(id, sizeof(id), "SNAP_SET_ID=%s", r->set_id);
	snprintf(deadline, sizeof(deadline), "SNAP_DEADLINE_MS=%llu",
		 (unsigned long long)(r->deadline > now ? r->deadline - now : 0));
	snprintf(code, sizeof(code), "SNAP_CODE=0x%08x", r->code);
	if (asprintf(&path, "%s/%s", l->directory, p->name) < 0 ||
	    asprintf(&volumes, "SNAP_VOLUMES=%s", r->volumes) < 0)
		_exit(126);
	char *argv[] = { path, (char *)r->verb, NULL };
	char *envp[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LANG=C.UTF-8", "SNAP_LEVEL=transaction", id, volumes, deadline,
		r->code ? code : NULL, NULL,
	};

	setpgid(0, 0);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
		_exit(126);
	if (null > 2)
		close(null);
	execve(path, argv, envp);
	dprintf(2, "%s\n", strerror(errno));
	_exit(126);
}

static pid_t start(const struct list *l, const struct program *p, const struct run *r,
		   struct output *o)
{
	int pipefd[2];
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC))
		return -1;
	fcntl(pipefd[0], F_SETFL, O_NONBLOCK);
	pid = fork();
	if (!pid)
		child(l, p, r, pipefd[1]);
	close(pipefd[1]);
	if (pid < 0) {
		close(pipefd[0]);
		return -1;
	}
	setpgid(pid, pid);	/* whoever comes first */
	o->fd = pipefd[0];
	return pid;
}

/* Whether it has ended, which leaves the zombie there. */
static bool ended(pid_t pid, siginfo_t *info)
{
	memset(info, 0, sizeof(*info));
	return !waitid(P_PID, pid, info, WEXITED | WNOHANG | WNOWAIT) && info->si_pid == pid;
}

/* Until it has ended (true), the time is over, or there is something from @watch. */
static bool wait_until(pid_t pid, uint64_t until, int watch, struct output *o,
		       siginfo_t *info, bool *watched)
{
	while (!ended(pid, info)) {
		struct pollfd pfd[] = {
			{ .fd = o->fd, .events = POLLIN },
			{ .fd = watch, .events = POLLIN },
		};
		uint64_t now = now_ms();
		struct timespec ts;

		if (now >= until)
			return false;
		ts.tv_sec = (until - now) / 1000;
		ts.tv_nsec = (until - now) % 1000 * 1000000;
		if (ppoll(pfd, 2, &ts, &waiting_mask) <= 0)
			continue;
		if (pfd[0].revents)
			read_output(o);
		if (pfd[1].revents) {
			*watched = true;
			return false;
		}
	}
	return true;
}

/* The whole group of @pid, which is not reaped. */
static void kill_group(pid_t pid, struct output *o)
{
	siginfo_t info;
	bool watched;

	kill(-pid, SIGTERM);
	kill(-pid, SIGCONT);
	wait_until(pid, now_ms() + GRACE_MS, -1, o, &info, &watched);
	kill(-pid, SIGKILL);
	wait_until(pid, now_ms() + DEATH_MS, -1, o, &info, &watched);
}

static enum outcome judge(const siginfo_t *info, const struct program *p,
			  const struct run *r, const struct output *o, char text[TEXT_MAX])
{
	if (info->si_code == CLD_EXITED && !info->si_status)
		return ENDED_WELL;
	if (info->si_code == CLD_EXITED)
		snprintf(text, TEXT_MAX, "%.200s %s ended with status %d", p->name, r->verb,
			 info->si_status);
	else
		snprintf(text, TEXT_MAX, "%.200s %s was killed by signal %d", p->name,
			 r->verb, info->si_status);
	say_last_line(o, text);
	return FAILED;
}

static enum outcome run(const struct list *l, struct program *p, const struct run *r,
			pid_t *pid, char text[TEXT_MAX])
{
	struct output o = { .fd = -1 };
	bool watched = false;
	enum outcome out;
	siginfo_t info;

	*pid = start(l, p, r, &o);
	if (*pid < 0) {
		snprintf(text, TEXT_MAX, "%.200s %s could not be started: %s", p->name,
			 r->verb, strerror(errno));
		return FAILED;
	}
	if (wait_until(*pid, r->deadline, r->watch, &o, &info, &watched)) {
		read_rest(&o);
		return judge(&info, p, r, &o, text);
	}
	kill_group(*pid, &o);
	read_rest(&o);
	out = watched ? BROKEN_OFF : TIMED_OUT;
	snprintf(text, TEXT_MAX, "%.200s %s %s", p->name, r->verb,
		 watched ? "was broken off" : "did not end in time and was killed");
	say_last_line(&o, text);
	return out;
}

enum outcome program_run(const struct list *l, struct program *p, const struct run *r,
			 char text[TEXT_MAX])
{
	bool freeze = !strcmp(r->verb, "freeze");
	enum outcome out;
	pid_t pid;

	out = run(l, p, r, &pid, text);
	if (freeze) {
		p->frozen = pid > 0 ? pid : 0;
		return out;
	}
	if (out != ENDED_WELL)
		kill(-p->frozen, SIGKILL);
	waitpid(p->frozen, NULL, WNOHANG);
	p->frozen = 0;
	if (pid > 0)
		waitpid(pid, NULL, WNOHANG);
	return out;
}
