// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "check.h"
#include "clock.h"
#include "scripts.h"

static char top[64], dir[80];

static void run(const char *fmt, const char *what)
{
	char command[256];

	snprintf(command, sizeof(command), fmt, what);
	if (system(command))
		abort();
}

static const char *in_top(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return path;
}

void scripts_begin(void)
{
	/* what the helper leaves behind is a child of ours, and so is the helper */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		abort();
	strcpy(top, "/tmp/transactions.XXXXXX");
	if (!mkdtemp(top))
		abort();
	snprintf(dir, sizeof(dir), "%s/d", top);
	if (mkdir(dir, 0755))
		abort();
	clock_begin(in_top("clock"));
}

bool scripts_over(void)
{
	pid_t pid;

	do {
		pid = waitpid(-1, NULL, WNOHANG);
	} while (pid > 0);
	return pid && errno == ECHILD;
}

void scripts_end(void)
{
	clock_goes(true);
	until_seen(scripts_over(), scripts_log());
	clock_end();
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
	fprintf(f, "#!/bin/sh\nD=%s\nverb=$1\ngate() { read -r _ < $D/$1 || :; }\n"
		"echo \"%s $1\" >> $D/log\n%s\n", top, name, body);
	fclose(f);
	chmod(path, 0755);
}

const char *scripts_file(const char *name)
{
	static char text[4096];
	ssize_t len;
	int fd;

	fd = open(in_top(name), O_RDONLY);
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

void scripts_log_becomes(const char *want)
{
	static char what[4096];

	snprintf(what, sizeof(what), "the log \"%s\"", want);
	until_seen(!strcmp(scripts_log(), want), (check_now.what = what, scripts_log()));
}

void scripts_gate(const char *name)
{
	if (mkfifo(in_top(name), 0600))
		abort();
}

void scripts_let_go(const char *name)
{
	int fd = -1;

	until((fd = open(in_top(name), O_WRONLY | O_NONBLOCK)) >= 0);
	close(fd);
}

bool scripts_run(pid_t pid)
{
	scripts_over();
	return !kill(pid, 0);
}
