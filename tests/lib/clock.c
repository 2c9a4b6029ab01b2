// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

#define START	1000000		/* not 0, which means "no time" here and there */
#define LOOK_MS	5		/* who sleeps looks at the clock so often; no deadline */
#define EVER	UINT64_MAX

struct clock {
	_Atomic uint64_t	now;
	_Atomic uint64_t	wakes[2];	/* by enum clock_of; 0: awake, or for ever */
	atomic_bool		goes;
	pid_t			owner;
};

static struct clock own, *the = &own;
static enum clock_of who = CLOCK_OURS;
static atomic_uint sleepers;

int __real_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask);
int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms);
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_nanosleep(const struct timespec *ts, struct timespec *left);

static void map(const char *path, int flags)
{
	int fd = open(path, flags | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || (flags && ftruncate(fd, sizeof(own)))) {
		perror(path);
		abort();
	}
	the = mmap(NULL, sizeof(own), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (the == MAP_FAILED)
		abort();
	close(fd);
}

void clock_begin(const char *path)
{
	clock_end();
	if (path)
		map(path, O_CREAT | O_TRUNC);
	the->now = START;
	the->wakes[CLOCK_OURS] = the->wakes[CLOCK_HELPERS] = 0;
	the->goes = false;
	the->owner = getpid();
}

void clock_end(void)
{
	if (the != &own)
		munmap(the, sizeof(own));
	the = &own;
}

void clock_attach(const char *path)
{
	map(path, 0);
	who = CLOCK_HELPERS;
}

void clock_goes(bool goes)
{
	the->goes = goes;
}

void clock_pass(uint64_t ms)
{
	the->now += ms;
}

uint64_t clock_ms(void)
{
	return the->now;
}

bool clock_wakes_in(enum clock_of sleeper, uint64_t ms)
{
	return the->wakes[sleeper] == the->now + ms;
}

unsigned int clock_sleepers(void)
{
	return sleepers;
}

/* Also when whoever could move it is there no more: nobody shall sleep for ever. */
static bool goes(void)
{
	return the->goes || kill(the->owner, 0);
}

/* It may have got there by somebody else. */
static void go_to(uint64_t until)
{
	uint64_t now = the->now;

	while (now < until && !atomic_compare_exchange_weak(&the->now, &now, until))
		;
}

static int sleep_until(struct pollfd *fds, nfds_t n, uint64_t until, const sigset_t *mask)
{
	int ready;

	atomic_fetch_add(&sleepers, 1);
	the->wakes[who] = until == EVER ? 0 : until;
	for (;;) {
		bool over = the->now >= until, go = until != EVER && goes();
		struct timespec ts = { .tv_nsec = over || go ? 0 : LOOK_MS * 1000000L };

		ready = __real_ppoll(fds, n, &ts, mask);
		if (ready || over)
			break;
		if (go)
			go_to(until);
	}
	the->wakes[who] = 0;
	atomic_fetch_sub(&sleepers, 1);
	return ready;
}

static uint64_t after(const struct timespec *ts)
{
	return the->now + (uint64_t)ts->tv_sec * 1000 + (uint64_t)(ts->tv_nsec + 999999) / 1000000;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int ms)
{
	return sleep_until(fds, n, ms < 0 ? EVER : the->now + (uint64_t)ms, NULL);
}

int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask)
{
	return sleep_until(fds, n, ts ? after(ts) : EVER, mask);
}

int __wrap_nanosleep(const struct timespec *ts, struct timespec *left)
{
	if (left)
		*left = (struct timespec){ 0 };
	return sleep_until(NULL, 0, after(ts), NULL);
}

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	uint64_t now = the->now;

	if (id != CLOCK_MONOTONIC)
		return __real_clock_gettime(id, ts);
	ts->tv_sec = (time_t)(now / 1000);
	ts->tv_nsec = (long)(now % 1000) * 1000000;
	return 0;
}
