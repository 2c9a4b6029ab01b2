// SPDX-License-Identifier: GPL-2.0-only
/*
 * sessions check: to whom a session belongs, and when it ends.
 * sessions reuse ROUNDS: a socket closes while a new one takes its port id and
 *	opens a session; the old one's end must not be the new one's.
 * sessions churn: opens and closes sessions until it is told to end (SIGTERM), also
 *	when the module goes and comes meanwhile.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nl.h"
#include "set.h"
#include "util.h"

#define PORT	0x51e55105u

static unsigned int wrong;

static void expect(const char *what, int got, int want)
{
	if (got == want)
		return;
	wrong++;
	printf("%s: %s, should be %s\n", what, got ? errno_name(-got) : "0",
	       want ? errno_name(-want) : "0");
}

/* -ENOENT: the session is good, there is only no such set. */
static int try_session(struct nl *nl, uint64_t cookie)
{
	static const uint8_t foreign[SNAPSET_ID_LEN] = { 1, 2, 3 };
	struct nl_msg m;

	nl_begin(nl, &m, SNAPSET_CMD_SET_CANCEL, 0);
	nl_u64(&m, SNAPSET_A_SESSION, cookie);
	nl_raw(&m, SNAPSET_A_SET_ID, foreign, sizeof(foreign));
	return nl_call(nl, &m, NULL, NULL);
}

static void learn(const struct nl_attrs *a, void *arg)
{
	*(uint64_t *)arg = nl_get_u64(a, SNAPSET_A_SESSION);
}

static int open_session(struct nl *nl, uint64_t *cookie)
{
	struct nl_msg m;

	nl_begin(nl, &m, SNAPSET_CMD_SESSION_OPEN, 0);
	return nl_call(nl, &m, learn, cookie);
}

static bool sessions_become(long n)
{
	int i;

	for (i = 0; i < 6000; i++) {	/* a minute: that is a hang */
		if (counter("session", true) == n)
			return true;
		sleep_ms(10);
	}
	return false;
}

static void expect_sessions(const char *what, long n)
{
	if (sessions_become(n))
		return;
	wrong++;
	printf("%s: %ld sessions, should be %ld\n", what, counter("session", true), n);
}

static struct set shared;

static void *open_too(void *err)
{
	struct nl nl = shared.nl;	/* the same socket */
	uint64_t cookie;

	*(int *)err = open_session(&nl, &cookie);
	return NULL;
}

static int check(void)
{
	struct set a, b;
	uint64_t old;
	int status;
	pid_t child;

	if (set_open(&a) || set_open(&b))
		die("no session: %s", a.nl.text);
	expect("its own", try_session(&a.nl, a.session), -ENOENT);
	expect("another socket's", try_session(&a.nl, b.session), -EPERM);
	expect("none", try_session(&a.nl, 0), -EPROTO);
	expect("a guess", try_session(&a.nl, a.session + 1), -EPROTO);
	expect("a second one", open_session(&a.nl, &old), -EEXIST);
	expect_sessions("two", 2);
	old = b.session;
	set_close(&b);
	expect_sessions("one closed", 1);
	expect("a closed one's", try_session(&a.nl, old), -EPROTO);

	/* A child that has the socket keeps the session. */
	child = fork();
	if (!child) {
		sleep_ms(500);
		_exit(try_session(&a.nl, a.session) == -ENOENT ? 0 : 1);
	}
	old = a.session;
	set_close(&a);
	if (waitpid(child, &status, 0) != child)
		die("fork: %s", strerror(errno));
	expect("with the heir", status ? -EPROTO : 0, 0);
	expect_sessions("the heir is gone, too", 0);

	/* A killed one's ends as well. */
	child = fork();
	if (!child) {
		if (set_open(&b))
			_exit(1);
		pause();
	}
	expect_sessions("a child's", 1);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	expect_sessions("a killed child's", 0);
	return wrong ? EXIT_REFUSED : EXIT_PASS;
}

/* Two threads open on one socket, one after the other: one session. */
static void check_twice(void)
{
	int i, err[2];

	for (i = 0; i < 20; i++) {
		pthread_t thread;

		if (nl_open(&shared.nl))
			die("no family");
		if (pthread_create(&thread, NULL, open_too, &err[0]))
			die("no thread");
		pthread_join(thread, NULL);
		open_too(&err[1]);
		expect("first", err[0], 0);
		expect("second", err[1], -EEXIST);
		nl_close(&shared.nl);
	}
	expect_sessions("after opening twice", 0);
}

static int port_socket(bool wait)
{
	struct sockaddr_nl me = { .nl_family = AF_NETLINK, .nl_pid = PORT };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), one = 1;

	if (fd < 0)
		die("socket: %s", strerror(errno));
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	while (bind(fd, (struct sockaddr *)&me, sizeof(me)))
		if (!wait || errno != EADDRINUSE)
			die("bind: %s", strerror(errno));
	return fd;
}

static pthread_barrier_t line;

static void *closer(void *fd)
{
	pthread_barrier_wait(&line);
	close(*(int *)fd);
	return NULL;
}

static int reuse(unsigned int rounds)
{
	struct nl family, a, b;
	unsigned int i, killed = 0;

	if (nl_open(&family))
		die("no family");
	pthread_barrier_init(&line, NULL, 2);
	for (i = 0; i < rounds; i++) {
		uint64_t old, new;
		pthread_t thread;

		a = family;
		a.fd = port_socket(false);
		/* Leaving groups takes time between the port's end and the notice. */
		nl_join_events(&a);
		expect("old", open_session(&a, &old), 0);
		if (pthread_create(&thread, NULL, closer, &a.fd))
			die("no thread");
		b = family;
		pthread_barrier_wait(&line);
		b.fd = port_socket(true);
		expect("new", open_session(&b, &new), 0);
		pthread_join(thread, NULL);
		if (i % 8 == 0)
			sleep_ms(1);
		if (try_session(&b, new) != -ENOENT)
			killed++;
		expect("old one's cookie", try_session(&b, old) == -ENOENT, 0);
		close(b.fd);
		/* The next round wants the port. */
	}
	expect_sessions("after reuse", 0);
	if (killed) {
		wrong++;
		printf("%u of %u were ended by somebody else's end\n", killed, rounds);
	}
	nl_close(&family);
	return wrong ? EXIT_REFUSED : EXIT_PASS;
}

static atomic_bool stop;

static void told(int sig)
{
	(void)sig;
	atomic_store(&stop, true);
}

static void *churner(void *unused)
{
	unsigned long good = 0;

	(void)unused;
	while (!atomic_load(&stop)) {
		struct set s;

		if (!set_open(&s)) {
			good++;
			usleep(500);	/* it is open for others to see */
			set_close(&s);
		} else {
			usleep(100000);	/* the kernel starts modprobe each time */
		}
	}
	return (void *)good;
}

static int churn(void)
{
	pthread_t thread[3];
	unsigned long sum = 0;
	size_t i;

	signal(SIGTERM, told);
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		if (pthread_create(&thread[i], NULL, churner, NULL))
			die("no thread");
	for (i = 0; i < ARRAY_SIZE(thread); i++) {
		void *good;

		pthread_join(thread[i], &good);
		sum += (unsigned long)good;
	}
	printf("%lu sessions\n", sum);
	return sum ? EXIT_PASS : EXIT_REFUSED;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "check")) {
		check_twice();
		return check();
	}
	if (argc == 3 && !strcmp(argv[1], "reuse"))
		return reuse(number(argv[2]));
	if (argc == 2 && !strcmp(argv[1], "churn"))
		return churn();
	fprintf(stderr, "sessions check | reuse ROUNDS | churn\n");
	return EXIT_USAGE;
}
