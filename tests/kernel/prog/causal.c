// SPDX-License-Identifier: GPL-2.0-only
/*
 * causal: live writers walk over several volumes (see walk.h) while snapshot
 * sets of these are taken one after the other; every set must show a beginning
 * of each walk.
 *
 * A take counts only if every writer has completed a step between the request
 * and the answer, and if somebody's write was under way at the moment of the
 * commit. Of each set four things are asked:
 *	- that it is a beginning of each walk (no violation of causal order);
 *	- that every step that had completed before the request is in it;
 *	- that its images hold the same bytes after every slot has been overwritten;
 *	- that nobody was held or kept frozen longer than allowed.
 *
 * Exit code 0: no violation in as many takes as were asked for; 3: violations.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/fiemap.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "set.h"
#include "util.h"
#include "walk.h"

/* <linux/fs.h> has it, but does not go with <sys/mount.h> everywhere */
#ifndef FS_IOC_FIEMAP
#define FS_IOC_FIEMAP	_IOWR('f', 11, struct fiemap)
#endif

#define TARGETS_MAX	16
#define WRITERS_MAX	16
#define AREA_AT		(1u << 20)	/* of a raw disk: not the first thing on it */
#define RING		65536u		/* steps of a writer whose times are remembered */
#define HOLD_MS	10000		/* the kernel's own bounds */
#define FREEZE_MS	10000
#define SLACK_MS	1500		/* a processor that is not ours for a while */
#define STANDS_STILL_S	100		/* only tells a wait from a hang */

static const char usage[] =
"causal [OPTIONS] TARGET...\n"
"	a TARGET is a block device, or FILE:DEVICE for a file on the file system\n"
"	that is mounted from DEVICE\n"
"	--takes N	so many that count\n"
"	--most N	give up after so many (default: 3 N + 20)\n"
"	--writers N	default 1\n"
"	--slots N	blocks that a writer has on each target, default 4\n"
"	--dirty DIR:DEVICE:MB	one more member, between the first targets, with so much\n"
"			data dirty in its cache at each take\n"
"	--mount-every N	mount the images of file targets each Nth take, and look there too\n"
"	--hold-timeout MS\n"
"	--no-freeze	file systems are not frozen: the gates alone keep the order\n"
"causal write STEPS FILE...	walk over files, for tests of the tests\n"
"causal judge FILE...		judge copies of them\n";

struct target {
	const char	*path;		/* device or file */
	const char	*dev_path;
	bool		is_file;
	int		fd;
	int		freeze_fd;	/* -1: no file system to freeze */
	dev_t		dev;
	uint64_t	at;		/* of the area: in the device or file */
	uint64_t	*where;		/* file: place on the device of each block */
	unsigned int	member;		/* its number in the set */
};

static struct walk walk = { .writers = 1, .slots = 4 };
static struct target target[TARGETS_MAX];
static atomic_bool stop;

/* Between two takes the writers prove nothing, and cost a processor each. */
static bool resting;
static pthread_mutex_t rest_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t rest_over = PTHREAD_COND_INITIALIZER;

static struct writer {
	pthread_t	thread;
	unsigned int	no;
	_Atomic uint64_t	issued, completed;
	struct {
		uint64_t	began, ended;	/* CLOCK_REALTIME, as the commit's time */
	} ring[RING];
} writer[WRITERS_MAX];

static struct target dirty;
static uint64_t dirty_bytes;
static bool no_freeze;

static uint64_t real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void rest(bool on)
{
	pthread_mutex_lock(&rest_mutex);
	resting = on;
	pthread_mutex_unlock(&rest_mutex);
	pthread_cond_broadcast(&rest_over);
}

static void wait_while_resting(void)
{
	pthread_mutex_lock(&rest_mutex);
	while (resting)
		pthread_cond_wait(&rest_over, &rest_mutex);
	pthread_mutex_unlock(&rest_mutex);
}

static void *walk_on(void *arg)
{
	struct writer *w = arg;
	char *buf = aligned(WALK_BLOCK);
	uint64_t step;

	for (step = 1; !atomic_load(&stop); step++) {
		struct walk_place p = walk_place(&walk, w->no, step);
		struct target *t = &target[p.target];
		int err;

		wait_while_resting();
		walk_block(buf, w->no, step);
		w->ring[step % RING].ended = 0;
		w->ring[step % RING].began = real_ns();
		atomic_store(&w->issued, step);
		err = write_at(t->fd, buf, WALK_BLOCK, t->at + p.off);
		w->ring[step % RING].ended = real_ns();
		if (err)
			die("THE ORIGIN FAILED: writing to %s: %s", t->path, strerror(-err));
		atomic_store(&w->completed, step);
	}
	free(buf);
	return NULL;
}

/* Every slot holds step 0 of its writer before anybody walks. */
static void lay_out(struct target *t)
{
	char *buf = aligned(WALK_BLOCK);
	unsigned int i, k;

	for (i = 0; i < walk.writers; i++) {
		walk_block(buf, i, 0);
		for (k = 0; k < walk.slots; k++) {
			uint64_t off = ((uint64_t)i * walk.slots + k) * WALK_BLOCK;
			int err = write_at(t->fd, buf, WALK_BLOCK, t->at + off);

			if (err)
				die("writing to %s: %s", t->path, strerror(-err));
		}
	}
	if (fsync(t->fd))
		die("fsync of %s: %s", t->path, strerror(errno));
	free(buf);
}

/* Where the file's blocks are on the disk; they never move, being overwritten. */
static void locate(const struct target *t, uint64_t *where)
{
	size_t blocks = walk_area(&walk) / WALK_BLOCK, i, e;
	struct fiemap *map = xcalloc(1, sizeof(*map) + 64 * sizeof(map->fm_extents[0]));

	map->fm_length = walk_area(&walk);
	map->fm_flags = FIEMAP_FLAG_SYNC;
	map->fm_extent_count = 64;
	if (ioctl(t->fd, FS_IOC_FIEMAP, map))
		die("asking where %s is: %s", t->path, strerror(errno));
	memset(where, 0xff, blocks * sizeof(*where));
	for (e = 0; e < map->fm_mapped_extents; e++) {
		struct fiemap_extent *x = &map->fm_extents[e];

		if (x->fe_flags & (FIEMAP_EXTENT_UNWRITTEN | FIEMAP_EXTENT_UNKNOWN |
				   FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_DATA_INLINE))
			die("%s is not simply on the disk (flags %x)", t->path, x->fe_flags);
		for (i = 0; i < blocks; i++)
			if (i * WALK_BLOCK >= x->fe_logical &&
			    i * WALK_BLOCK < x->fe_logical + x->fe_length)
				where[i] = x->fe_physical + i * WALK_BLOCK - x->fe_logical;
	}
	for (i = 0; i < blocks; i++)
		if (where[i] == UINT64_MAX)
			die("block %zu of %s is nowhere", i, t->path);
	free(map);
}

static dev_t dev_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) || !S_ISBLK(st.st_mode))
		die("%s is not a block device", path);
	return st.st_rdev;
}

static int open_dir_of(const char *path)
{
	char *dir = strdup(path), *slash = strrchr(dir, '/');
	int fd;

	if (slash)
		slash[slash == dir] = 0;
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die("cannot open %s: %s", dir, strerror(errno));
	free(dir);
	return fd;
}

static void target_open(struct target *t, char *arg)
{
	char *colon = strchr(arg, ':');

	t->path = arg;
	t->freeze_fd = -1;
	if (colon) {
		*colon = 0;
		t->is_file = true;
		t->dev_path = colon + 1;
		t->fd = open(t->path, O_RDWR | O_CREAT | O_DSYNC | O_CLOEXEC, 0600);
	} else {
		t->dev_path = arg;
		t->at = AREA_AT;
		t->fd = open(t->path, O_RDWR | O_DIRECT | O_CLOEXEC);
	}
	if (t->fd < 0)
		die("cannot open %s: %s", t->path, strerror(errno));
	t->dev = dev_of(t->dev_path);
	if (t->is_file)
		t->freeze_fd = open_dir_of(t->path);
	lay_out(t);
	if (t->is_file) {
		t->where = xcalloc(walk_area(&walk) / WALK_BLOCK, sizeof(*t->where));
		locate(t, t->where);
	}
}

static uint64_t dirty_now(void)
{
	char buf[8192], *p;
	unsigned long long kb = 0;

	if (read_text("/proc/meminfo", buf, sizeof(buf)) < 0)
		die("cannot read /proc/meminfo");
	p = strstr(buf, "\nDirty:");
	if (!p || sscanf(p, "\nDirty: %llu", &kb) != 1)
		die("/proc/meminfo does not tell what is dirty");
	return kb << 10;
}

static void make_dirty(void)
{
	static char *buf;
	static unsigned char round;
	uint64_t off;

	if (!buf)
		buf = aligned(1 << 20);
	memset(buf, ++round, 1 << 20);
	/* some more than asked for, as some may be written back before we look */
	for (off = 0; off < dirty_bytes * 6 / 5; off += 1 << 20) {
		int err = write_at(dirty.fd, buf, 1 << 20, off);

		if (err)
			die("THE ORIGIN FAILED: writing to %s: %s", dirty.path, strerror(-err));
	}
}

static void read_image(const struct target *t, const struct snap *snap, char *area)
{
	size_t len = walk_area(&walk), i;
	int fd = open(snap->image, O_RDONLY | O_DIRECT | O_CLOEXEC), err = 0;

	if (fd < 0)
		die("cannot open %s: %s", snap->image, strerror(errno));
	if (!t->is_file)
		err = read_at(fd, area, len, t->at);
	for (i = 0; t->is_file && !err && i < len; i += WALK_BLOCK)
		err = read_at(fd, area + i, WALK_BLOCK, t->where[i / WALK_BLOCK]);
	if (err)
		die("reading %s: %s", snap->image, strerror(-err));
	close(fd);
}

/*
 * The file as a user would see it: through the image's own file system. It was
 * frozen, so ext4 must not want to replay its journal; xfs always does.
 */
static void read_mounted(const struct target *t, const struct snap *snap, char *area)
{
	char dir[] = "/tmp/causal.XXXXXX", path[512];
	const char *name = strrchr(t->path, '/');
	struct statfs fs;
	bool xfs;
	int fd, err;

	if (fstatfs(t->fd, &fs))
		die("statfs of %s: %s", t->path, strerror(errno));
	xfs = fs.f_type == 0x58465342;
	if (!mkdtemp(dir))
		die("mkdtemp: %s", strerror(errno));
	if (mount(snap->image, dir, xfs ? "xfs" : "ext4", MS_RDONLY,
		  xfs ? "norecovery,nouuid" : ""))
		die("cannot mount %s: %s", snap->image, strerror(errno));
	snprintf(path, sizeof(path), "%s/%s", dir, name ? name + 1 : t->path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("cannot open %s in the image: %s", path, strerror(errno));
	err = read_at(fd, area, walk_area(&walk), 0);
	if (err)
		die("reading %s in the image: %s", path, strerror(-err));
	close(fd);
	if (umount(dir) || rmdir(dir))
		die("cannot unmount %s: %s", snap->image, strerror(errno));
}

static void wait_for_step(struct writer *w, uint64_t step)
{
	uint64_t end = now_ns() + STANDS_STILL_S * 1000000000ull;

	while (atomic_load(&w->completed) < step) {
		if (now_ns() > end)
			die("THE ORIGIN STANDS STILL: writer %u has been at step %llu for %d s",
			    w->no, (unsigned long long)atomic_load(&w->completed),
			    STANDS_STILL_S);
		sleep_ms(1);
	}
}

static void offline_walk(unsigned int argc, char **argv)
{
	uint64_t steps = number(argv[0]), step;
	char *buf = aligned(WALK_BLOCK);
	unsigned int i;

	walk.targets = argc - 1;
	for (i = 0; i < walk.targets; i++) {
		target[i].path = argv[i + 1];
		target[i].fd = open(argv[i + 1], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (target[i].fd < 0)
			die("cannot open %s: %s", argv[i + 1], strerror(errno));
		lay_out(&target[i]);
	}
	for (step = 1; step <= steps; step++) {
		struct walk_place p = walk_place(&walk, 0, step);
		int err;

		walk_block(buf, 0, step);
		err = write_at(target[p.target].fd, buf, WALK_BLOCK, p.off);
		if (err)
			die("writing: %s", strerror(-err));
	}
}

static int offline_judge(unsigned int argc, char **argv)
{
	char *area[TARGETS_MAX];
	uint64_t last;
	unsigned int i, bad;

	walk.targets = argc;
	for (i = 0; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY | O_CLOEXEC), err;

		area[i] = aligned(walk_area(&walk));
		err = fd < 0 ? -errno : read_at(fd, area[i], walk_area(&walk), 0);
		if (err)
			die("reading %s: %s", argv[i], strerror(-err));
	}
	bad = walk_judge(&walk, area, "copy", &last);
	printf("last step %llu, %u violations\n", (unsigned long long)last, bad);
	return bad ? EXIT_REFUSED : EXIT_PASS;
}

struct tally {
	unsigned int	made, live, spanning, bad_sets, mounted, under_way, parking, dirty;
	uint64_t	hold_max, hold_sum, frozen_max, total_max, parked;
};

/*
 * Was a write under way at the commit? It is the last one in the set, if this had
 * come to the disk and its writer did not know yet, or the next one, held.
 */
static bool writing_at(const struct writer *w, uint64_t last, uint64_t when)
{
	uint64_t step;

	for (step = last ? last : 1; step <= last + 1; step++) {
		if (atomic_load(&w->completed) < step ||
		    atomic_load(&w->issued) >= step + RING)
			continue;
		if (w->ring[step % RING].began < when && when < w->ring[step % RING].ended)
			return true;
	}
	return false;
}

static unsigned int late(const char *name, const char *what, uint64_t ns, uint32_t limit_ms)
{
	if (ns <= (limit_ms + SLACK_MS) * 1000000ull)
		return 0;
	note("%s: %s for %llu ms, the bound is %u", name, what,
	     (unsigned long long)ns / 1000000, limit_ms);
	return 1;
}

/* One set, from request to deletion. */
static void take(struct set *s, const struct set_options *o, const dev_t *members,
		 unsigned int nmembers, const int *fds, unsigned int nfds, bool mount_too,
		 char **area, char **again, struct tally *tally)
{
	uint64_t before[WRITERS_MAX], after[WRITERS_MAX], last[WRITERS_MAX];
	unsigned int i, bad = 0;
	bool live = true, spanning = true, under_way = false;
	char name[32];
	int err;

	if (dirty_bytes) {
		uint64_t others = dirty_now();

		make_dirty();
		if (dirty_now() < others + dirty_bytes)
			live = false;
		else
			tally->dirty++;
	}
	/* in full walk before the request, as the set is to find them */
	rest(false);
	for (i = 0; i < walk.writers; i++)
		wait_for_step(&writer[i], atomic_load(&writer[i].completed) + 2);
	snprintf(name, sizeof(name), "take %u", ++tally->made);
	for (i = 0; i < walk.writers; i++)
		before[i] = atomic_load(&writer[i].completed);
	set_take(s, o, members, nmembers, fds, nfds);
	for (i = 0; i < walk.writers; i++)
		after[i] = atomic_load(&writer[i].completed);

	for (i = 0; i < walk.targets; i++)
		read_image(&target[i], &s->snap[target[i].member], area[i]);
	bad += walk_judge(&walk, area, name, last);
	for (i = 0; i < walk.writers; i++) {
		if (last[i] < before[i]) {
			bad++;
			note("%s: writer %u: step %llu had completed before the request, but the set ends at step %llu",
			     name, i, (unsigned long long)before[i], (unsigned long long)last[i]);
		}
		if (after[i] <= before[i])
			live = false;
		if (last[i] <= before[i] || after[i] <= last[i])
			spanning = false;
	}

	/* once round, so that every slot has been overwritten since the take */
	for (i = 0; i < walk.writers; i++)
		wait_for_step(&writer[i], last[i] + (uint64_t)walk.targets * (walk.slots + 1));
	for (i = 0; i < walk.writers; i++)
		under_way |= writing_at(&writer[i], last[i], s->created);
	live = live && under_way;
	bad += late(name, "writes were held", s->hold_ns, o->hold_ms ? o->hold_ms : HOLD_MS);
	bad += late(name, "file systems were frozen", s->frozen_ns, FREEZE_MS);
	for (i = 0; i < walk.targets; i++) {
		struct snap *snap = &s->snap[target[i].member];

		read_image(&target[i], snap, again[i]);
		if (memcmp(area[i], again[i], walk_area(&walk))) {
			bad++;
			note("%s: the image of %s has CHANGED since the take", name,
			     target[i].path);
		}
		if (!mount_too || !target[i].is_file)
			continue;
		read_mounted(&target[i], snap, again[i]);
		tally->mounted++;
		if (memcmp(area[i], again[i], walk_area(&walk))) {
			bad++;
			note("%s: the file in the mounted image of %s is another one", name,
			     target[i].path);
		}
	}

	rest(true);
	err = set_delete_idle(&s->nl, s->id);
	if (err)
		die("deleting the set: %s %s", strerror(-err), s->nl.text);

	tally->bad_sets += !!bad;
	tally->live += live;
	tally->spanning += live && spanning;
	tally->under_way += under_way;
	tally->parking += !!s->parked;
	tally->parked += s->parked;
	if (s->frozen_ns > tally->frozen_max)
		tally->frozen_max = s->frozen_ns;
	tally->hold_sum += s->hold_ns;
	if (s->hold_ns > tally->hold_max)
		tally->hold_max = s->hold_ns;
	if (s->total_ns > tally->total_max)
		tally->total_max = s->total_ns;
}

static void dirty_option(char *arg)
{
	char *dev = strchr(arg, ':'), *mb = dev ? strchr(dev + 1, ':') : NULL;
	static char path[512];

	if (!mb)
		die("--dirty DIR:DEVICE:MB");
	*dev++ = 0;
	*mb++ = 0;
	dirty_bytes = number(mb) << 20;
	snprintf(path, sizeof(path), "%s/dirty", arg);
	dirty.path = path;
	dirty.dev = dev_of(dev);
	dirty.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	dirty.freeze_fd = open_dir_of(path);
	if (dirty.fd < 0)
		die("cannot open %s: %s", path, strerror(errno));
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "takes", 1, NULL, 't' }, { "most", 1, NULL, 'm' }, { "writers", 1, NULL, 'w' },
		{ "slots", 1, NULL, 's' }, { "dirty", 1, NULL, 'd' },
		{ "mount-every", 1, NULL, 'M' }, { "hold-timeout", 1, NULL, 'h' },
		{ "no-freeze", 0, NULL, 'n' }, { 0 },
	};
	unsigned int takes = 20, most = 0, mount_every = 0, nmembers = 0, nfds = 0, i;
	char *area[TARGETS_MAX], *again[TARGETS_MAX];
	struct set_options o = { 0 };
	struct tally tally = { 0 };
	dev_t members[TARGETS_MAX + 1];
	int fds[TARGETS_MAX + 1], opt, err;
	uint64_t begun;
	struct set s;

	if (argc > 3 && !strcmp(argv[1], "write")) {
		offline_walk(argc - 2, argv + 2);
		return EXIT_PASS;
	}
	if (argc > 2 && !strcmp(argv[1], "judge"))
		return offline_judge(argc - 2, argv + 2);

	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (opt) {
		case 't': takes = number(optarg); break;
		case 'm': most = number(optarg); break;
		case 'w': walk.writers = number(optarg); break;
		case 's': walk.slots = number(optarg); break;
		case 'd': dirty_option(optarg); break;
		case 'M': mount_every = number(optarg); break;
		case 'h': o.hold_ms = number(optarg); break;
		case 'n': no_freeze = true; break;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	walk.targets = argc - optind;
	if (walk.targets < 2 || walk.targets > TARGETS_MAX || walk.writers > WRITERS_MAX ||
	    !walk.writers || !walk.slots) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (!most)
		most = 3 * takes + 20;

	for (i = 0; i < walk.targets; i++) {
		target_open(&target[i], argv[optind + i]);
		target[i].member = nmembers;
		members[nmembers++] = target[i].dev;
		if (target[i].freeze_fd >= 0 && !no_freeze)
			fds[nfds++] = target[i].freeze_fd;
		if (!i && dirty_bytes) {
			members[nmembers++] = dirty.dev;
			fds[nfds++] = dirty.freeze_fd;
		}
		area[i] = aligned(walk_area(&walk));
		again[i] = aligned(walk_area(&walk));
	}

	err = set_open(&s);
	if (err)
		die("opening a session: %s %s", strerror(-err), s.nl.text);
	for (i = 0; i < walk.writers; i++) {
		writer[i].no = i;
		if (pthread_create(&writer[i].thread, NULL, walk_on, &writer[i]))
			die("cannot start a thread");
	}
	for (i = 0; i < walk.writers; i++)
		wait_for_step(&writer[i], 2);

	begun = now_ns();
	while (tally.live < takes && tally.made < most)
		take(&s, &o, members, nmembers, fds, nfds,
		     mount_every && tally.made % mount_every == 0, area, again, &tally);

	atomic_store(&stop, true);
	rest(false);
	for (i = 0; i < walk.writers; i++)
		pthread_join(writer[i].thread, NULL);
	for (i = 0; i < walk.targets; i++) {
		uint64_t *where = target[i].where ? xcalloc(walk_area(&walk) / WALK_BLOCK, 8) : NULL;

		if (!where)
			continue;
		locate(&target[i], where);
		if (memcmp(where, target[i].where, walk_area(&walk) / WALK_BLOCK * 8))
			die("%s has moved on its disk: the test proves nothing", target[i].path);
		free(where);
	}
	set_close(&s);

	printf("takes %u live %u spanning %u under_way %u parking %u dirty %u bad %u mounted %u hold_ms_avg %.1f hold_ms_max %.1f frozen_ms_max %.1f total_ms_max %.1f parked %llu steps %llu seconds %.0f\n",
	       tally.made, tally.live, tally.spanning, tally.under_way, tally.parking,
	       tally.dirty, tally.bad_sets, tally.mounted,
	       tally.hold_sum / 1e6 / tally.made, tally.hold_max / 1e6, tally.frozen_max / 1e6,
	       tally.total_max / 1e6, (unsigned long long)tally.parked,
	       (unsigned long long)writer[0].completed, (now_ns() - begun) / 1e9);
	if (tally.bad_sets)
		return EXIT_REFUSED;
	if (tally.live < takes)
		die("only %u of %u takes had all writers alive and a write under way",
		    tally.live, tally.made);
	return EXIT_PASS;
}
