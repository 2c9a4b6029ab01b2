// SPDX-License-Identifier: GPL-2.0-only
/* Numbers and stores as they are written on the command line. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tool.h"

bool parse_size(const char *text, uint64_t *bytes)
{
	return snap_parse_size(text, bytes) == SNAP_S_OK;
}

bool parse_amount(const char *text, uint64_t *bytes, uint32_t *percent)
{
	size_t len = strlen(text);
	char *end;

	*bytes = 0;
	*percent = 0;
	if (!len || text[len - 1] != '%')
		return parse_size(text, bytes) && *bytes;
	if (!isdigit((unsigned char)*text))
		return false;
	*percent = (uint32_t)strtoul(text, &end, 10);
	return end == text + len - 1 && len <= 4 && *percent >= 1 && *percent <= 100;
}

bool parse_ms(const char *text, uint32_t *ms)
{
	unsigned long n;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || !n || n > UINT32_MAX)
		return false;
	*ms = (uint32_t)n;
	return true;
}

/* Seconds; "90s", "15min", "2h", "3d", "1w". */
bool parse_age(const char *text, uint32_t *seconds)
{
	static const struct {
		const char	*unit;
		uint64_t	seconds;
	} units[] = {
		{ "", 1 }, { "s", 1 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 }, { "w", 604800 },
	};
	uint64_t n;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || !n || n > UINT32_MAX)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) || n * units[i].seconds > UINT32_MAX)
			continue;
		*seconds = (uint32_t)(n * units[i].seconds);
		return true;
	}
	return false;
}

bool parse_wait(const char *text, uint32_t *ms)
{
	unsigned long n;
	char *end;

	if (!strcmp(text, "forever")) {
		*ms = SNAP_WAIT_FOREVER;
		return true;
	}
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || *end || n >= SNAP_WAIT_FOREVER / 1000)
		return false;
	*ms = (uint32_t)n * 1000;
	return true;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

bool parse_directory(char *text, uint64_t *bytes)
{
	char *size = strrchr(text, ':'), *path;
	bool ok;

	*bytes = 0;
	if (is_directory(text))
		return true;
	if (!size || !parse_size(size + 1, bytes) || !*bytes)
		return false;
	path = strndup(text, (size_t)(size - text));
	ok = path && is_directory(path);
	free(path);
	if (ok)
		*size = 0;
	return ok;
}

bool parse_store(char *text, struct snap_store *store)
{
	memset(store, 0, sizeof(*store));
	store->size = sizeof(*store);
	if (!strcmp(text, "memory"))
		return true;
	if (!strncmp(text, "memory:", 7))
		return parse_size(text + 7, &store->limit) && store->limit;
	if (parse_directory(text, &store->bytes)) {
		store->kind = SNAP_STORE_FILE;
		store->directory = text;
		return true;
	}
	store->kind = SNAP_STORE_DEVICE;
	store->device = text;
	return *text != 0;
}

bool parse_full(const char *text, enum snap_full *full, uint32_t *ms)
{
	size_t len = strcspn(text, ":");

	*ms = 0;
	if (!strcmp(text, "set"))
		*full = SNAP_FULL_SET;
	else if (len == 6 && !strncmp(text, "oldest", len))
		*full = SNAP_FULL_OLDEST;
	else if (len == 4 && !strncmp(text, "wait", len))
		*full = SNAP_FULL_WAIT;
	else
		return false;
	return !text[len] || parse_ms(text + len + 1, ms);
}
