// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The mount namespace in which names mean what the caller means: an agent in a container
 * speaks of the host's mount points. It is entered by a thread that does nothing else, as a
 * thread of several can have another one only if it shares no directory with them, either, and
 * the caller's should stay as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

struct call {
	int	ns;
	void	(*fn)(void *arg);
	void	*arg;
	int	err;
};

static void *enter(void *arg)
{
	struct call *c = arg;

	if (unshare(CLONE_FS) || setns(c->ns, CLONE_NEWNS))
		c->err = errno;
	else
		c->fn(c->arg);
	return NULL;
}

snap_status snapi_in_namespace(struct snap_session *s, void (*fn)(void *arg), void *arg,
			       struct snapi_error *e)
{
	struct call c = { .ns = s->namespace, .fn = fn, .arg = arg };
	sigset_t all, old;
	pthread_t thread;

	if (c.ns < 0) {
		fn(arg);
		return e->code;
	}
	/* signals are for the caller's threads */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	c.err = pthread_create(&thread, NULL, enter, &c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!c.err)
		pthread_join(thread, NULL);
	if (c.err)
		snapi_error_set(e, c.err == EPERM ? SNAP_E_ACCESSDENIED : SNAP_E_UNEXPECTED, c.err,
				NULL, "the mount namespace cannot be entered: %s", strerror(c.err));
	return e->code;
}

SNAPI_EXPORT snap_status snap_set_mount_namespace(struct snap_session *s, int pid)
{
	struct snapi_error e = { 0 };
	char path[64];
	int fd = -1;

	if (!s)
		return SNAP_E_INVALIDARG;
	if (snapi_session_check_new(s, "snap_set_mount_namespace()"))
		return SNAP_E_BAD_STATE;
	if (pid < 0)
		return snapi_fail(s, SNAP_E_INVALIDARG, NULL, "%d is no process", (int)pid);
	if (pid) {
		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			snapi_error_set(&e, errno == ENOENT ? SNAP_E_OBJECT_NOT_FOUND :
					SNAP_E_ACCESSDENIED, errno, NULL,
					"the mount namespace of process %d: %s", (int)pid,
					strerror(errno));
			return snapi_fail_with(s, &e);
		}
	}
	if (s->namespace >= 0)
		close(s->namespace);
	s->namespace = fd;
	return SNAP_S_OK;
}
