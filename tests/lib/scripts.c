// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scripts.h"

static char top[64], dir[80];

static void run(const char *fmt, const char *what)
{
	char command[256];

	snprintf(command, sizeof(command), fmt, what);
	if (system(command))
		abort();
}

void scripts_begin(void)
{
	strcpy(top, "/tmp/transactions.XXXXXX");
	if (!mkdtemp(top))
		abort();
	snprintf(dir, sizeof(dir), "%s/d", top);
	if (mkdir(dir, 0755))
		abort();
}

void scripts_end(void)
{
	run("chmod -R u+rwx %s", top);
	run("rm -rf %s", top);
}

const char *scripts_dir(void)
{
	return dir;
}

const char *scripts_top(void)
{
	return top;
}

void script(const char *name, const char *body)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!f)
		abort();
	fprintf(f, "#!/bin/sh\nD=%s\nverb=$1\necho \"%s $1\" >> $D/log\n%s\n", top, name, body);
	fclose(f);
	chmod(path, 0755);
}

const char *scripts_file(const char *name)
{
	static char text[4096];
	char path[256];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", top, name);
	fd = open(path, O_RDONLY);
	len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[len > 0 ? len : 0] = 0;
	return text;
}

const char *scripts_log(void)
{
	static char text[4096];

	strcpy(text, scripts_file("log"));
	for (char *c = text; *c; c++)
		if (*c == '\n')
			*c = ' ';
	return text;
}

bool scripts_log_becomes(const char *want)
{
	for (int i = 0; i < 200 && strcmp(scripts_log(), want); i++)
		usleep(10000);
	return !strcmp(scripts_log(), want);
}
