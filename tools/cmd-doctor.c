// SPDX-License-Identifier: GPL-2.0-only
/*
 * snapset doctor: what is wrong here, before it is met. It changes nothing, but has the module
 * loaded, and for each volume that it looks at begins a set that it lets go at once.
 */
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <json-c/json.h>

#include "tool.h"

enum level { OK, NOTE, PROBLEM };

static const char *const level_names[] = { "ok", "note", "problem" };

struct doctor {
	struct json_object	*checks;	/* NULL: for people */
	int			ret;		/* of the first problem */
};

static void __attribute__((format(printf, 5, 6)))
found(struct doctor *d, enum level level, const char *what, int ret, const char *fmt, ...)
{
	struct json_object *o;
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (level == PROBLEM && !d->ret)
		d->ret = ret;
	if (!d->checks) {
		printf("%-8s %-12s %s\n", level_names[level], what, plain(text));
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "check", json_text(what));
	json_object_object_add(o, "level", json_text(level_names[level]));
	json_object_object_add(o, "text", json_text(text));
	json_object_array_add(d->checks, o);
}

/* The first line of a short file; "" if there is none. */
static void read_line(const char *path, char *line, int size)
{
	FILE *f = fopen(path, "re");

	if (!f || !fgets(line, size, f))
		*line = 0;
	line[strcspn(line, "\n")] = 0;
	if (f)
		fclose(f);
}

/* What UEFI tells of Secure Boot: four bytes of attributes, and 1. */
static bool secure_boot(void)
{
	FILE *f = fopen("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", "re");
	unsigned char v[5];
	bool on = f && fread(v, 1, sizeof(v), f) == sizeof(v) && v[4] == 1;

	if (f)
		fclose(f);
	return on;
}

/* A file of the module for the kernel @release, as "" none. */
static void module_file(const char *release, char *path, size_t size)
{
	static const char *const places[] = { "updates/dkms", "updates", "extra", "kernel" };
	char pattern[512];
	glob_t g;

	*path = 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !*path; i++) {
		snprintf(pattern, sizeof(pattern), "/lib/modules/%s/%s/snapset.ko*", release, places[i]);
		if (!glob(pattern, 0, NULL, &g) && g.gl_pathc)
			snprintf(path, size, "%s", g.gl_pathv[0]);
		globfree(&g);
	}
}

static void no_module(struct doctor *d, const char *release)
{
	struct snap_error_info e = { .size = sizeof(e) };
	char path[512];

	snap_last_error(NULL, &e);
	module_file(release, path, sizeof(path));
	if (e.code != SNAP_E_PROVIDER_NOT_REGISTERED || module_is_loaded())
		found(d, PROBLEM, "module", exit_code(e.code), "%s", e.text);
	else if (!*path)
		found(d, PROBLEM, "module", EXIT_NO_MODULE,
		      "none for kernel %s: install snapset-dkms and linux-headers-%s", release, release);
	else
		found(d, PROBLEM, "module", EXIT_NO_MODULE, "%s cannot be loaded: \"modprobe snapset\" and dmesg say why%s",
		      path, secure_boot() ? "; Secure Boot is on, so the firmware must know the key that signed it: mokutil --import /var/lib/dkms/mok.pub" : "");
}

static bool check_module(struct doctor *d)
{
	struct snap_module_info info = { .size = sizeof(info) };
	struct snap_session *s = NULL;
	struct utsname u;

	uname(&u);
	found(d, OK, "kernel", 0, "%s%s", u.release, secure_boot() ? ", Secure Boot" : "");
	if (SNAP_FAILED(snap_open(0, &s)) || SNAP_FAILED(snap_get_module_info(s, &info))) {
		no_module(d, u.release);
		snap_close(s);
		return false;
	}
	snap_close(s);
	if (strcmp(info.version, LIBSNAP_VERSION))
		found(d, NOTE, "module", 0, "%s is loaded, and this is %s: \"modprobe -r snapset\" when there are no snapshots",
		      info.version, LIBSNAP_VERSION);
	else
		found(d, OK, "module", 0, "%s%s%s", info.version, info.hook[0] ? ", hooked: " : "", info.hook);
	return true;
}

static void check_hook(struct doctor *d)
{
	char line[16];

	read_line("/proc/sys/kernel/ftrace_enabled", line, sizeof(line));
	if (!*line)
		found(d, PROBLEM, "hook", EXIT_NOT_SUPPORTED, "this kernel has no function tracer, by which writes are seen");
	else if (!strcmp(line, "0"))
		found(d, PROBLEM, "hook", EXIT_NOT_SUPPORTED,
		      "kernel.ftrace_enabled is 0: no volume can be taken");
	else
		found(d, OK, "hook", 0, "the function tracer is on");
}

static void check_rules(struct doctor *d)
{
	static const char *const places[] = { "/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib" };
	char path[64];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/udev/rules.d/59-snapset.rules", places[i]);
		if (!access(path, F_OK)) {
			found(d, OK, "udev", 0, "%s", path);
			return;
		}
	}
	found(d, PROBLEM, "udev", EXIT_PROVIDER,
	      "59-snapset.rules is nowhere: images may be taken for the disks that they are of");
}

static void check_storage(struct doctor *d)
{
	struct snap_storage_props p = { .size = sizeof(p) };
	struct snap_error_info e = { .size = sizeof(e) };
	struct snap_iter *it;
	struct stat st;
	bool any = false;

	if (SNAP_FAILED(snap_storage_query(NULL, &it))) {
		snap_last_error(NULL, &e);
		found(d, PROBLEM, "storage", exit_code(e.code), "%s", e.text);
		return;
	}
	for (; snap_iter_next_storage(it, &p) == SNAP_S_OK; any = true) {
		const char *volume = strcmp(p.volume, "*") ? p.volume : "all others";

		if (stat(p.directory, &st))
			found(d, PROBLEM, "storage", EXIT_STORAGE, "%s, for %s: %s", p.directory, volume,
			      strerror(errno));
		else if (!S_ISDIR(st.st_mode))
			found(d, PROBLEM, "storage", EXIT_STORAGE, "%s, for %s, is no directory",
			      p.directory, volume);
		else if (!p.present)
			found(d, NOTE, "storage", 0, "there is no volume %s now", volume);
		else
			found(d, OK, "storage", 0, "%s in %s", volume, p.directory);
	}
	snap_iter_free(it);
	if (!any)
		found(d, OK, "storage", 0, "nothing is set up: a file on a volume of the set or where there is room, or memory");
}

/* @named: it was asked about, so that it is a problem if it cannot be taken. */
static void check_volume(struct doctor *d, const char *volume, bool named)
{
	struct snap_error_info e = { .size = sizeof(e) };
	struct snap_session *s = NULL;
	snap_id set;

	if (!SNAP_FAILED(snap_open(0, &s)) && !SNAP_FAILED(snap_start_snapshot_set(s, &set)) &&
	    !SNAP_FAILED(snap_add_to_snapshot_set(s, volume, NULL))) {
		found(d, OK, "volume", 0, "%s can be taken", volume);
	} else {
		snap_last_error(s, &e);
		found(d, named ? PROBLEM : NOTE, "volume", exit_code(e.code), "%s: %s (%s)", volume, e.text,
		      snap_code_name(e.code));
	}
	snap_close(s);
}

/* Each block device that is mounted, by its first mount point. */
static void check_mounts(struct doctor *d)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	dev_t seen[256];
	unsigned int nr = 0, i;
	struct mntent *m;
	struct stat st;

	if (!f) {
		found(d, PROBLEM, "volume", EXIT_PROVIDER, "/proc/self/mounts: %s", strerror(errno));
		return;
	}
	while ((m = getmntent(f)) && nr < sizeof(seen) / sizeof(seen[0])) {
		if (strncmp(m->mnt_fsname, "/dev/", 5) || stat(m->mnt_fsname, &st) ||
		    !S_ISBLK(st.st_mode))
			continue;
		for (i = 0; i < nr && seen[i] != st.st_rdev; i++)
			;
		if (i < nr)
			continue;
		seen[nr++] = st.st_rdev;
		check_volume(d, m->mnt_dir, false);
	}
	endmntent(f);
}

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ 0 }
};

int cmd_doctor(int argc, char **argv)
{
	struct doctor d = { 0 };
	struct json_object *o;
	int opt;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 'j')
			return usage_error("wrong option for doctor");
		if (!d.checks)
			d.checks = json_object_new_array();
	}
	if (check_module(&d)) {
		check_hook(&d);
		for (int i = optind; i < argc; i++)
			check_volume(&d, argv[i], true);
		if (optind == argc)
			check_mounts(&d);
	}
	check_rules(&d);
	check_storage(&d);
	if (d.checks) {
		o = json_object_new_object();
		json_object_object_add(o, "ok", json_object_new_boolean(!d.ret));
		json_object_object_add(o, "checks", d.checks);
		json_print(stdout, o, true);
	}
	return d.ret;
}
