// SPDX-License-Identifier: GPL-2.0-only
/*
 * What went wrong, said once: a sentence on standard error for people and, with --json, an
 * object on standard output for programs. Output that is lost is an error, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "tool.h"

static bool want_json;
static struct snap_error_info first = { .size = sizeof(first) };
static bool shown;

void failure_begin(int argc, char **argv)
{
	/* what is opened must not become standard output because that is closed */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) != fd)
			_exit(EXIT_UNKNOWN);
	for (int i = 1; i < argc && strcmp(argv[i], "--exec") && strcmp(argv[i], "--"); i++)
		want_json |= !strcmp(argv[i], "--json");
}

/* The first one is what the others come of. */
static void remember(const struct snap_error_info *e)
{
	if (first.code == SNAP_S_OK)
		first = *e;
}

int usage_error(const char *fmt, ...)
{
	struct snap_error_info e = { .size = sizeof(e), .code = SNAP_E_INVALIDARG };
	va_list args;

	va_start(args, fmt);
	vsnprintf(e.text, sizeof(e.text), fmt, args);
	va_end(args);
	remember(&e);
	fprintf(stderr, "snapset: %s\nTry \"snapset --help\".\n", plain(e.text));
	return EXIT_ARGUMENT;
}

static int say(const struct snap_error_info *e)
{
	remember(e);
	fprintf(stderr, "snapset: %s (%s 0x%08" PRIx32 ")\n", plain(e->text),
		snap_code_name(e->code), (uint32_t)e->code);
	return exit_code(e->code);
}

int report_failure(snap_status st, const char *fmt, ...)
{
	struct snap_error_info e = { .size = sizeof(e), .code = st };
	va_list args;

	va_start(args, fmt);
	vsnprintf(e.text, sizeof(e.text), fmt, args);
	va_end(args);
	return say(&e);
}

int report_error(struct snap_session *s, snap_status st)
{
	struct snap_error_info e = { .size = sizeof(e) };

	snap_last_error(s, &e);
	if (e.code != st || !e.text[0])
		return report_failure(st, "%s", snap_strerror(st));
	return say(&e);
}

struct json_object *failure_take(void)
{
	struct json_object *o;

	if (!want_json || shown || first.code == SNAP_S_OK)
		return NULL;
	shown = true;
	o = json_failure(first.code, first.text);
	if (first.phase != SNAP_PHASE_NONE)
		json_object_object_add(o, "phase", json_text(phase_name(first.phase)));
	if (first.member[0])
		json_object_object_add(o, "member", json_text(first.member));
	if (first.sys_errno)
		json_object_object_add(o, "errno", json_object_new_int(first.sys_errno));
	return o;
}

int output_lost(void)
{
	static bool said;
	int err = fflush(stdout) ? errno : ferror(stdout) ? EIO : 0;

	if (!err || said)
		return err ? EXIT_UNKNOWN : EXIT_OK;
	said = true;
	shown = true;		/* there is no place for it */
	return report_failure(SNAP_E_UNEXPECTED, "what was to be printed is lost: %s", strerror(err));
}

int failure_end(int ret)
{
	struct json_object *e = failure_take(), *o;
	int lost;

	if (e) {
		o = json_object_new_object();
		json_object_object_add(o, "error", e);
		json_print(stdout, o, true);
	}
	lost = output_lost();
	return ret ? ret : lost;
}
