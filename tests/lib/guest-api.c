// SPDX-License-Identifier: GPL-2.0-only
/*
 * libsnap against the real module. Runs as root in a VM:
 *	api DEVICE DEVICE	two disks of which the first is mounted
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/capability.h>
#include <sys/syscall.h>

#define CHECK_LIMIT	900	/* an emulated debug kernel is ten times as slow */
#include "check.h"

static const char *dev[2];
static struct snap_session *s;
static struct snap_error_info err;

static const char *why(void)
{
	memset(&err, 0, sizeof(err));
	err.size = sizeof(err);
	snap_last_error(s, &err);
	return err.text;
}

#define assert_ok(call) do {							\
	snap_status st_ = (call);						\
	if (st_ != SNAP_S_OK)							\
		fail_msg("%s: %s: %s", #call, snap_code_name(st_), why());	\
} while (0)

static int setup(void **state)
{
	(void)state;
	return snap_open(0, &s);
}

static int teardown(void **state)
{
	(void)state;
	snap_close(s);
	s = NULL;
	return 0;
}

static unsigned int snapshots(void)
{
	struct snap_filter f = { .size = sizeof(f), .object = SNAP_OBJECT_SNAPSHOT };
	struct snap_snapshot_props p = { .size = sizeof(p) };
	struct snap_session *other;
	struct snap_iter *it;
	unsigned int n = 0;

	assert_status(snap_open(0, &other), SNAP_S_OK);
	f.unfinished = true;
	assert_false(SNAP_FAILED(snap_query(other, &f, &it)));
	while (snap_iter_next_snapshot(it, &p) == SNAP_S_OK)
		n++;
	snap_iter_free(it);
	snap_close(other);
	return n;
}

/* After an owner's death the kernel tidies up in its own time. */
static void begin(snap_id *set, snap_id ids[2])
{
	check_now.what = "the disk of an owner that has died";
	for (;; check_pause()) {
		if (snap_start_snapshot_set(s, set) == SNAP_S_OK) {
			if (snap_add_to_snapshot_set(s, dev[0], &ids[0]) !=
			    SNAP_E_OBJECT_ALREADY_EXISTS)
				break;
			snap_close(s);
			assert_status(snap_open(0, &s), SNAP_S_OK);
		}
	}
	check_now.what = NULL;
	for (int i = 1; i < 2; i++)
		assert_ok(snap_add_to_snapshot_set(s, dev[i], &ids[i]));
}

static void makes_a_set(void **state)
{
	struct snap_set_props set_props = { .size = sizeof(set_props) };
	struct snap_snapshot_props p = { .size = sizeof(p) };
	struct snap_module_info info = { .size = sizeof(info) };
	snap_id set, ids[2];
	char sector[512];
	int fd;

	(void)state;
	assert_ok(snap_get_module_info(s, &info));
	assert_true(info.version[0]);
	begin(&set, ids);
	assert_status(snap_get_snapshot_properties(s, &ids[0], &p), SNAP_E_OBJECT_NOT_FOUND);
	assert_status(snap_do_snapshot_set_wait(s), SNAP_S_ASYNC_FINISHED);
	assert_ok(snap_get_set_properties(s, &set, &set_props));
	assert_int_equal(set_props.state, SNAP_SET_CREATED);
	assert_status(set_props.code, SNAP_S_ASYNC_FINISHED);
	assert_int_equal(set_props.members, 2);
	assert_true(set_props.hold_ns > 0 && set_props.hold_ns <= set_props.frozen_ns);
	assert_true(set_props.frozen_ns < set_props.total_ns);
	assert_true(set_props.attrs & SNAP_ATTR_DIFFERENTIAL);
	assert_false(set_props.attrs & SNAP_ATTR_NO_AUTO_RELEASE);
	for (int i = 0; i < 2; i++) {
		assert_ok(snap_get_snapshot_properties(s, &ids[i], &p));
		assert_string_equal(p.volume, dev[i]);
		assert_true(p.created_ns == set_props.created_ns);
		fd = open(p.device, O_RDONLY);
		assert_true(fd >= 0);
		assert_int_equal(read(fd, sector, sizeof(sector)), sizeof(sector));
		assert_ok(snap_get_snapshot_properties(s, &ids[i], &p));
		assert_true(p.openers >= 1);	/* udev looks, too */
		close(fd);
	}
	snap_close(s);
	s = NULL;
	/* deletion after the socket's end is the kernel's, and may take a moment */
	until(!snapshots());
}

static void one_at_a_time(void **state)
{
	struct snap_session *other;
	snap_id set, ids[2];

	(void)state;
	begin(&set, ids);
	assert_status(snap_open(0, &other), SNAP_S_OK);
	assert_status(snap_start_snapshot_set(other, &set), SNAP_E_SNAPSHOT_SET_IN_PROGRESS);
	assert_ok(snap_abort(s));
	assert_status(snap_start_snapshot_set(other, &set), SNAP_S_OK);
	snap_close(other);
	assert_int_equal(snapshots(), 0);
}

/* Who is waited for is told by name. */
static void owner_is_told(void **state)
{
	struct snap_set_props p = { .size = sizeof(p) };
	struct snap_session *other;
	struct snap_error_info e = { .size = sizeof(e) };
	snap_id set, ids[2];
	char words[64];

	(void)state;
	assert_ok(snap_set_label(s, "nightly \"x\""));
	begin(&set, ids);
	assert_ok(snap_get_set_properties(s, &set, &p));
	assert_string_equal(p.label, "nightly \"x\"");
	assert_int_equal(p.owner_pid, getpid());
	assert_string_equal(p.owner_comm, program_invocation_short_name);
	assert_int_equal(p.expires_ns, 0);
	assert_status(snap_open(0, &other), SNAP_S_OK);
	assert_status(snap_start_snapshot_set(other, &set), SNAP_E_SNAPSHOT_SET_IN_PROGRESS);
	assert_status(snap_last_error(other, &e), SNAP_S_OK);
	snprintf(words, sizeof(words), "by %s (process %d): \"nightly \"x\"\"",
		 program_invocation_short_name, (int)getpid());
	if (!strstr(e.text, words))
		fail_msg("it says: %s", e.text);
	snap_close(other);
}

/* A set outlives the session that made it, and ends with the one that took it over. */
static void changes_hands(void **state)
{
	struct snap_set_props p = { .size = sizeof(p) };
	struct snap_session *other;
	snap_id set, ids[2];

	(void)state;
	begin(&set, ids);
	assert_status(snap_keep(s, &set), SNAP_E_BAD_STATE);	/* not yet */
	assert_status(snap_keep(s, &ids[0]), SNAP_E_OBJECT_NOT_FOUND);
	assert_status(snap_do_snapshot_set_wait(s), SNAP_S_ASYNC_FINISHED);
	assert_ok(snap_keep(s, &set));
	assert_ok(snap_get_set_properties(s, &set, &p));
	assert_true(p.attrs & SNAP_ATTR_NO_AUTO_RELEASE);
	snap_close(s);
	s = NULL;
	assert_int_equal(snapshots(), 2);
	/* of a session that has ended, and then of one that has not */
	assert_status(snap_open(0, &s), SNAP_S_OK);
	assert_ok(snap_adopt(s, &set));
	assert_ok(snap_get_set_properties(s, &set, &p));
	assert_false(p.attrs & SNAP_ATTR_NO_AUTO_RELEASE);
	assert_status(snap_open(0, &other), SNAP_S_OK);
	assert_status(snap_adopt(other, &set), SNAP_S_OK);
	snap_close(s);
	s = NULL;
	assert_int_equal(snapshots(), 2);
	snap_close(other);
	until(!snapshots());
}

/* An image that is open when its set is due stays until it is closed. */
static void expires(void **state)
{
	struct snap_snapshot_props snap = { .size = sizeof(snap) };
	struct snap_set_props p = { .size = sizeof(p) };
	struct snap_event ev = { .size = sizeof(ev) };
	struct snap_events *events;
	struct timespec pause = { .tv_sec = 4 };
	snap_id set, ids[2];
	char byte;
	int fd;

	(void)state;
	assert_ok(snap_set_context(s, SNAP_CTX_FILE_SHARE_BACKUP | SNAP_CTX_NO_AUTO_RELEASE));
	assert_ok(snap_set_expiry(s, 2));
	begin(&set, ids);
	assert_ok(snap_event_open(s, &events));
	assert_status(snap_do_snapshot_set_wait(s), SNAP_S_ASYNC_FINISHED);
	assert_ok(snap_get_snapshot_properties(s, &ids[1], &snap));
	fd = open(snap.device, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_ok(snap_get_set_properties(s, &set, &p));
	assert_true(p.expires_ns == p.created_ns + 2000000000ull);
	nanosleep(&pause, NULL);		/* it is due; if that is later, nothing is lost */
	assert_int_equal(snapshots(), 2);
	assert_int_equal(pread(fd, &byte, 1, 0), 1);
	close(fd);
	while (ev.type != SNAP_EVENT_SNAPSHOT_DELETED || !snap_id_equal(&ev.set_id, &set))
		assert_status(snap_event_next(events, -1, &ev), SNAP_S_OK);
	until(!snapshots());
	snap_event_close(events);
	/* one that is deleted before it is due */
	snap_close(s);
	assert_status(snap_open(0, &s), SNAP_S_OK);
	assert_ok(snap_set_expiry(s, 3600));
	begin(&set, ids);
	assert_status(snap_do_snapshot_set_wait(s), SNAP_S_ASYNC_FINISHED);
	assert_ok(snap_delete_snapshots(s, &set, SNAP_OBJECT_SNAPSHOT_SET, true, NULL, NULL));
}

static void fd_and_progress(void **state)
{
	struct snap_progress p = { .size = sizeof(p) };
	struct snap_async *a;
	snap_id set, ids[2];
	snap_status st;
	int polls = 0;

	(void)state;
	begin(&set, ids);
	assert_ok(snap_do_snapshot_set(s, &a));
	for (;;) {
		struct pollfd pfd = { .fd = snap_async_fd(a), .events = POLLIN };

		assert_ok(snap_async_progress(a, &p));
		assert_ok(snap_async_status(a, &st));
		if (st != SNAP_S_ASYNC_PENDING)
			break;
		assert_int_equal(poll(&pfd, 1, -1), 1);
		polls++;
	}
	assert_status(st, SNAP_S_ASYNC_FINISHED);
	assert_ok(snap_async_progress(a, &p));
	assert_int_equal(p.phase, SNAP_PHASE_DONE);
	printf("polls: %d\n", polls);
	snap_async_free(a);
}

static void fault(const char *line)
{
	int fd = open("/sys/kernel/debug/snapset/faults", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	close(fd);
}

/* Whom it waits for, while a file system is slow to freeze. */
static void progress_of_member(void **state)
{
	struct snap_progress p = { .size = sizeof(p) };
	struct snap_async *a;
	snap_id set, ids[2];
	bool seen = false;
	snap_status st;

	(void)state;
	fault("frozen 1 1 3000 0");
	begin(&set, ids);
	assert_ok(snap_do_snapshot_set(s, &a));
	do {
		assert_ok(snap_async_progress(a, &p));
		if (p.phase == SNAP_PHASE_FREEZE && !strcmp(p.member, "/srv")) {
			assert_true(p.deadline_ns > 0 && p.deadline_ns <= 10000000000ull);
			seen = true;
		}
		check_pause();
		assert_ok(snap_async_status(a, &st));
	} while (st == SNAP_S_ASYNC_PENDING);
	fault("off");
	assert_status(st, SNAP_S_ASYNC_FINISHED);
	assert_true(seen);
	assert_ok(snap_async_progress(a, &p));
	assert_string_equal(p.member, "");
	snap_async_free(a);
}

/* The set fails at @line: @code in @phase, at @member if it is one, with @err. */
static void fails_at(const char *line, snap_status code, enum snap_phase phase, const char *member,
		     int err)
{
	struct snap_error_info e = { .size = sizeof(e) };
	struct snap_set_props p = { .size = sizeof(p) };
	struct snap_async *a;
	snap_id set, ids[2];
	snap_status st;

	begin(&set, ids);
	fault(line);
	assert_ok(snap_do_snapshot_set(s, &a));
	assert_ok(snap_async_wait(a, -1));
	fault("off");
	assert_ok(snap_async_status(a, &st));
	assert_status(st, code);
	assert_ok(snap_async_error(a, &e));
	assert_status(e.code, code);
	assert_int_equal(e.phase, phase);
	assert_string_equal(e.member, member);
	assert_int_equal(e.sys_errno, err);
	/* the same for who asks for the set */
	assert_ok(snap_get_set_properties(s, &set, &p));
	assert_int_equal(p.phase, phase);
	assert_string_equal(p.waits_for, member);
	assert_int_equal(p.sys_errno, err);
	snap_async_free(a);
	snap_close(s);
	assert_ok(snap_open(0, &s));
}

/* Where, at what, and with what it failed. */
static void failure_tells_all(void **state)
{
	(void)state;
	fails_at("freeze 1 1 0 5", SNAP_E_UNEXPECTED_PROVIDER_ERROR, SNAP_PHASE_FREEZE, "/srv", EIO);
	fails_at("prepare 1 1 0 5", SNAP_E_UNEXPECTED, SNAP_PHASE_PREPARE, dev[0], EIO);
	/* the hold is over before it has begun to wait for anything else */
	assert_ok(snap_set_timeouts(s, 50, 0, 0));
	fails_at("hold 1 1 2000 0", SNAP_E_HOLD_WRITES_TIMEOUT, SNAP_PHASE_HOLD, dev[0], ETIMEDOUT);
}

static void *wait_for_it(void *arg)
{
	return snap_async_wait(arg, -1) == SNAP_S_OK ? NULL : arg;
}

static void *cancel_it(void *arg)
{
	snap_status *got = malloc(sizeof(*got));

	*got = snap_async_cancel(arg);
	return got;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* How long it takes here to make a set. */
static uint64_t takes_ns(void)
{
	uint64_t begun;
	snap_id set, ids[2];

	begin(&set, ids);
	begun = now_ns();
	assert_status(snap_do_snapshot_set_wait(s), SNAP_S_ASYNC_FINISHED);
	begun = now_ns() - begun;
	snap_close(s);
	assert_status(snap_open(0, &s), SNAP_S_OK);
	return begun;
}

#define ROUNDS	20

/*
 * Cancel at any moment, from three threads: one of the outcomes, and the same truth. The
 * moments are spread over the time that a set takes, and a little more: on a machine that
 * is slow they are as many before the end as on one that is fast.
 */
static void cancel_any_time(void **state)
{
	uint64_t step = takes_ns() * 5 / 4 / ROUNDS;
	unsigned int won = 0, late = 0;

	(void)state;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		pthread_t waiter[2], canceller[3];
		struct timespec ts;
		struct snap_async *a;
		snap_id set, ids[2];
		unsigned int firsts = 0;
		snap_status st;
		void *ret;

		begin(&set, ids);
		assert_ok(snap_do_snapshot_set(s, &a));
		for (int i = 0; i < 2; i++)
			pthread_create(&waiter[i], NULL, wait_for_it, a);
		ts.tv_sec = (time_t)(round * step / 1000000000);
		ts.tv_nsec = (long)(round * step % 1000000000);
		nanosleep(&ts, NULL);
		for (int i = 0; i < 3; i++)
			pthread_create(&canceller[i], NULL, cancel_it, a);
		for (int i = 0; i < 2; i++) {
			pthread_join(waiter[i], &ret);
			assert_null(ret);
		}
		assert_ok(snap_async_status(a, &st));
		for (int i = 0; i < 3; i++) {
			snap_status got;

			pthread_join(canceller[i], &ret);
			got = *(snap_status *)ret;
			free(ret);
			if (got == SNAP_S_OK)
				firsts++;
			else
				assert_status(got, st);
		}
		if (st == SNAP_S_ASYNC_CANCELLED) {
			assert_int_equal(firsts, 1);
			assert_int_equal(snapshots(), 0);
			won++;
		} else {
			assert_status(st, SNAP_S_ASYNC_FINISHED);
			assert_int_equal(firsts, 0);
			assert_int_equal(snapshots(), 2);
			late++;
		}
		snap_async_free(a);
		snap_close(s);
		assert_status(snap_open(0, &s), SNAP_S_OK);
		until(!snapshots());
	}
	printf("cancelled %u, too late %u\n", won, late);
}

static void close_while_running(void **state)
{
	struct snap_async *a;
	snap_id set, ids[2];
	snap_status st;

	(void)state;
	begin(&set, ids);
	assert_ok(snap_do_snapshot_set(s, &a));
	snap_close(s);
	s = NULL;
	assert_ok(snap_async_status(a, &st));
	assert_true(st == SNAP_S_ASYNC_CANCELLED || st == SNAP_S_ASYNC_FINISHED);
	snap_async_free(a);
	until(!snapshots());
}

static void killed(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	snap_close(s);
	s = NULL;
	pid = fork();
	if (!pid) {
		struct snap_async *a;
		snap_id set;

		if (snap_open(0, &s) || snap_start_snapshot_set(s, &set) ||
		    snap_add_to_snapshot_set(s, dev[0], NULL) ||
		    snap_do_snapshot_set(s, &a))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	until(!snapshots());
}

static void set_events(void **state)
{
	struct snap_event ev = { .size = sizeof(ev) };
	struct snap_events *events;
	unsigned int created = 0, deleted = 0;
	snap_id set, ids[2];
	uint64_t seq = 0;

	(void)state;
	assert_ok(snap_event_open(s, &events));
	begin(&set, ids);
	assert_status(snap_do_snapshot_set_wait(s), SNAP_S_ASYNC_FINISHED);
	assert_ok(snap_delete_snapshots(s, &ids[0], SNAP_OBJECT_SNAPSHOT, false, NULL, NULL));
	assert_ok(snap_delete_snapshots(s, &set, SNAP_OBJECT_SNAPSHOT_SET, false, NULL, NULL));
	/* all of them, and what there may be more of */
	while (snap_event_next(events, deleted < 2 ? -1 : 0, &ev) == SNAP_S_OK) {
		assert_true(ev.type != SNAP_EVENT_LOST);
		assert_true(!seq || ev.seq == seq + 1);
		seq = ev.seq;
		if (!snap_id_equal(&ev.set_id, &set))
			continue;
		created += ev.type == SNAP_EVENT_SET_STATE && ev.state == SNAP_SET_CREATED;
		deleted += ev.type == SNAP_EVENT_SNAPSHOT_DELETED;
	}
	assert_int_equal(created, 1);
	assert_int_equal(deleted, 2);
	snap_event_close(events);
}

/* Events overflow the socket: the job must come to its end all the same. */
static void overflow(void **state)
{
	struct snap_events *events;
	struct snap_event ev = { .size = sizeof(ev) };
	unsigned int lost = 0;
	int small = 1;
	snap_id set;

	(void)state;
	assert_ok(snap_event_open(s, &events));
	setsockopt(snap_event_fd(events), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (int i = 0; i < 40; i++) {
		assert_ok(snap_start_snapshot_set(s, &set));
		assert_ok(snap_abort(s));
		snap_close(s);
		assert_status(snap_open(0, &s), SNAP_S_OK);
	}
	while (!lost && snap_event_next(events, 60000, &ev) == SNAP_S_OK)
		lost += ev.type == SNAP_EVENT_LOST;
	printf("lost: %u\n", lost);
	assert_true(lost > 0);
	snap_event_close(events);
}

static void not_root(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid) {
		struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
		struct __user_cap_data_struct d[2] = { { 0 } };
		struct snap_session *mine;

		if (syscall(SYS_capset, &h, d))
			_exit(2);
		if (snap_open(0, &mine) != SNAP_E_ACCESSDENIED)
			_exit(3);
		s = NULL;
		why();
		_exit(strstr(err.text, "CAP_SYS_ADMIN") ? 0 : 4);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define JOURNAL	"/run/systemd/journal"

/* There is no journald in the guest: where it would listen, we do. */
static void journal(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = JOURNAL "/socket" };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), status;
	char record[4096];
	ssize_t len;
	pid_t pid;

	(void)state;
	mkdir("/run/systemd", 0755);
	mkdir(JOURNAL, 0755);
	unlink(addr.sun_path);
	assert_int_equal(bind(fd, (void *)&addr, sizeof(addr)), 0);
	pid = fork();
	if (!pid) {
		int last = dup(0);
		struct rlimit limit = { last + 1, last + 1 };
		struct snap_session *mine;

		/* one descriptor, and a session has two sockets */
		close(last);
		setrlimit(RLIMIT_NOFILE, &limit);
		_exit(snap_open(0, &mine) == SNAP_E_UNEXPECTED ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	len = recv(fd, record, sizeof(record) - 1, MSG_DONTWAIT);
	assert_true(len > 0);
	record[len] = 0;
	assert_contains(record, "MESSAGE_ID=" SNAP_JOURNAL_MESSAGE_ID "\n");
	assert_contains(record, "SNAP_CODE=0x80042302\n");
	assert_contains(record, "SNAP_TEXT=cannot open a generic netlink socket");
	unlink(addr.sun_path);
	close(fd);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(makes_a_set), T(one_at_a_time), T(owner_is_told), T(changes_hands),
		T(expires), T(fd_and_progress),
		T(progress_of_member), T(failure_tells_all), T(cancel_any_time),
		T(close_while_running), T(killed), T(set_events), T(overflow), T(not_root),
		T(journal),
	};

	if (argc != 3)
		return 2;
	dev[0] = argv[1];
	dev[1] = argv[2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
