// SPDX-License-Identifier: GPL-2.0-only
/* snapset: which command, and nothing else. */
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static const struct command {
	const char	*name;
	int		(*run)(int argc, char **argv);
	const char	*help;
} commands[] = {
	{ "create", cmd_create,
	  "create [--store memory[:LIMIT]|DEVICE|DIR[:SIZE]|shared:SET]\n"
	  "               [--full set|oldest[:MS]|wait[:MS]] [--quota SIZE]\n"
	  "               [--hold-timeout MS] [--freeze-timeout MS] [--stall-timeout MS]\n"
	  "               [--budget BYTES] [--index-limit BYTES] [--wait SECONDS]\n"
	  "               [--retry] [--retry-delay SECONDS]\n"
	  "               [--transactions DIR [--transaction-timeout MS] [--window MS]]\n"
	  "               [--keep|--auto-release] [--allow-held] [--require-frozen] [--json]\n"
	  "               [--mount-namespace PID] [--label TEXT] [--expire TIME]\n"
	  "               [--mount DIR] VOLUME... [--exec CMD [ARG...]]" },
	{ "list", cmd_list, 
	  "list [--all] [--exclusive] [--output [+]COLUMN,...] [--sort [-]COLUMN]\n"
	  "               [--noheadings] [--json] [VOLUME]" },
	{ "show", cmd_show, "show [--json] ID" },
	{ "delete", cmd_delete, 
	  "delete [--force] [--dry-run] [--json] ID...|--set ID|--all|\n"
	  "               [--volume VOLUME] [--label TEXT] [--older-than AGE] [--oldest]" },
	{ "mount", cmd_mount, "mount [--json] ID [DIR]" },
	{ "umount", cmd_umount, "umount [--force] ID|DIR..." },
	{ "storage", cmd_storage,
	  "storage add [--minimum SIZE|N%] [--maximum SIZE|N%|unbounded] VOLUME|* DIR\n"
	  "       snapset storage resize [--minimum SIZE|N%] [--maximum SIZE|N%|unbounded] VOLUME|*\n"
	  "       snapset storage remove [--force] VOLUME|*\n"
	  "       snapset storage list [--json]\n"
	  "       snapset storage extend [--json] SET DIR[:SIZE]" },
	{ "monitor", cmd_monitor, "monitor" },
	{ "watch", cmd_watch, "watch [--json]" },
	{ "doctor", cmd_doctor, "doctor [--json] [VOLUME...]" },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int help(void)
{
	puts("snapset - snapshots of several block devices at one instant\n");
	for (size_t i = 0; i < NR_COMMANDS; i++)
		printf("%s snapset %s\n", i ? "      " : "Usage:", commands[i].help);
	puts("       snapset --version | --help\n\n"
	     "A VOLUME is a mount point, a block device, UUID=... or LABEL=...; an ID is\n"
	     "that of a set or a snapshot, its beginning, or /dev/snapsetN. See snapset(8).");
	return EXIT_OK;
}

static int version(void)
{
	struct snap_module_info info = { .size = sizeof(info) };
	struct snap_session *s;

	puts("snapset " LIBSNAP_VERSION);
	/* The module may be absent or closed to us; that is no error here. */
	if (SNAP_FAILED(snap_open(0, &s)))
		return EXIT_OK;
	if (!SNAP_FAILED(snap_get_module_info(s, &info)))
		printf("kernel module %s, %s%s\n", info.version,
		       info.hook[0] ? "hooked: " : "nothing hooked", info.hook);
	snap_close(s);
	return EXIT_OK;
}

static bool is_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-h");
}

static int run_command(const struct command *c, int argc, char **argv)
{
	/* storage has more to say */
	if (argc == 2 && is_help(argv[1]) && c->run != cmd_storage) {
		printf("Usage: snapset %s\n\nSee snapset(8).\n", c->help);
		return EXIT_OK;
	}
	return c->run(argc, argv);
}

static int run(int argc, char **argv)
{
	if (argc < 2)
		return usage_error("a command is missing");
	if (is_help(argv[1]))
		return help();
	if (!strcmp(argv[1], "--version"))
		return version();
	for (size_t i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return run_command(&commands[i], argc - 1, argv + 1);
	return usage_error("there is no command \"%s\"", argv[1]);
}

int main(int argc, char **argv)
{
	failure_begin(argc, argv);
	return failure_end(run(argc, argv));
}
