// SPDX-License-Identifier: GPL-2.0-only
/*
 * The line is written over itself, so it must never be longer than the terminal is wide: of what
 * has wrapped a carriage return finds the last part only.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "progress.h"

static bool shown;

static bool can_be_wiped(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb");
}

/* As many bytes as have room: no character has more columns than bytes. */
static void cut(char *line)
{
	struct winsize w = { 0 };
	size_t room;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) || !w.ws_col)
		w.ws_col = 80;
	room = w.ws_col - 1u;
	if (strlen(line) <= room)
		return;
	while (room && (line[room] & 0xc0) == 0x80)	/* not within a character */
		room--;
	line[room] = 0;
}

void progress_show(void *arg, const struct snap_progress *p)
{
	char line[1200];

	(void)arg;
	if (!can_be_wiped())
		return;
	snprintf(line, sizeof(line), "snapset: %s, %" PRIu64 " s%s%s", phase_name(p->phase),
		 p->elapsed_ns / 1000000000, *p->member ? ", waits for " : "", plain(p->member));
	cut(line);
	fprintf(stderr, "\r%s\033[K", line);
	shown = true;
}

void progress_wipe(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = false;
}
