// SPDX-License-Identifier: GPL-2.0-only
/*
 * snapset-transactions alone: the order, one thaw or abort for each freeze that
 * began, deadlines, what is left running, whose programs are not run. Time passes when
 * the test says so.
 */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "clock.h"
#include "scripts.h"

static int sock = -1;
static char line[1024];

static int setup(void **state)
{
	(void)state;
	scripts_begin();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (sock >= 0)
		close(sock);
	sock = -1;
	scripts_end();
	return 0;
}

static void begin(const char *ms, const char *window)
{
	int sv[2], status;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
	pid = fork();
	if (!pid) {
		dup2(sv[1], 0);
		execl(getenv("HELPER"), "helper", scripts_dir(), ms, window,
		      "5e010203-0000-0000-0000-000000000000", "/srv", "/var/lib/db", NULL);
		_exit(127);
	}
	close(sv[1]);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);	/* at once: it goes on by itself */
	sock = sv[0];
}

static void tell(const char *word)
{
	assert_int_equal(send(sock, word, strlen(word), MSG_NOSIGNAL), strlen(word));
}

static const char *hear(void)
{
	ssize_t len;

	check_now.what = "a word of the helper";
	check_now.seen = scripts_log();
	len = recv(sock, line, sizeof(line) - 1, 0);
	check_now.what = check_now.seen = NULL;
	line[len > 0 ? len : 0] = 0;
	return line;
}

/* Its last word has been said. */
static void assert_end(void)
{
	assert_string_equal(hear(), "");
}

/* It sleeps, and would for @ms; then that is over. */
static void pass(uint64_t ms)
{
	until_seen(clock_wakes_in(CLOCK_HELPERS, ms), scripts_log());
	clock_pass(ms);
}

static void thaws(void **state)
{
	(void)state;
	script("20-b", "echo $SNAP_SET_ID $SNAP_VOLUMES $SNAP_LEVEL $SNAP_CODE >> $D/env");
	script("10-a", "[ $SNAP_DEADLINE_MS = 60000 ]");
	script("30-c", "cat; env >> $D/all; ls /proc/self/fd >> $D/fds");
	setenv("SECRET", "of the caller", 1);
	begin("60000", "60000");
	tell("freeze");
	assert_string_equal(hear(), "frozen");
	assert_string_equal(scripts_log(), "10-a freeze 20-b freeze 30-c freeze ");
	tell("thaw");
	assert_string_equal(hear(), "thawed");
	assert_end();
	assert_string_equal(scripts_log(), "10-a freeze 20-b freeze 30-c freeze "
			    "30-c thaw 20-b thaw 10-a thaw ");
	assert_string_equal(scripts_file("env"),
			    "5e010203-0000-0000-0000-000000000000 /srv /var/lib/db transaction\n"
			    "5e010203-0000-0000-0000-000000000000 /srv /var/lib/db transaction\n");
	assert_null(strstr(scripts_file("all"), "SECRET"));
	assert_string_equal(scripts_file("fds"), "0\n1\n2\n3\n0\n1\n2\n3\n");	/* 3: ls's own */
}

static void nothing_to_do(void **state)
{
	(void)state;
	begin("5000", "60000");
	tell("freeze");
	assert_string_equal(hear(), "frozen");
	tell("thaw");
	assert_string_equal(hear(), "thawed");
	assert_end();
}

static void names(void **state)
{
	(void)state;
	script(".hidden", "");
	script("10-a~", "");
	script("10-a.conf", "");
	script("10-a.dpkg-old", "");
	script("10-a", "");
	assert_int_equal(symlink("/dev/null", strcat(strcpy(line, scripts_dir()), "/05-off")), 0);
	begin("5000", "60000");
	tell("freeze");
	assert_string_equal(hear(), "frozen");
	tell("abort 0x80042313");
	assert_string_equal(hear(), "aborted");
	assert_string_equal(scripts_log(), "10-a freeze 10-a abort ");
}

static void aborts(void **state)
{
	(void)state;
	script("10-a", "echo $SNAP_CODE > $D/code");
	script("20-b", "exit 0");
	begin("5000", "60000");
	tell("freeze");
	assert_string_equal(hear(), "frozen");
	tell("abort 0x80042314");
	assert_string_equal(hear(), "aborted");
	assert_end();
	assert_string_equal(scripts_log(), "10-a freeze 20-b freeze 20-b abort 10-a abort ");
	assert_string_equal(scripts_file("code"), "0x80042314\n");
}

static void a_freeze_fails(void **state)
{
	(void)state;
	script("10-a", "");
	script("20-b", "echo first; echo the log is full; echo; [ $verb != freeze ] || exit 3");
	script("30-c", "");
	begin("5000", "60000");
	tell("freeze");
	assert_string_equal(hear(), "fail 0x80042315 20-b freeze ended with status 3: the log is full");
	assert_end();
	/* b has begun to freeze, c has not */
	assert_string_equal(scripts_log(), "10-a freeze 20-b freeze 20-b abort 10-a abort ");
}

static void a_freeze_dies(void **state)
{
	(void)state;
	script("10-a", "[ $verb = abort ] || kill -9 $$");
	begin("5000", "60000");
	tell("freeze");
	assert_string_equal(hear(), "fail 0x80042315 10-a freeze was killed by signal 9");
	assert_string_equal(scripts_log(), "10-a freeze 10-a abort ");
}

static pid_t pid_in(const char *file)
{
	until(strchr(scripts_file(file), '\n'));
	return atoi(scripts_file(file));
}

static void dies(pid_t pid)
{
	until(!scripts_run(pid));
}

/* A child in the background, deaf to SIGTERM, with a child of its own. */
#define DEAF	"trap '' TERM; (trap '' TERM; sleep 1000 & echo $! > $D/grandchild; wait) & " \
		"sleep 1000 & echo $! > $D/child; "

static void a_freeze_is_late(void **state)
{
	pid_t child, grandchild;

	(void)state;
	script("10-a", "");
	script("20-b", "if [ $verb = freeze ]; then " DEAF "echo waiting; echo > $D/said; wait; fi");
	begin("2000", "60000");
	tell("freeze");
	child = pid_in("child");
	grandchild = pid_in("grandchild");
	until(scripts_file("said")[0]);
	pass(2000);
	pass(200);		/* SIGTERM was not enough */
	assert_string_equal(hear(), "fail 0x80042328 20-b freeze did not end in time and was killed: waiting");
	assert_string_equal(scripts_log(), "10-a freeze 20-b freeze 20-b abort 10-a abort ");
	dies(child);
	dies(grandchild);
}

/* What a freeze leaves running lives until the thaw. */
static void a_freeze_stays(void **state)
{
	(void)state;
	script("10-a", "if [ $verb = freeze ]; then sleep 1000 >/dev/null & echo $! > $D/child; "
		       "else kill $(cat $D/child); fi");
	begin("5000", "60000");
	tell("freeze");
	assert_string_equal(hear(), "frozen");
	assert_true(scripts_run(pid_in("child")));
	tell("thaw");
	assert_string_equal(hear(), "thawed");
	dies(pid_in("child"));
}

/* Its locks must open if its thaw does not do it. */
static void what_stayed_is_killed(void **state)
{
	(void)state;
	script("10-a", "if [ $verb = freeze ]; then sleep 1000 >/dev/null & echo $! > $D/child; "
		       "else exit 1; fi");
	script("20-b", "");
	begin("5000", "60000");
	tell("freeze");
	assert_string_equal(hear(), "frozen");
	tell("thaw");
	assert_string_equal(hear(), "fail 0x80042315 10-a thaw ended with status 1");
	assert_string_equal(scripts_log(), "10-a freeze 20-b freeze 20-b thaw 10-a thaw ");
	dies(pid_in("child"));
}

static void a_thaw_is_late(void **state)
{
	(void)state;
	script("10-a", "");
	script("20-b", "[ $verb = freeze ] || exec sleep 1000");
	begin("2000", "60000");
	tell("freeze");
	assert_string_equal(hear(), "frozen");
	tell("thaw");
	scripts_log_becomes("10-a freeze 20-b freeze 20-b thaw ");
	pass(2000);
	assert_contains(hear(), "fail 0x80042329 20-b thaw did not end in time and was killed");
	/* the others are thawed all the same */
	assert_string_equal(scripts_log(), "10-a freeze 20-b freeze 20-b thaw 10-a thaw ");
}

static void the_window_ends(void **state)
{
	(void)state;
	script("10-a", "echo $SNAP_CODE > $D/code");
	begin("5000", "2000");
	tell("freeze");
	assert_string_equal(hear(), "frozen");
	pass(2000);
	assert_contains(hear(), "late transactions were frozen for longer than 2000 ms");
	assert_end();
	assert_string_equal(scripts_log(), "10-a freeze 10-a abort ");
	assert_string_equal(scripts_file("code"), "0x80042328\n");
}

/* What the freeze took of it is not there any more. */
static void the_window_is_from_the_freeze_on(void **state)
{
	(void)state;
	script("10-a", "[ $verb != freeze ] || gate freezing");
	scripts_gate("freezing");
	begin("5000", "6000");
	tell("freeze");
	until(clock_wakes_in(CLOCK_HELPERS, 5000));
	clock_pass(4500);
	scripts_let_go("freezing");
	assert_string_equal(hear(), "frozen");
	pass(1500);
	assert_contains(hear(), "late transactions were frozen for longer than 6000 ms");
}

static void the_caller_goes(void **state)
{
	(void)state;
	script("10-a", "");
	script("20-b", "");
	begin("5000", "60000");
	tell("freeze");
	assert_string_equal(hear(), "frozen");
	close(sock);
	sock = -1;
	/* and when it has ended, no more than that has come */
	until(scripts_over());
	assert_string_equal(scripts_log(), "10-a freeze 20-b freeze 20-b abort 10-a abort ");
}

static void the_caller_goes_while_freezing(void **state)
{
	(void)state;
	script("10-a", "");
	script("20-b", "if [ $verb = freeze ]; then sleep 1000 & echo $! > $D/child; wait; fi");
	script("30-c", "");
	begin("5000", "60000");
	tell("freeze");
	scripts_log_becomes("10-a freeze 20-b freeze ");
	pid_in("child");
	close(sock);
	sock = -1;
	scripts_log_becomes("10-a freeze 20-b freeze 20-b abort 10-a abort ");
	dies(pid_in("child"));
}

static void abort_while_freezing(void **state)
{
	(void)state;
	script("10-a", "[ $verb != freeze ] || exec sleep 1000; echo $SNAP_CODE > $D/code");
	begin("5000", "60000");
	tell("freeze");
	scripts_log_becomes("10-a freeze ");
	tell("abort 0x0004230b");
	assert_string_equal(hear(), "aborted");
	assert_string_equal(scripts_log(), "10-a freeze 10-a abort ");
	assert_string_equal(scripts_file("code"), "0x0004230b\n");
}

static void never_asked(void **state)
{
	(void)state;
	script("10-a", "");
	begin("5000", "60000");
	tell("abort 0x0004230b");
	assert_string_equal(hear(), "aborted");
	assert_string_equal(scripts_log(), "");
}

/* Nothing is run if one of them is not to be trusted. */
static void refused(const char *why)
{
	begin("5000", "60000");
	tell("freeze");
	hear();
	assert_true(!strncmp(line, "fail 0x80042302 ", 16));
	assert_contains(line, why);
	assert_string_equal(scripts_log(), "");
	close(sock);
	sock = -1;
}

static void whom_to_trust(void **state)
{
	char path[128];

	(void)state;
	script("10-a", "");
	script("20-b", "");
	snprintf(path, sizeof(path), "%s/20-b", scripts_dir());
	chmod(path, 0775);
	refused("20-b belongs to or can be written by others");
	chmod(path, 0644);
	refused("20-b is not executable");
	unlink(path);
	assert_int_equal(symlink("10-a", path), 0);
	refused("20-b is not a regular file");
	unlink(path);
	assert_int_equal(mkdir(path, 0755), 0);
	refused("20-b is not a regular file");
	rmdir(path);
	chmod(scripts_dir(), 0777);
	refused("/d belongs to or can be written by others");
	chmod(scripts_dir(), 01777);
	refused("/d belongs to or can be written by others");
	chmod(scripts_dir(), 0755);
	chmod(scripts_top(), 0775);
	refused("belongs to or can be written by others");
	chmod(scripts_top(), 0755);
	begin("5000", "60000");
	tell("freeze");
	assert_string_equal(hear(), "frozen");
}

static void much_output(void **state)
{
	(void)state;
	script("10-a", "if [ $verb = freeze ]; then i=0; while [ $i -lt 20000 ]; do "
		       "echo line number $i; i=$((i + 1)); done; exit 1; fi");
	begin("9000", "60000");
	tell("freeze");
	assert_string_equal(hear(), "fail 0x80042315 10-a freeze ended with status 1: line number 19999");
}

static void no_such_program(void **state)
{
	char path[128];
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/10-a", scripts_dir());
	f = fopen(path, "w");
	fputs("#!/no/such/interpreter\n", f);
	fclose(f);
	chmod(path, 0755);
	begin("5000", "60000");
	tell("freeze");
	assert_string_equal(hear(), "fail 0x80042315 10-a freeze ended with status 126: No such file or directory");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(thaws), T(nothing_to_do), T(names), T(aborts), T(a_freeze_fails),
		T(a_freeze_dies), T(a_freeze_is_late), T(a_freeze_stays),
		T(what_stayed_is_killed), T(a_thaw_is_late), T(the_window_ends),
		T(the_window_is_from_the_freeze_on),
		T(the_caller_goes), T(the_caller_goes_while_freezing),
		T(abort_while_freezing), T(never_asked), T(whom_to_trust),
		T(much_output), T(no_such_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
