// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin for QEMU that counts the instructions of each block of code it translates.
 * plugin.so,control=FIFO,out=FILE: what is written to FIFO is obeyed, a letter at a time:
 * 'b' sets the counts to 0, 'e' writes them to FILE, an address and a number in each line.
 *
 * QEMU's own header is in no package, so what is needed of it is declared here.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT	__attribute__((visibility("default")))

#define MOST	(1 << 20)	/* blocks */

struct qemu_plugin_tb;
struct qemu_plugin_scoreboard;
typedef uint64_t plugin_id;

struct counter {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
};

enum { INLINE_ADD };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
		void (*cb)(plugin_id id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(struct qemu_plugin_tb *tb,
		int op, struct counter counter, uint64_t n);
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t size);
uint64_t qemu_plugin_u64_get(struct counter counter, unsigned int vcpu);
void qemu_plugin_u64_set(struct counter counter, unsigned int vcpu, uint64_t value);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);

EXPORT int qemu_plugin_version = 4;

static struct qemu_plugin_scoreboard *score;
static uint64_t addresses[MOST];
static unsigned int blocks;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *control, *out;

static struct counter counter_of(unsigned int block)
{
	return (struct counter){ score, block * sizeof(uint64_t) };
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
	unsigned int i;

	(void)id;
	pthread_mutex_lock(&lock);
	if (blocks == MOST)
		abort();
	i = blocks++;
	addresses[i] = qemu_plugin_tb_vaddr(tb);
	pthread_mutex_unlock(&lock);
	qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, INLINE_ADD, counter_of(i),
							  qemu_plugin_tb_n_insns(tb));
}

static void obey(int letter)
{
	FILE *f = letter == 'e' ? fopen(out, "w") : NULL;
	unsigned int i;
	uint64_t run;

	pthread_mutex_lock(&lock);
	for (i = 0; i < blocks; i++) {
		run = qemu_plugin_u64_get(counter_of(i), 0);
		if (letter == 'b')
			qemu_plugin_u64_set(counter_of(i), 0, 0);
		else if (f && run)
			fprintf(f, "%llx %llu\n", (unsigned long long)addresses[i],
				(unsigned long long)run);
	}
	pthread_mutex_unlock(&lock);
	if (f)
		fclose(f);
}

static void *listen(void *arg)
{
	int fd = open(control, O_RDONLY);
	char letter;

	while (read(fd, &letter, 1) == 1)
		obey(letter);
	return arg;
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	pthread_t thread;
	int i;

	(void)info;
	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "control=", 8))
			control = strdup(argv[i] + 8);
		else if (!strncmp(argv[i], "out=", 4))
			out = strdup(argv[i] + 4);
	}
	score = qemu_plugin_scoreboard_new(MOST * sizeof(uint64_t));
	if (!control || !out || pthread_create(&thread, NULL, listen, NULL))
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
