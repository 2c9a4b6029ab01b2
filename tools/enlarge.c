// SPDX-License-Identifier: GPL-2.0-only
/* Making one store larger: see enlarge.h */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "enlarge.h"

void say(int level, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	/* One write a line: several processes do so. systemd reads the level off its front. */
	if (getenv("JOURNAL_STREAM"))
		dprintf(STDERR_FILENO, "<%d>%s\n", level, text);
	else
		dprintf(STDERR_FILENO, "snapset: %s\n", text);
}

static enum enlarged how(snap_status st)
{
	switch (st) {
	case SNAP_E_INSUFFICIENT_STORAGE:
		return ENLARGED_NO_ROOM;
	case SNAP_E_NESTED_VOLUME_LIMIT:
		return ENLARGED_NO_PLACE;
	case SNAP_E_OBJECT_NOT_FOUND:	/* it has gone meanwhile */
		return ENLARGED_NOT;
	default:
		return ENLARGED_FAILED;
	}
}

static enum enlarged failed(struct snap_session *s, const char *id, snap_status st,
			    enum enlarged before)
{
	struct snap_error_info e = { .size = sizeof(e) };
	enum enlarged now = how(st);

	snap_last_error(s, &e);
	if (now != before && now != ENLARGED_NOT)
		say(LOG_WARNING, "the store of set %s does not grow: %s (%s)", id,
		    e.text[0] ? e.text : snap_strerror(st), snap_code_name(st));
	return now;
}

static enum enlarged enlarge(struct snap_session *s, const snap_id *set,
			     const struct growing *g, enum enlarged before)
{
	struct snap_storage_growth to = { .size = sizeof(to) };
	char id[SNAP_ID_TEXT_MAX], size[16], by_text[16];
	snap_status st;
	uint64_t by;

	snap_id_format(set, id);
	st = snap_storage_growth(s, set, &to);
	if (SNAP_FAILED(st))
		return failed(s, id, st, before);
	if (st == SNAP_S_FALSE)
		return ENLARGED_NOBODYS;
	by = growing_by(g, to.minimum, to.room, to.most);
	if (!by)
		return ENLARGED_NOT;
	st = snap_storage_extend(s, set, to.directory, by);
	if (SNAP_FAILED(st))
		return failed(s, id, st, before);
	format_size(g->size + by, size);
	format_size(by, by_text);
	say(LOG_INFO, "the store of set %s has grown by %s in %s, to %s", id, by_text,
	    to.directory, size);
	return ENLARGED;
}

pid_t enlarge_start(const snap_id *set, const struct growing *g, enum enlarged before)
{
	struct snap_session *s;
	enum enlarged end;
	pid_t pid = fork();

	if (pid)
		return pid;
	/* Signals that end the service stay blocked: half a file is of no use. */
	end = ENLARGED_FAILED;
	if (!SNAP_FAILED(snap_open(0, &s))) {
		end = enlarge(s, set, g, before);
		snap_close(s);
	}
	_exit(end);
}
