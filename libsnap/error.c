// SPDX-License-Identifier: LGPL-2.1-or-later
/* The last error: never throw away a cause. */
#include <stdio.h>
#include <string.h>

#include "internal.h"

static _Thread_local struct snapi_error open_error;

/* The last failed call of this thread that had a session. */
static _Thread_local struct {
	uint64_t		session, at;	/* its serial and clock */
	struct snapi_error	e;
} mine;

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

static void fill(struct snapi_error *e, snap_status code, int sys_errno,
		 const char *member, const char *fmt, va_list args)
{
	memset(e, 0, sizeof(*e));
	e->code = code;
	e->sys_errno = sys_errno;
	copy(e->member, sizeof(e->member), member);
	if (fmt)
		vsnprintf(e->text, sizeof(e->text), fmt, args);
	else
		copy(e->text, sizeof(e->text), snap_strerror(code));
}

void snapi_error_set(struct snapi_error *e, snap_status code, int sys_errno,
		     const char *member, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fill(e, code, sys_errno, member, fmt, args);
	va_end(args);
}

snap_status snapi_fail_with(struct snap_session *s, const struct snapi_error *e)
{
	pthread_mutex_lock(&s->lock);
	s->err = *e;
	mine.session = s->serial;
	mine.at = ++s->err_clock;
	s->err_by = &mine;
	s->err_at = mine.at;
	pthread_mutex_unlock(&s->lock);
	mine.e = *e;
	snapi_journal(s, e);
	return e->code;
}

void snapi_fail_job(struct snap_session *s, const struct snapi_error *e)
{
	pthread_mutex_lock(&s->lock);
	s->err = *e;
	s->err_by = NULL;
	s->job_err = *e;
	s->job_err_at = ++s->err_clock;
	pthread_mutex_unlock(&s->lock);
	snapi_journal(s, e);
}

/* The later one of this thread's and of the set's; any, if there is neither. */
static void last_error(struct snap_session *s, struct snapi_error *e)
{
	bool here = mine.session == s->serial;
	uint64_t at;

	pthread_mutex_lock(&s->lock);
	/* this thread may have had another session meanwhile */
	at = here ? mine.at : s->err_by == &mine ? s->err_at : 0;
	if (s->job_err_at > at)
		*e = s->job_err;
	else if (here)
		*e = mine.e;
	else
		*e = s->err;
	pthread_mutex_unlock(&s->lock);
}

snap_status snapi_fail(struct snap_session *s, snap_status code,
		       const char *member, const char *fmt, ...)
{
	struct snapi_error e;
	va_list args;

	va_start(args, fmt);
	fill(&e, code, 0, member, fmt, args);
	va_end(args);
	return snapi_fail_with(s, &e);
}

snap_status snapi_open_fail(const struct snapi_error *e)
{
	open_error = *e;
	snapi_journal(NULL, e);
	return e->code;
}

void snapi_open_keep(const struct snapi_error *e)
{
	open_error = *e;
}

void snapi_open_error(struct snapi_error *e)
{
	*e = open_error;
}

void snapi_error_info(struct snap_error_info *out, const struct snapi_error *e)
{
	out->code = e->code;
	out->sys_errno = e->sys_errno;
	out->phase = e->phase;
	memcpy(out->member, e->member, sizeof(out->member));
	memcpy(out->text, e->text, sizeof(out->text));
}

SNAPI_EXPORT snap_status snap_last_error(struct snap_session *s,
					 struct snap_error_info *info)
{
	struct snap_error_info out = { .size = sizeof(out) };
	struct snapi_error e;

	if (!info)
		return SNAP_E_INVALIDARG;
	if (s)
		last_error(s, &e);
	else
		e = open_error;
	snapi_error_info(&out, &e);
	return snapi_struct_out(info, &out, sizeof(out)) ? SNAP_S_OK
							 : SNAP_E_INVALIDARG;
}
