// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk: fills a disk with sectors that say what they are, overwrites them in
 * every way there is, and says what has become of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "churn.h"
#include "engine.h"
#include "pat.h"
#include "storefile.h"
#include "util.h"

#define BUF	(1u << 20)

static const char usage[] =
"blk fill DISK MODEL [ID]           write sectors of sequence 1, and a model of them\n"
"blk verify DISK MODEL              DISK is what the model says\n"
"blk digest DISK                    a number that stands for all its bytes\n"
"blk compare DISK DISK              both hold the same\n"
"blk eio DISK                       every read of it gives EIO\n"
"blk put DISK MODEL OFFSET LENGTH   one write; says how many ms it took\n"
"				MODEL.writing exists since just before it\n"
"blk zero|discard DISK MODEL OFFSET LENGTH   BLKZEROOUT, BLKDISCARD\n"
"blk churn DISK MODEL [OPTIONS]     overwrite at random; the model follows\n"
"	--engine direct|buffered|mmap|aio|uring --nowait --hipri --dsync\n"
"	--threads N --depth N --min BYTES --max BYTES --align BYTES\n"
"	--from BYTES --len BYTES --cover --writes N --seconds N --seed N --noflush\n"
"	--pause MS		each thread, after each write"
"	--on			after --cover at random, until SIGTERM; MODEL.covered exists since\n"
"blk store FILE SIZE                makes a file that may be a store\n"
"blk spoil DISK OFFSET              change one byte, for tests of the tests\n";

/* Reading through the cache would show what was read before. */
static void open_to_read(struct disk *d, const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECT);

	if (fd >= 0)
		close(fd);
	disk_open(d, path, O_RDONLY | (fd >= 0 ? O_DIRECT : 0));
}

static void open_to_write(struct disk *d, const char *path)
{
	int fd = open(path, O_WRONLY | O_DIRECT);

	if (fd >= 0)
		close(fd);
	disk_open(d, path, O_RDWR | (fd >= 0 ? O_DIRECT : 0));
}

static size_t piece_at(const struct disk *d, uint64_t off, size_t most)
{
	return d->size - off < most ? d->size - off : most;
}

static void read_or_die(const struct disk *d, void *buf, size_t len, uint64_t off)
{
	int err = read_at(d->fd, buf, len, off);

	if (err)
		die("%s: reading %zu bytes at %llu: %s", d->path, len, (unsigned long long)off,
		    strerror(-err));
}

static int cmd_fill(int argc, char **argv)
{
	uint64_t id = argc > 2 ? number(argv[2]) : 1, off;
	char *buf = aligned(BUF);
	struct model model;
	struct disk d;

	open_to_write(&d, argv[0]);
	model_new(&model, id, d.size / SECTOR);
	for (off = 0; off < d.size; off += BUF) {
		size_t len = piece_at(&d, off, BUF);
		int err;

		pat_make(buf, id, off / SECTOR, len / SECTOR, 1);
		err = write_at(d.fd, buf, len, off);
		if (err)
			die("%s: writing at %llu: %s", d.path, (unsigned long long)off,
			    strerror(-err));
	}
	if (fsync(d.fd))
		die("%s: fsync: %s", d.path, strerror(errno));
	model_set(&model, 0, model.sectors, 1);
	model.next = 2;
	model_save(&model, argv[1]);
	return EXIT_PASS;
}

static int cmd_verify(int argc, char **argv)
{
	char *buf = aligned(BUF);
	struct model model;
	struct disk d;
	uint64_t off, bad = 0;
	unsigned int told = 0;

	(void)argc;
	open_to_read(&d, argv[0]);
	model_load(&model, argv[1]);
	if (model.sectors != d.size / SECTOR) {
		note("%s has %llu sectors and should have %llu", d.path,
		     (unsigned long long)d.size / SECTOR, (unsigned long long)model.sectors);
		return EXIT_REFUSED;
	}
	for (off = 0; off < d.size; off += BUF) {
		size_t len = piece_at(&d, off, BUF);

		read_or_die(&d, buf, len, off);
		bad += pat_check(d.path, buf, model.id, off / SECTOR, len / SECTOR,
				 model.seq + off / SECTOR, &told);
	}
	if (!bad)
		return EXIT_PASS;
	note("%s: %llu of %llu sectors are wrong", d.path, (unsigned long long)bad,
	     (unsigned long long)model.sectors);
	return EXIT_REFUSED;
}

static int cmd_digest(int argc, char **argv)
{
	uint64_t lane[4] = { 1, 2, 3, 4 }, off, *buf = aligned(BUF);
	struct disk d;
	size_t i, n;

	(void)argc;
	open_to_read(&d, argv[0]);
	for (off = 0; off < d.size; off += BUF) {
		size_t len = piece_at(&d, off, BUF);

		read_or_die(&d, buf, len, off);
		n = len / sizeof(*buf);
		for (i = 0; i < n; i++)
			lane[i % 4] = (lane[i % 4] ^ buf[i]) * 0x9fb21c651e98df25ull ^
				      lane[i % 4] >> 29;
	}
	printf("%016llx%016llx%016llx%016llx\n", (unsigned long long)lane[0],
	       (unsigned long long)lane[1], (unsigned long long)lane[2],
	       (unsigned long long)lane[3]);
	return EXIT_PASS;
}

static const char *sector_words(const void *buf, char *out, size_t size)
{
	struct pat_info info = { 0 };

	switch (pat_look(buf, 0, 0, &info)) {
	case PAT_ZERO:
		snprintf(out, size, "zeroes");
		break;
	case PAT_ALIEN:
		snprintf(out, size, "unknown data");
		break;
	case PAT_TORN:
		snprintf(out, size, "a torn sector that begins as write %u", info.seq);
		break;
	default:
		snprintf(out, size, "sector %llu of write %u", (unsigned long long)info.sector,
			 info.seq);
	}
	return out;
}

static int cmd_compare(int argc, char **argv)
{
	char *a = aligned(BUF), *b = aligned(BUF), wa[80], wb[80];
	struct disk da, db;
	uint64_t off, bad = 0;

	(void)argc;
	open_to_read(&da, argv[0]);
	open_to_read(&db, argv[1]);
	if (da.size != db.size) {
		note("%s has %llu bytes and %s %llu", da.path, (unsigned long long)da.size,
		     db.path, (unsigned long long)db.size);
		return EXIT_REFUSED;
	}
	for (off = 0; off < da.size; off += BUF) {
		size_t len = piece_at(&da, off, BUF), i;

		read_or_die(&da, a, len, off);
		read_or_die(&db, b, len, off);
		if (!memcmp(a, b, len))
			continue;
		for (i = 0; i < len; i += SECTOR) {
			if (!memcmp(a + i, b + i, SECTOR) || bad++ >= 8)
				continue;
			note("sector %llu: %s holds %s, %s holds %s",
			     (unsigned long long)(off + i) / SECTOR, da.path,
			     sector_words(a + i, wa, sizeof(wa)), db.path,
			     sector_words(b + i, wb, sizeof(wb)));
		}
	}
	if (!bad)
		return EXIT_PASS;
	note("%llu sectors differ", (unsigned long long)bad);
	return EXIT_REFUSED;
}

static int cmd_eio(int argc, char **argv)
{
	char *buf = aligned(65536);
	uint64_t off, good = 0, other = 0;
	struct disk d;

	(void)argc;
	disk_open(&d, argv[0], O_RDONLY | O_DIRECT);
	for (off = 0; off < d.size; off += 65536) {
		ssize_t n = pread(d.fd, buf, piece_at(&d, off, 65536), off);

		if (n >= 0) {
			if (!good++)
				note("%s: a read at %llu succeeds", d.path,
				     (unsigned long long)off);
		} else if (errno != EIO) {
			if (!other++)
				note("%s: a read at %llu: %s", d.path, (unsigned long long)off,
				     strerror(errno));
		}
	}
	return good || other || !d.size ? EXIT_REFUSED : EXIT_PASS;
}

/* An empty file MODEL.WORD, by which a script sees how far we are. */
static void make_mark(const char *model, const char *word)
{
	char mark[512];
	int fd;

	snprintf(mark, sizeof(mark), "%s.%s", model, word);
	fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		die("cannot make %s: %s", mark, strerror(errno));
	close(fd);
}

static int cmd_put(int argc, char **argv)
{
	uint64_t off = bytes(argv[2]), len = bytes(argv[3]), begun;
	char *buf = aligned(len);
	struct model model;
	struct disk d;
	int err;

	(void)argc;
	open_to_write(&d, argv[0]);
	model_load(&model, argv[1]);
	pat_make(buf, model.id, off / SECTOR, len / SECTOR, model.next);
	make_mark(argv[1], "writing");
	begun = now_ns();
	err = write_at(d.fd, buf, len, off);
	if (err)
		die("THE ORIGIN FAILED: %s: write at %llu: %s", d.path, (unsigned long long)off,
		    strerror(-err));
	printf("%llu\n", (unsigned long long)(now_ns() - begun) / 1000000);
	model_set(&model, off / SECTOR, len / SECTOR, model.next++);
	model_save(&model, argv[1]);
	return EXIT_PASS;
}

static int range_ioctl(char **argv, unsigned long what, const char *name, uint32_t seq)
{
	uint64_t range[2] = { bytes(argv[2]), bytes(argv[3]) }, begun;
	struct model model;
	struct disk d;

	open_to_write(&d, argv[0]);
	model_load(&model, argv[1]);
	begun = now_ns();
	if (ioctl(d.fd, what, range))
		die("%s of %s: %s", name, d.path, strerror(errno));
	printf("%llu\n", (unsigned long long)(now_ns() - begun) / 1000000);
	model_set(&model, range[0] / SECTOR, range[1] / SECTOR, seq);
	model_save(&model, argv[1]);
	return EXIT_PASS;
}

static int cmd_zero(int argc, char **argv)
{
	(void)argc;
	return range_ioctl(argv, BLKZEROOUT, "BLKZEROOUT", 0);
}

static int cmd_discard(int argc, char **argv)
{
	(void)argc;
	return range_ioctl(argv, BLKDISCARD, "BLKDISCARD", PAT_ANY);
}

static int cmd_spoil(int argc, char **argv)
{
	uint64_t off = bytes(argv[1]), at = off / 4096 * 4096;
	char *buf = aligned(4096);
	struct disk d;
	size_t len;
	int err;

	(void)argc;
	open_to_write(&d, argv[0]);
	len = piece_at(&d, at, 4096);
	read_or_die(&d, buf, len, at);
	buf[off - at] ^= 1;
	err = write_at(d.fd, buf, len, at);
	if (err)
		die("%s: %s", d.path, strerror(-err));
	return EXIT_PASS;
}

static int cmd_store(int argc, char **argv)
{
	(void)argc;
	close(store_file(argv[0], bytes(argv[1])));
	return EXIT_PASS;
}

static struct churn *running;

static void on_signal(int sig)
{
	(void)sig;
	churn_stop(running);
}

static int cmd_churn(int argc, char **argv)
{
	static const struct option options[] = {
		{ "engine", 1, NULL, 'e' }, { "nowait", 0, NULL, 'n' },
		{ "hipri", 0, NULL, 'h' }, { "dsync", 0, NULL, 'y' },
		{ "threads", 1, NULL, 't' }, { "depth", 1, NULL, 'd' },
		{ "min", 1, NULL, 'm' }, { "max", 1, NULL, 'M' },
		{ "align", 1, NULL, 'a' }, { "from", 1, NULL, 'f' },
		{ "len", 1, NULL, 'l' }, { "cover", 0, NULL, 'c' },
		{ "on", 0, NULL, 'o' },
		{ "writes", 1, NULL, 'w' }, { "seconds", 1, NULL, 's' },
		{ "seed", 1, NULL, 'S' }, { "noflush", 0, NULL, 'F' },
		{ "pause", 1, NULL, 'p' },
		{ 0 },
	};
	struct churn_options o = {
		.path = argv[0], .engine = "direct", .depth = 1, .threads = 1,
		.min = 4096, .max = 4096, .seed = 1,
	};
	const char *model_path = argv[1];
	struct churn_stats stats;
	struct model model;
	int opt;

	argc--;
	argv++;
	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (opt) {
		case 'e': o.engine = optarg; break;
		case 'n': o.engine_flags |= ENGINE_NOWAIT; break;
		case 'h': o.engine_flags |= ENGINE_HIPRI; break;
		case 'y': o.engine_flags |= ENGINE_DSYNC; break;
		case 't': o.threads = number(optarg); break;
		case 'd': o.depth = number(optarg); break;
		case 'm': o.min = bytes(optarg); break;
		case 'M': o.max = bytes(optarg); break;
		case 'a': o.align = bytes(optarg); break;
		case 'f': o.from = bytes(optarg); break;
		case 'l': o.len = bytes(optarg); break;
		case 'c': o.cover = true; break;
		case 'o': o.on = true; break;
		case 'w': o.writes = number(optarg); break;
		case 's': o.seconds = number(optarg); break;
		case 'S': o.seed = number(optarg); break;
		case 'F': o.noflush = true; break;
		case 'p': o.pause_ms = number(optarg); break;
		default: return EXIT_USAGE;
		}
	}
	if (!o.cover && !o.writes && !o.seconds)
		die("churn needs --cover, --writes or --seconds");
	if (o.on && !o.cover)
		die("--on needs --cover");

	model_load(&model, model_path);
	running = churn_start(&o, &model);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	if (o.on) {
		churn_wait_covered(running);
		make_mark(model_path, "covered");
	}
	churn_end(running, &stats);
	model_save(&model, model_path);
	printf("writes %llu bytes %llu again %llu slowest_ms %llu\n",
	       (unsigned long long)stats.writes, (unsigned long long)stats.bytes,
	       (unsigned long long)stats.again, (unsigned long long)stats.slowest_ns / 1000000);
	return EXIT_PASS;
}

static const struct {
	const char	*name;
	int		(*run)(int argc, char **argv);
	int		min, max;
} commands[] = {
	{ "fill", cmd_fill, 2, 3 },	{ "verify", cmd_verify, 2, 2 },
	{ "digest", cmd_digest, 1, 1 },	{ "compare", cmd_compare, 2, 2 },
	{ "eio", cmd_eio, 1, 1 },	{ "put", cmd_put, 4, 4 },
	{ "zero", cmd_zero, 4, 4 },	{ "discard", cmd_discard, 4, 4 },
	{ "churn", cmd_churn, 2, 99 },	{ "spoil", cmd_spoil, 2, 2 },
	{ "store", cmd_store, 2, 2 },
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc > 1 && i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name) && argc - 2 >= commands[i].min &&
		    argc - 2 <= commands[i].max)
			return commands[i].run(argc - 2, argv + 2);
	fputs(usage, stderr);
	return EXIT_USAGE;
}
