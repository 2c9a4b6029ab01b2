// SPDX-License-Identifier: GPL-2.0-only
/*
 * snapset monitor: makes stores larger before they are full. It looks at all of them when the
 * kernel tells of something, and by time only while one is filled so fast that this would be
 * late (grow.h), or could not grow. What it does about one is done by a process (enlarge.h),
 * one for each store at most.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "enlarge.h"

#define LOOK_MS		1000	/* while something is to be done as soon as it can be */
#define AGAIN_MS	10000	/* after one that could not grow ... */
#define LONGEST_MS	60000	/* ... and twice as long each time, while nothing is written */
#define NEVER		UINT64_MAX
#define STOP_MS		5000	/* for those that are at work */

struct watched {
	uint64_t	store;		/* its id */
	snap_id		set;		/* one that uses it */
	struct growing	g;
	bool		seen;		/* in this look */
	pid_t		pid;		/* 0: nobody is at work on it */
	uint64_t	since_ms;	/* when that began */
	uint64_t	tried_ms;	/* when it ended, if it did not grow */
	uint64_t	tried_used;	/* what was used then */
	uint64_t	again_ms;
	enum enlarged	last;
};

struct monitor {
	struct snap_session	*s;	/* NULL: the module is not there */
	struct snap_events	*events;
	struct watched		**w;
	unsigned int		nr;
	bool			told;	/* that the module is not there */
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void leave(struct monitor *m)
{
	snap_event_close(m->events);
	snap_close(m->s);
	m->events = NULL;
	m->s = NULL;
}

/*
 * EXIT_OK also if the module is not loaded, which may come.  It is not asked for: the question
 * would load it.
 */
static int enter(struct monitor *m)
{
	struct snap_error_info e = { .size = sizeof(e), .text = "modprobe snapset" };
	bool there = module_is_loaded();
	snap_status st = there ? snap_open(0, &m->s) : SNAP_E_PROVIDER_NOT_REGISTERED;

	if (st == SNAP_E_ACCESSDENIED)
		return report_error(NULL, st);
	if (!SNAP_FAILED(st))
		st = snap_event_open(m->s, &m->events);
	if (!SNAP_FAILED(st)) {
		m->told = false;
		sd_notify(0, "STATUS=Looking at stores");
		return EXIT_OK;
	}
	if (there)
		snap_last_error(m->s, &e);
	if (!m->told)
		say(LOG_NOTICE, "waiting for the kernel module: %s", e.text);
	m->told = true;
	sd_notify(0, "STATUS=Waiting for the kernel module");
	leave(m);
	return EXIT_OK;
}

static struct watched *find(struct monitor *m, uint64_t store)
{
	struct watched **v, *w;

	for (unsigned int i = 0; i < m->nr; i++)
		if (m->w[i]->store == store)
			return m->w[i];
	v = realloc(m->w, (m->nr + 1) * sizeof(*v));
	if (!v)
		return NULL;
	m->w = v;
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->store = store;
	v[m->nr++] = w;
	return w;
}

/* Those that have gone, but not before who is at work on them. */
static void forget(struct monitor *m)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < m->nr; i++) {
		if (m->w[i]->seen || m->w[i]->pid)
			m->w[kept++] = m->w[i];
		else
			free(m->w[i]);
	}
	m->nr = kept;
}

static void act(struct watched *w, uint64_t now)
{
	bool as_then = w->last != ENLARGED && w->g.used == w->tried_used;
	pid_t pid = enlarge_start(&w->set, &w->g, w->last);

	w->again_ms = as_then ? w->again_ms * 2 : AGAIN_MS;
	if (w->again_ms > LONGEST_MS)
		w->again_ms = LONGEST_MS;
	w->tried_used = w->g.used;
	if (pid < 0) {
		say(LOG_ERR, "fork: %s", strerror(errno));
		w->last = ENLARGED_FAILED;
		w->tried_ms = now;
		return;
	}
	w->pid = pid;
	w->since_ms = now;
}

/* When one that is due may be tried. */
static uint64_t not_before(const struct watched *w)
{
	if (w->last == ENLARGED)
		return 0;
	if (w->g.used != w->tried_used)
		return w->tried_ms + AGAIN_MS;
	/* For as long as nothing is written to it there will be no other answer. */
	if (w->last == ENLARGED_NOT || w->last == ENLARGED_NOBODYS)
		return NEVER;
	return w->tried_ms + w->again_ms;
}

/* Does what is due; when it is to be looked at next, if nothing is told before. */
static uint64_t see_to(struct watched *w, uint64_t now, bool frozen)
{
	uint64_t at;

	if (w->pid)
		return NEVER;		/* its end is told */
	if (!growing_is_due(&w->g)) {
		uint32_t ms = growing_look_in(&w->g);

		return ms == GROWING_TOLD ? NEVER : now + ms;
	}
	at = not_before(w);
	if (now < at)
		return at;
	if (frozen && !growing_is_urgent(&w->g))
		return now + LOOK_MS;
	act(w, now);
	return w->pid ? NEVER : not_before(w);
}

static void see(struct monitor *m, const struct snap_set_props *p, uint64_t now)
{
	struct watched *w;

	if (p->store_kind != SNAP_STORE_FILE || p->state != SNAP_SET_CREATED)
		return;
	w = find(m, p->store_id);
	if (!w || w->seen)
		return;
	w->seen = true;
	w->set = p->id;
	growing_saw(&w->g, now, p->store_size, p->store_used, p->store_rate);
}

/* Whether file systems are being frozen: then to allocate would be in the way, or wait. */
static bool freezes(const struct snap_set_props *p)
{
	return p->state >= SNAP_SET_FREEZING && p->state <= SNAP_SET_COMMITTED;
}

/* *@next: when to look again, whatever is told. */
static snap_status look(struct monitor *m, uint64_t *next)
{
	struct snap_filter f = {
		.size = sizeof(f), .object = SNAP_OBJECT_SNAPSHOT_SET, .unfinished = true,
	};
	struct snap_set_props p = { .size = sizeof(p) };
	uint64_t now = now_ms();
	bool frozen = false;
	struct snap_iter *it;
	snap_status st = snap_query(m->s, &f, &it);

	if (SNAP_FAILED(st))
		return st;
	for (unsigned int i = 0; i < m->nr; i++)
		m->w[i]->seen = false;
	while (snap_iter_next_set(it, &p) == SNAP_S_OK) {
		frozen |= freezes(&p);
		see(m, &p, now);
	}
	snap_iter_free(it);
	forget(m);
	*next = NEVER;
	for (unsigned int i = 0; i < m->nr; i++) {
		uint64_t at = see_to(m->w[i], now, frozen);

		if (at < *next)
			*next = at;
	}
	return SNAP_S_OK;
}

static void ended(struct watched *w, int status)
{
	uint64_t now = now_ms();

	w->pid = 0;
	w->last = WIFEXITED(status) ? (enum enlarged)WEXITSTATUS(status) : ENLARGED_FAILED;
	if (w->last == ENLARGED)
		growing_took(&w->g, (uint32_t)(now - w->since_ms));
	else
		w->tried_ms = now;
}

/* How many are still at work. */
static unsigned int reap(struct monitor *m)
{
	unsigned int busy = 0;
	int status;

	for (unsigned int i = 0; i < m->nr; i++) {
		struct watched *w = m->w[i];

		if (w->pid && waitpid(w->pid, &status, WNOHANG) == w->pid)
			ended(w, status);
		busy += w->pid != 0;
	}
	return busy;
}

/* What they say is asked for anyway. */
static snap_status drain(struct monitor *m)
{
	struct snap_event ev = { .size = sizeof(ev) };
	snap_status st;

	do {
		st = snap_event_next(m->events, 0, &ev);
	} while (st == SNAP_S_OK);
	return st;
}

/* The signal that ends it, 0 if none has come. */
static int take_signals(int sigfd)
{
	struct signalfd_siginfo info;
	int end = 0;

	while (read(sigfd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			end = (int)info.ssi_signo;
	return end;
}

static int run(struct monitor *m, int sigfd, int modfd)
{
	for (;;) {
		struct pollfd pfd[3] = { { .fd = sigfd, .events = POLLIN },
					 { .fd = modfd, .events = POLLIN },
					 { .events = POLLIN } };
		uint64_t next = NEVER, now;
		int ret;

		if (m->s && (SNAP_FAILED(drain(m)) || SNAP_FAILED(look(m, &next)))) {
			leave(m);
			next = now_ms() + LOOK_MS;
		}
		if (!m->s) {
			ret = enter(m);
			if (ret)
				return ret;
			if (!m->s && !module_is_loaded())
				next = NEVER;	/* that is told */
			else if (next == NEVER)
				next = now_ms() + (m->s ? 0 : LOOK_MS);
		}
		pfd[2].fd = m->s ? snap_event_fd(m->events) : -1;
		now = now_ms();
		poll(pfd, 3, next == NEVER ? -1 : next > now ? (int)(next - now) : 0);
		if (take_signals(sigfd))
			return EXIT_OK;
		reap(m);
		/* Of a module that was exchanged this session and its events are not. */
		if (module_changed(modfd))
			leave(m);
	}
}

static void stop(struct monitor *m, int sigfd)
{
	uint64_t until = now_ms() + STOP_MS, now;
	unsigned int busy;

	sd_notify(0, "STOPPING=1");
	while ((busy = reap(m)) && (now = now_ms()) < until) {
		struct pollfd pfd = { .fd = sigfd, .events = POLLIN };

		poll(&pfd, 1, (int)(until - now));
		take_signals(sigfd);
	}
	/* A file system that is frozen is waited for by who wants to write to it. */
	if (busy)
		say(LOG_WARNING, "%u store%s still being made larger", busy,
		    busy == 1 ? " is" : "s are");
	leave(m);
	for (unsigned int i = 0; i < m->nr; i++)
		free(m->w[i]);
	free(m->w);
}

int cmd_monitor(int argc, char **argv)
{
	struct monitor m = { 0 };
	sigset_t mask;
	int sigfd, modfd, ret;

	(void)argv;
	if (argc > 1)
		return usage_error("monitor takes no argument");
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	sigfd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sigfd < 0) {
		fprintf(stderr, "snapset: signalfd: %s\n", strerror(errno));
		return EXIT_UNKNOWN;
	}
	modfd = module_listen();
	if (modfd < 0) {
		fprintf(stderr, "snapset: cannot hear of the kernel module: %s\n", strerror(errno));
		close(sigfd);
		return EXIT_UNKNOWN;
	}
	ret = enter(&m);
	if (!ret) {
		sd_notify(0, "READY=1");
		ret = run(&m, sigfd, modfd);
	}
	stop(&m, sigfd);
	close(modfd);
	close(sigfd);
	return ret;
}
