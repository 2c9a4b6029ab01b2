// SPDX-License-Identifier: GPL-2.0-only
/*
 * race: reads of an image race with overwrites of its origin.
 *
 * Round after round a snapshot is taken of a disk on which nobody writes for
 * this moment, so that what every sector must be is known. Then writers
 * overwrite it at random while readers read the image: anywhere, and exactly
 * where a write is under way. Every sector that comes back is judged. At the end
 * of a round the whole image is read once more; at the end of all, the origin.
 *
 * Reads of the newest image are told apart: nothing of what was read had been
 * written since the take; all of it had been, and so was kept; or the first write
 * to some of it was under way or began meanwhile. All three kinds must occur.
 * What a write to the page cache means for the disk nobody knows, so there reads
 * that met a write are counted, and others.
 *
 * A round is as many writes as would overwrite the disk once, for then most of them are
 * first writes; there are as many rounds as it takes until N reads have met a write, or,
 * where that is known, a first write. So how much is proved does not depend on how fast
 * the machine is.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "churn.h"
#include "pat.h"
#include "set.h"
#include "util.h"

static const char usage[] =
"race [OPTIONS] DISK MODEL		DISK was filled by blk\n"
"	--meet N		until so many reads have met a (first) write\n"
"	--readers N --writers N --depth N\n"
"	--engine NAME --min BYTES --max BYTES --older N --store DEVICE --buffered\n";

#define READ_MAX	(256u << 10)
#define READERS_MAX	16
#define OLDER_MAX	8
#define ROUNDS_MAX	1000

struct image {
	struct set	set;
	struct model	then;		/* what the image must hold */
	bool		live;
};

static struct image image[OLDER_MAX + 1];	/* [0] is the newest */
static unsigned int images = 1;
static struct churn *churn;
static struct disk disk;
static bool buffered;

static atomic_bool stop;
static atomic_ulong reads, hits, bad;
static atomic_ulong unwritten, copying, kept;
static unsigned int told;

static void tell_apart(const struct churn_seen *before, const struct churn_seen *after)
{
	if (!after->begun)
		atomic_fetch_add(&unwritten, 1);
	else if (before->begun > before->ended || after->begun > before->begun)
		atomic_fetch_add(&copying, 1);
	else if (before->ended == before->granules)
		atomic_fetch_add(&kept, 1);
}

static void judge(const struct image *im, const char *buf, uint64_t off, size_t len)
{
	uint64_t n = pat_check(im->set.snap[0].image, buf, im->then.id, off / SECTOR, len / SECTOR,
			       im->then.seq + off / SECTOR, &told);

	if (n)
		atomic_fetch_add(&bad, n);
}

struct reader {
	pthread_t	thread;
	uint64_t	chance;
};

static void *read_on(void *arg)
{
	struct reader *r = arg;
	char *buf = aligned(READ_MAX);
	int fd[OLDER_MAX + 1];
	unsigned int i;

	for (i = 0; i < images; i++) {
		fd[i] = open(image[i].set.snap[0].image,
			     O_RDONLY | O_CLOEXEC | (buffered ? 0 : O_DIRECT));
		if (fd[i] < 0)
			die("cannot open %s: %s", image[i].set.snap[0].image, strerror(errno));
	}
	while (!atomic_load(&stop)) {
		struct churn_seen before, after;
		const struct image *im;
		uint64_t off, len;
		int err;

		i = rnd_below(&r->chance, images);
		im = &image[i];
		if (rnd_below(&r->chance, 4) && churn_peek(churn, &r->chance, &off, &len)) {
			atomic_fetch_add(&hits, 1);
			if (len > READ_MAX)
				len = READ_MAX;
			/* a bit more or less than what is written */
			if (rnd_below(&r->chance, 2) && off >= disk.block)
				off -= disk.block;
		} else {
			len = (1 + rnd_below(&r->chance, READ_MAX / disk.block)) * disk.block;
			if (rnd_below(&r->chance, 2))
				len = disk.block;
			off = rnd_below(&r->chance, disk.size / disk.block) * disk.block;
		}
		if (off >= disk.size)
			continue;
		if (len > disk.size - off)
			len = disk.size - off;
		if (!len)
			continue;
		/* from the cache, and from the image itself */
		if (buffered && rnd_below(&r->chance, 4))
			posix_fadvise(fd[i], off, len, POSIX_FADV_DONTNEED);
		churn_look(churn, off, len, &before);
		err = read_at(fd[i], buf, len, off);
		churn_look(churn, off, len, &after);
		if (err)
			die("reading %llu bytes at %llu of %s: %s", (unsigned long long)len,
			    (unsigned long long)off, im->set.snap[0].image, strerror(-err));
		judge(im, buf, off, len);
		atomic_fetch_add(&reads, 1);
		if (!i)
			tell_apart(&before, &after);
	}
	for (i = 0; i < images; i++)
		close(fd[i]);
	free(buf);
	return NULL;
}

static void read_whole(const struct image *im)
{
	char *buf = aligned(1 << 20);
	uint64_t off;
	struct disk d;

	disk_open(&d, im->set.snap[0].image, O_RDONLY | O_DIRECT);
	for (off = 0; off < d.size; off += 1 << 20) {
		size_t len = d.size - off < 1 << 20 ? d.size - off : 1 << 20;
		int err = read_at(d.fd, buf, len, off);

		if (err)
			die("reading %s: %s", d.path, strerror(-err));
		judge(im, buf, off, len);
	}
	disk_close(&d);
	free(buf);
}

static void drop(struct image *im)
{
	int err;

	if (!im->live)
		return;
	err = set_delete_idle(&im->set.nl, im->set.id);
	if (err)
		die("deleting: %s %s", strerror(-err), im->set.nl.text);
	set_close(&im->set);
	model_free(&im->then);
	im->live = false;
}

static void take(struct image *im, const struct set_options *o, const struct model *model)
{
	int err = set_open(&im->set);

	if (err)
		die("opening a session: %s %s", strerror(-err), im->set.nl.text);
	set_take(&im->set, o, &disk.dev, 1, NULL, 0);
	model_copy(&im->then, model);
	im->live = true;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "meet", 1, NULL, 'n' },
		{ "readers", 1, NULL, 'R' }, { "writers", 1, NULL, 'w' },
		{ "depth", 1, NULL, 'd' }, { "engine", 1, NULL, 'e' },
		{ "min", 1, NULL, 'm' }, { "max", 1, NULL, 'M' }, { "older", 1, NULL, 'o' },
		{ "store", 1, NULL, 'S' }, { "buffered", 0, NULL, 'b' }, { 0 },
	};
	struct churn_options o = {
		.engine = "aio", .depth = 4, .threads = 2, .min = 512, .max = 64 << 10,
	};
	unsigned int readers = 2, older = 0, rounds = 0, i;
	struct reader reader[READERS_MAX] = { 0 };
	struct set_options so = { 0 };
	struct churn_stats stats;
	struct model model;
	struct stat st;
	uint64_t raced = 0, begun, meet = 1000;
	bool cached;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (opt) {
		case 'n': meet = number(optarg); break;
		case 'R': readers = number(optarg); break;
		case 'w': o.threads = number(optarg); break;
		case 'd': o.depth = number(optarg); break;
		case 'e': o.engine = optarg; break;
		case 'm': o.min = bytes(optarg); break;
		case 'M': o.max = bytes(optarg); break;
		case 'o': older = number(optarg); break;
		case 'b': buffered = true; break;
		case 'S':
			if (stat(optarg, &st) || !S_ISBLK(st.st_mode))
				die("%s is not a block device", optarg);
			so.store = st.st_rdev;
			break;
		default: optind = argc + 1;
		}
	}
	if (optind + 2 != argc || !readers || readers > READERS_MAX || older > OLDER_MAX) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	o.path = argv[optind];
	disk_open(&disk, o.path, O_RDONLY | O_DIRECT);
	model_load(&model, argv[optind + 1]);

	cached = !strcmp(o.engine, "buffered") || !strcmp(o.engine, "mmap");
	/* the sizes are as many as there are powers of two, and the largest weighs most */
	o.writes = disk.size / (o.max / 4) + 1;

	/* the oldest has to go, too, and a new one to come */
	for (o.seed = 1; rounds < older + 2 || (cached ? hits : copying) < meet; o.seed++) {
		if (++rounds > ROUNDS_MAX)
			die("in %u rounds %lu reads have met a write", ROUNDS_MAX,
			    cached ? hits : copying);
		drop(&image[older]);
		for (i = older; i; i--) {
			image[i] = image[i - 1];
			image[i - 1].live = false;
		}
		take(&image[0], &so, &model);
		for (images = 0; images <= older && image[images].live; images++)
			;
		churn = churn_start(&o, &model);
		atomic_store(&stop, false);
		for (i = 0; i < readers; i++) {
			reader[i].chance = o.seed * 100 + i;
			if (pthread_create(&reader[i].thread, NULL, read_on, &reader[i]))
				die("cannot start a thread");
		}
		begun = now_ns();
		while (!churn_done(churn))
			sleep_ms(5);
		atomic_store(&stop, true);
		raced += now_ns() - begun;
		for (i = 0; i < readers; i++)
			pthread_join(reader[i].thread, NULL);
		churn_end(churn, &stats);
		if (!stats.writes)
			die("nobody wrote in round %u", rounds);
		for (i = 0; i < images; i++)
			read_whole(&image[i]);
		if (bad)
			break;
	}
	for (i = 0; i <= older; i++)
		drop(&image[i]);
	model_save(&model, argv[optind + 1]);
	printf("rounds %u race-ms %llu reads %lu on-writes %lu never-written %lu being-copied %lu kept %lu wrong-sectors %lu\n",
	       rounds, (unsigned long long)raced / 1000000, reads, hits, unwritten, copying, kept, bad);
	if (bad)
		return EXIT_REFUSED;
	if (!hits || hits == reads)
		die("the readers met no writes, or nothing else");
	if (!cached && (!unwritten || !copying || !kept))
		die("one kind of block was never read");
	return EXIT_PASS;
}
