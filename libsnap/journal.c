// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The journal: errors that somebody has to look into are found there, whatever
 * the caller does with them. Without a journal nothing is written and no call
 * fails.
 *
 * The journal lies on a file system that may be frozen, and who logs then waits
 * for the thaw. So nothing is written while the session's own set is made; the
 * first such error of that time is kept until the end.
 */
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "internal.h"

#define MAX_FIELDS	12

struct record {
	struct iovec	iov[MAX_FIELDS];
	int		nr;
	char		buf[3072];
	size_t		used;
};

static void field(struct record *r, const char *fmt, ...) SNAPI_PRINTF(2);

/* "NAME=value"; one that has no room any more is left out. */
static void field(struct record *r, const char *fmt, ...)
{
	size_t room = sizeof(r->buf) - r->used;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(r->buf + r->used, room, fmt, args);
	va_end(args);
	if (len < 0 || (size_t)len >= room || r->nr == MAX_FIELDS)
		return;
	r->iov[r->nr].iov_base = r->buf + r->used;
	r->iov[r->nr++].iov_len = len;
	r->used += len;
}

static const char *phase_name(enum snap_phase phase)
{
	switch (phase) {
	case SNAP_PHASE_NONE:		return "none";
	case SNAP_PHASE_PREPARE:	return "prepare";
	case SNAP_PHASE_FREEZE:		return "freeze";
	case SNAP_PHASE_HOLD:		return "hold";
	case SNAP_PHASE_RELEASE:	return "release";
	case SNAP_PHASE_PUBLISH:	return "publish";
	case SNAP_PHASE_DONE:		return "done";
	case SNAP_PHASE_TRANSACTION_FREEZE: return "transaction-freeze";
	case SNAP_PHASE_TRANSACTION_THAW: return "transaction-thaw";
	}
	return "unknown";
}

static void write_record(const snap_id *set_id, const struct snapi_error *e)
{
	char id[SNAP_ID_TEXT_MAX];
	struct record r = { 0 };

	field(&r, "MESSAGE=snapset: %s", e->text);
	field(&r, "MESSAGE_ID=%s", SNAP_JOURNAL_MESSAGE_ID);
	field(&r, "PRIORITY=%d", LOG_ERR);
	field(&r, "SNAP_CODE=0x%08x", (unsigned int)e->code);
	field(&r, "SNAP_CODE_NAME=%s", snap_code_name(e->code));
	field(&r, "SNAP_PHASE=%s", phase_name(e->phase));
	field(&r, "SNAP_ERRNO=%d", e->sys_errno);
	if (set_id && !snap_id_is_null(set_id)) {
		snap_id_format(set_id, id);
		field(&r, "SNAP_SET_ID=%s", id);
	}
	if (e->member[0])
		field(&r, "SNAP_VOLUME=%s", e->member);
	field(&r, "SNAP_TEXT=%s", e->text);
	sd_journal_sendv(r.iov, r.nr);
}

void snapi_journal(struct snap_session *s, const struct snapi_error *e)
{
	bool later = false;
	snap_id id;

	if (e->code != SNAP_E_UNEXPECTED && e->code != SNAP_E_UNEXPECTED_PROVIDER_ERROR)
		return;
	if (!s) {
		write_record(NULL, e);
		return;
	}
	pthread_mutex_lock(&s->lock);
	id = s->set_id;
	if (s->state == SNAPI_COMMITTING) {
		later = true;
		if (!s->unlogged.code)
			s->unlogged = *e;
	}
	pthread_mutex_unlock(&s->lock);
	if (!later)
		write_record(&id, e);
}

void snapi_journal_flush(struct snap_session *s)
{
	struct snapi_error e;
	snap_id id;

	pthread_mutex_lock(&s->lock);
	e = s->unlogged;
	id = s->set_id;
	s->unlogged.code = SNAP_S_OK;
	pthread_mutex_unlock(&s->lock);
	if (e.code)
		write_record(&id, &e);
}
