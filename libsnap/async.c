// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The running job. There is no thread, but for transactions (job.c, which then
 * does all of what follows): whoever asks for the status reads what
 * the kernel has sent to the job's own events socket. When the end is seen, by
 * whomever, the eventfd "done" is raised and stays so; it wakes all that wait.
 *
 *	epoll fd -+- events socket	until the end
 *		  +- done		readable for good from then on
 *
 * Events may get lost (a full socket buffer, reported as ENOBUFS); then the
 * kernel is asked for the state of the set. A wait asks once a second as well.
 */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "internal.h"

#define ASK_MS	1000	/* a wait asks the kernel if it heard nothing for so long */

struct snap_async {
	atomic_uint		refs;
	struct snap_session	*s;		/* a reference */
	snap_id			set_id;
	int			epfd;
	int			done;
	struct snapi_conn	*events;

	pthread_mutex_t		lock;		/* protects the rest, and reading events */
	snap_status		status;
	enum snap_phase		phase;		/* the last before the end */
	bool			ask;		/* events were lost */

	/* with a thread of its own (job.c) */
	bool			has_job;
	int			wake;		/* eventfd, readable for good: a cancel is wanted */
	bool			cancel;
	struct snapi_error	error;		/* of an end that is one */
	snap_status		kernel;		/* how the kernel's set ended ... */
	struct snapi_error	kernel_error;	/* ... and why */
	uint64_t		began, until, ended;	/* snapi_now_ms(); of the DO, the phase, the end */
};

static bool watch(int epfd, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &ev) == 0;
}

snap_status snapi_async_new(struct snap_session *s, bool has_job,
			    struct snap_async **out, struct snapi_error *e)
{
	struct snap_async *a = calloc(1, sizeof(*a));

	if (!a) {
		snapi_error_set(e, SNAP_E_OUTOFMEMORY, ENOMEM, NULL, NULL);
		return e->code;
	}
	atomic_init(&a->refs, 1);
	pthread_mutex_init(&a->lock, NULL);
	a->s = snapi_session_get(s);
	a->set_id = s->set_id;
	a->status = a->kernel = SNAP_S_ASYNC_PENDING;
	a->has_job = has_job;
	a->began = snapi_now_ms();
	a->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	a->epfd = epoll_create1(EPOLL_CLOEXEC);
	a->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (snapi_conn_open(true, &a->events, e))
		goto fail;
	if (a->epfd < 0 || a->done < 0 || a->wake < 0 || !watch(a->epfd, a->done) ||
	    (!has_job && !watch(a->epfd, snapi_conn_fd(a->events)))) {
		int err = errno;

		snapi_error_set(e, SNAP_E_UNEXPECTED, err, NULL,
				"cannot wait for the kernel module: %s", strerror(err));
		goto fail;
	}
	*out = a;
	return SNAP_S_OK;

fail:
	snap_async_free(a);
	return e->code;
}

struct snap_async *snapi_async_of(struct snap_session *s)
{
	struct snap_async *a;

	pthread_mutex_lock(&s->lock);
	a = s->async;
	if (a)
		atomic_fetch_add(&a->refs, 1);
	pthread_mutex_unlock(&s->lock);
	return a;
}

void snapi_async_get(struct snap_async *a)
{
	atomic_fetch_add(&a->refs, 1);
}

SNAPI_EXPORT void snap_async_free(struct snap_async *a)
{
	struct snap_session *s;

	if (!a)
		return;
	s = a->s;
	pthread_mutex_lock(&s->lock);
	if (atomic_fetch_sub(&a->refs, 1) > 1) {
		pthread_mutex_unlock(&s->lock);
		return;
	}
	if (s->async == a)
		s->async = NULL;
	pthread_mutex_unlock(&s->lock);

	snapi_conn_close(a->events);
	if (a->wake >= 0)
		close(a->wake);
	if (a->done >= 0)
		close(a->done);
	if (a->epfd >= 0)
		close(a->epfd);
	pthread_mutex_destroy(&a->lock);
	free(a);
	snapi_session_put(s);
}

/* What the kernel says of an end that is an error. */
struct failure {
	char		member[256];
	char		text[512];
	int		sys_errno;
	enum snap_phase	phase;
};

static void raise_for_good(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return;		/* cannot happen: it is written once, or is readable already */
}

/* lock is held. The first end stays. @e: if it failed. */
static void finish(struct snap_async *a, snap_status status, struct snapi_error *e)
{
	if (a->status != SNAP_S_ASYNC_PENDING)
		return;
	a->status = status;
	a->ended = snapi_now_ms();
	if (SNAP_FAILED(status)) {
		if (e->phase == SNAP_PHASE_NONE)
			e->phase = a->phase;
		a->phase = e->phase;
		a->error = *e;
		snapi_session_set_state(a->s, SNAPI_FAILED);
		snapi_fail_job(a->s, e);
	} else {
		if (status == SNAP_S_ASYNC_FINISHED)
			a->phase = SNAP_PHASE_DONE;
		snapi_session_set_state(a->s, status == SNAP_S_ASYNC_FINISHED ?
					SNAPI_CREATED : SNAPI_ABORTED);
	}
	if (!a->has_job)
		epoll_ctl(a->epfd, EPOLL_CTL_DEL, snapi_conn_fd(a->events), NULL);
	raise_for_good(a->done);
}

/*
 * lock is held. The kernel's set has ended; what the job is to do then, it knows. @f: NULL if
 * the kernel has said nothing.
 */
static void end(struct snap_async *a, snap_status status, const struct failure *f)
{
	struct snapi_error e = { 0 };

	if (SNAP_FAILED(status)) {
		snapi_error_set(&e, status, f ? f->sys_errno : 0, f ? f->member : NULL, "%s",
				f && *f->text ? f->text : snap_strerror(status));
		e.phase = f ? f->phase : SNAP_PHASE_NONE;
	}
	if (!a->has_job) {
		finish(a, status, &e);
	} else if (a->kernel == SNAP_S_ASYNC_PENDING) {
		a->kernel = status;
		a->kernel_error = e;
	}
}

void snapi_async_end(struct snap_async *a, snap_status status)
{
	pthread_mutex_lock(&a->lock);
	end(a, status, NULL);
	pthread_mutex_unlock(&a->lock);
}

/* lock is held. */
static void see_state(struct snap_async *a, uint32_t state, snap_status code,
		      const struct failure *f)
{
	switch (state) {
	case SNAPSET_STATE_PREPARING:
		a->phase = SNAP_PHASE_PREPARE;
		break;
	case SNAPSET_STATE_FREEZING:
		a->phase = SNAP_PHASE_FREEZE;
		break;
	case SNAPSET_STATE_HOLDING:
		a->phase = SNAP_PHASE_HOLD;
		break;
	case SNAPSET_STATE_COMMITTED:
		a->phase = SNAP_PHASE_RELEASE;
		break;
	case SNAPSET_STATE_CREATED:
		end(a, SNAP_S_ASYNC_FINISHED, NULL);
		break;
	case SNAPSET_STATE_CANCELLED:
		end(a, SNAP_S_ASYNC_CANCELLED, NULL);
		break;
	case SNAPSET_STATE_FAILED:
		end(a, SNAP_FAILED(code) ? code : SNAP_E_UNEXPECTED_PROVIDER_ERROR, f);
		break;
	case SNAPSET_STATE_DELETED:
		a->ask = true;
		break;
	default:
		break;
	}
}

static int on_event(const struct snapi_attrs *attrs, void *arg)
{
	struct snap_async *a = arg;
	struct failure f = { 0 };
	snap_id id;

	snapi_id(attrs, SNAPSET_A_SET_ID, &id);
	if (snapi_u32(attrs, SNAPSET_A_EVENT) != SNAPSET_EVENT_SET_STATE ||
	    !snap_id_equal(&id, &a->set_id))
		return 0;
	snapi_str(attrs, SNAPSET_A_NAME, f.member, sizeof(f.member));
	snapi_str(attrs, SNAPSET_A_TEXT, f.text, sizeof(f.text));
	f.sys_errno = snapi_u32(attrs, SNAPSET_A_ERRNO);
	f.phase = snapi_u32(attrs, SNAPSET_A_PHASE);
	see_state(a, snapi_u32(attrs, SNAPSET_A_STATE),
		  snapi_code_from_kernel(snapi_u32(attrs, SNAPSET_A_CODE)), &f);
	return 0;
}

/* lock is held. Asks the kernel for the state. */
static snap_status ask(struct snap_async *a)
{
	static const struct failure vanished = {
		.text = "the snapshot set was deleted before its end was seen",
	};
	struct snap_set_props p = { .size = sizeof(p) };
	struct snapi_error e = { 0 };
	struct failure f = { 0 };

	snapi_query_set(a->s, &a->set_id, &p, &e);
	if (e.code == SNAP_E_OBJECT_NOT_FOUND) {
		end(a, SNAP_E_OBJECT_NOT_FOUND, &vanished);
		return SNAP_S_OK;
	}
	if (e.code)
		return snapi_fail_with(a->s, &e);
	a->ask = false;
	memcpy(f.member, p.waits_for, sizeof(f.member));
	memcpy(f.text, p.text, sizeof(f.text));
	f.sys_errno = p.sys_errno;
	f.phase = p.phase;
	see_state(a, p.state, p.code, &f);
	return SNAP_S_OK;
}

/* lock is held. */
static snap_status refresh(struct snap_async *a)
{
	int err;

	if (a->status != SNAP_S_ASYNC_PENDING || a->has_job)
		return SNAP_S_OK;
	err = snapi_conn_drain(a->events, on_event, a);
	if (err)
		a->ask = true;
	if (a->ask && a->status == SNAP_S_ASYNC_PENDING)
		return ask(a);
	return SNAP_S_OK;
}

SNAPI_EXPORT snap_status snap_async_status(struct snap_async *a, snap_status *status)
{
	snap_status st;

	if (!a || !status)
		return SNAP_E_INVALIDARG;
	pthread_mutex_lock(&a->lock);
	st = refresh(a);
	if (st == SNAP_S_OK)
		*status = a->status;
	pthread_mutex_unlock(&a->lock);
	return st;
}

SNAPI_EXPORT snap_status snap_async_error(struct snap_async *a, struct snap_error_info *info)
{
	struct snap_error_info out = { .size = sizeof(out) };
	struct snapi_error e;

	if (!a || !info)
		return SNAP_E_INVALIDARG;
	pthread_mutex_lock(&a->lock);
	e = a->error;
	pthread_mutex_unlock(&a->lock);
	snapi_error_info(&out, &e);
	return snapi_struct_out(info, &out, sizeof(out)) ? SNAP_S_OK : SNAP_E_INVALIDARG;
}

SNAPI_EXPORT snap_status snap_async_wait(struct snap_async *a, int timeout_ms)
{
	uint64_t until = snapi_now_ms() + (timeout_ms > 0 ? timeout_ms : 0), now;
	struct pollfd pfd;

	if (!a || timeout_ms < -1)
		return SNAP_E_INVALIDARG;
	pfd.fd = a->epfd;
	pfd.events = POLLIN;
	for (bool quiet = false;;) {
		snap_status st, status;
		int ms = ASK_MS;

		pthread_mutex_lock(&a->lock);
		if (quiet)
			a->ask = true;
		st = refresh(a);
		status = a->status;
		pthread_mutex_unlock(&a->lock);
		if (st || status != SNAP_S_ASYNC_PENDING)
			return st;
		if (timeout_ms >= 0) {
			now = snapi_now_ms();
			if (now >= until)
				return SNAP_S_ASYNC_PENDING;
			if (until - now < ASK_MS)
				ms = (int)(until - now);
		}
		quiet = poll(&pfd, 1, ms) == 0 && ms == ASK_MS;
	}
}

/* The job does it, and tells when it is done. */
static snap_status cancel_job(struct snap_async *a)
{
	snap_status status;
	bool first;

	pthread_mutex_lock(&a->lock);
	first = !a->cancel;
	a->cancel = true;
	pthread_mutex_unlock(&a->lock);
	raise_for_good(a->wake);
	snap_async_wait(a, -1);
	pthread_mutex_lock(&a->lock);
	status = a->status;
	pthread_mutex_unlock(&a->lock);
	return first && status == SNAP_S_ASYNC_CANCELLED ? SNAP_S_OK : status;
}

SNAPI_EXPORT snap_status snap_async_cancel(struct snap_async *a)
{
	snap_status st, status;
	bool decided;

	if (!a)
		return SNAP_E_INVALIDARG;
	pthread_mutex_lock(&a->lock);
	refresh(a);
	status = a->status;
	pthread_mutex_unlock(&a->lock);
	if (status != SNAP_S_ASYNC_PENDING)
		return status;
	if (a->has_job)
		return cancel_job(a);

	st = snapi_set_cancel(a->s, &decided);
	if (st == SNAP_S_OK || st == SNAP_S_ASYNC_CANCELLED) {
		snapi_async_end(a, SNAP_S_ASYNC_CANCELLED);
		return st;
	}
	/* Too late, or failed: how it ended, with its sentence. */
	pthread_mutex_lock(&a->lock);
	if (a->status == SNAP_S_ASYNC_PENDING)
		a->ask = true;
	refresh(a);
	status = a->status;
	pthread_mutex_unlock(&a->lock);
	if (!decided)
		return status == SNAP_S_ASYNC_PENDING ? st : status;
	snap_async_wait(a, -1);
	pthread_mutex_lock(&a->lock);
	status = a->status;
	pthread_mutex_unlock(&a->lock);
	return status == SNAP_S_ASYNC_PENDING ? st : status;
}

SNAPI_EXPORT int snap_async_fd(struct snap_async *a)
{
	return a ? a->epfd : -1;
}

SNAPI_EXPORT snap_status snap_async_progress(struct snap_async *a,
					     struct snap_progress *progress)
{
	struct snap_progress out = { .size = sizeof(out) };
	struct snap_set_props p = { .size = sizeof(p) };
	struct snapi_error e = { 0 };
	bool pending, ours = false;

	if (!a || !progress)
		return SNAP_E_INVALIDARG;
	pthread_mutex_lock(&a->lock);
	refresh(a);
	pending = a->status == SNAP_S_ASYNC_PENDING;
	out.phase = a->phase;
	if (a->has_job) {
		uint64_t now = snapi_now_ms();

		out.elapsed_ns = ((pending ? now : a->ended) - a->began) * 1000000;
		if (pending && a->until > now)
			out.deadline_ns = (a->until - now) * 1000000;
		ours = out.phase == SNAP_PHASE_TRANSACTION_FREEZE ||
		       out.phase == SNAP_PHASE_TRANSACTION_THAW;
	}
	pthread_mutex_unlock(&a->lock);
	if (!ours && !snapi_query_set(a->s, &a->set_id, &p, &e)) {
		if (!a->has_job)
			out.elapsed_ns = p.elapsed_ns;
		if (pending) {
			out.phase = p.phase;
			out.deadline_ns = p.deadline_ns;
			memcpy(out.member, p.waits_for, sizeof(out.member));
		}
	}
	return snapi_struct_out(progress, &out, sizeof(out)) ? SNAP_S_OK
							     : SNAP_E_INVALIDARG;
}

/* For the job's thread */

bool snapi_async_has_job(const struct snap_async *a)
{
	return a->has_job;
}

int snapi_async_wake_fd(const struct snap_async *a)
{
	return a->wake;
}

int snapi_async_events_fd(const struct snap_async *a)
{
	return snapi_conn_fd(a->events);
}

bool snapi_async_cancel_wanted(struct snap_async *a)
{
	bool cancel;

	pthread_mutex_lock(&a->lock);
	cancel = a->cancel;
	pthread_mutex_unlock(&a->lock);
	return cancel;
}

void snapi_async_phase(struct snap_async *a, enum snap_phase phase, uint32_t ms)
{
	pthread_mutex_lock(&a->lock);
	a->phase = phase;
	a->until = snapi_now_ms() + ms;
	pthread_mutex_unlock(&a->lock);
}

snap_status snapi_async_kernel(struct snap_async *a, bool quiet, struct snapi_error *e)
{
	snap_status st;

	pthread_mutex_lock(&a->lock);
	a->until = 0;
	if (snapi_conn_drain(a->events, on_event, a))
		a->ask = true;
	if ((a->ask || quiet) && a->kernel == SNAP_S_ASYNC_PENDING)
		ask(a);
	st = a->kernel;
	if (SNAP_FAILED(st))
		*e = a->kernel_error;
	pthread_mutex_unlock(&a->lock);
	return st;
}

void snapi_async_finish(struct snap_async *a, snap_status status, struct snapi_error *e)
{
	pthread_mutex_lock(&a->lock);
	finish(a, status, e);
	pthread_mutex_unlock(&a->lock);
}
