// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/seq_file.h>
#include "counters.h"
#include "fault.h"

/*
 * What is made on one CPU goes on another: only the sum over all of them means
 * anything, and a single CPU's "alive" may well be negative.
 */
struct counts {
	s64 alive[SNAPSET_OBJ_KINDS];
	u64 made[SNAPSET_OBJ_KINDS];
};

static DEFINE_PER_CPU(struct counts, counts);

static const char * const names[SNAPSET_OBJ_KINDS] = {
	[SNAPSET_OBJ_SESSION]	= "session",
	[SNAPSET_OBJ_SET]	= "set",
	[SNAPSET_OBJ_SNAP]	= "snap",
	[SNAPSET_OBJ_ORIGIN]	= "origin",
	[SNAPSET_OBJ_IMAGE]	= "image",
	[SNAPSET_OBJ_STORE]	= "store",
	[SNAPSET_OBJ_PIN]	= "pin",
	[SNAPSET_OBJ_FROZEN]	= "frozen",
	[SNAPSET_OBJ_OWED]	= "owed",
	[SNAPSET_OBJ_CLONE]	= "clone",
	[SNAPSET_OBJ_JOB]	= "job",
	[SNAPSET_OBJ_LANE]	= "lane",
	[SNAPSET_OBJ_COPY]	= "copy",
	[SNAPSET_OBJ_PAGE]	= "page",
	[SNAPSET_OBJ_PLACE]	= "place",
};

static struct dentry *dir;

void snapset_made_many(enum snapset_object kind, unsigned int nr)
{
	this_cpu_add(counts.alive[kind], nr);
	this_cpu_add(counts.made[kind], nr);
}

void snapset_made(enum snapset_object kind)
{
	snapset_made_many(kind, 1);
}

void snapset_gone_many(enum snapset_object kind, unsigned int nr)
{
	this_cpu_sub(counts.alive[kind], (s64)nr);
}

void snapset_gone(enum snapset_object kind)
{
	snapset_gone_many(kind, 1);
}

static void sum(enum snapset_object kind, s64 *alive, u64 *made)
{
	int cpu;

	*alive = 0;
	*made = 0;
	for_each_possible_cpu(cpu) {
		*alive += per_cpu(counts.alive[kind], cpu);
		*made += per_cpu(counts.made[kind], cpu);
	}
}

int snapset_counters_print(char *buf, size_t size)
{
	int kind, len = 0;

	for (kind = 0; kind < SNAPSET_OBJ_KINDS; kind++) {
		s64 alive;
		u64 made;

		sum(kind, &alive, &made);
		len += scnprintf(buf + len, size - len, "%s %lld %llu\n",
				 names[kind], alive, made);
	}
	return len;
}

static int counters_show(struct seq_file *m, void *unused)
{
	int kind;

	for (kind = 0; kind < SNAPSET_OBJ_KINDS; kind++) {
		s64 alive;
		u64 made;

		sum(kind, &alive, &made);
		seq_printf(m, "%s %lld %llu\n", names[kind], alive, made);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

int snapset_counters_init(void)
{
	/* debugfs may be absent or locked down: nothing here depends on it. */
	dir = debugfs_create_dir("snapset", NULL);
	debugfs_create_file("counters", 0400, dir, NULL, &counters_fops);
	snapset_fault_init(dir);
	return 0;
}

void snapset_counters_exit(void)
{
	int kind;

	debugfs_remove(dir);
	snapset_fault_exit();
	for (kind = 0; kind < SNAPSET_OBJ_KINDS; kind++) {
		s64 alive;
		u64 made;

		sum(kind, &alive, &made);
		if (alive)
			pr_warn("leak: %lld of %llu %s still alive at exit\n",
				alive, made, names[kind]);
	}
}
