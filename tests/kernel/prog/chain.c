// SPDX-License-Identifier: GPL-2.0-only
/*
 * chain: all snapshots of a disk stay as they are, whatever comes and goes.
 *
 * Sets of one disk or of several are made and their snapshots deleted in any order and
 * in any way, also several at a time and while others are made, under a mixture of
 * writes, discards and zeroes. The writers rest for the take alone, so that what each
 * image must hold is known to the sector. Readers look into all images all the time.
 * Whatever an image shows must be right, from the first moment to the last; only one
 * that is being deleted by force may answer EIO instead.
 *
 * A store that is a device must be let go when the last snapshot has gone that can
 * need it: that of its set, or one of the same disk that is older.
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

#include "mixer.h"
#include "set.h"
#include "util.h"

static const char usage[] =
"chain [OPTIONS] DISK...		the disks' contents are lost\n"
"	--ops N			takes, deletes and comparisons of a whole image (1000)\n"
"	--live N		snapshots of a disk at a time (12)\n"
"	--store DEVICE		repeatable; most sets use one, the others memory\n"
"	--readers N --writers N --seed N\n";

#define DISKS_MAX	4
#define STORES_MAX	8
#define LIVE_MAX	16
#define AT_ONCE		4		/* deletes at the same time */
#define READ_MAX	(128u << 10)
#define WHOLE		(1u << 20)

struct store {
	const char	*path;
	dev_t		dev;
	struct group	*user;		/* the set that has it */
	uint64_t	since[DISKS_MAX];	/* age of its last set's member; 0: none */
};

struct group {				/* a set and what the program knows of it */
	struct set	set;
	struct store	*store;		/* NULL: memory */
	unsigned int	left;		/* members */
};

struct image {
	struct group	*group;
	struct origin	*origin;
	struct snap	snap;
	struct model	then;		/* what it must hold */
	uint64_t	age;		/* number of the take */
	unsigned int	users;		/* who reads it */
	bool		going;		/* nobody begins to read it any more */
	bool		force;		/* and its reads may fail */
};

struct origin {
	const char	*path;
	dev_t		dev;
	struct mixer	*mixer;
	struct image	*live[LIVE_MAX];	/* oldest first */
	unsigned int	n;
};

enum way { ONE, ONE_FORCED, SET, SET_FORCED, CLOSE, WAYS };

static struct origin origin[DISKS_MAX];
static struct store store[STORES_MAX];
static unsigned int origins, stores, max_live = 12, longest;
static uint64_t takes;

/* guards everything above and in images but what never changes */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static atomic_bool stop;
static atomic_ulong reads, on_writes, eio, compared, bad;
static atomic_ulong deleted[3], ways[WAYS], withheld, store_takes;
static unsigned int told;

/* Under the lock. */
static int image_open(struct image *im, bool direct)
{
	int fd = open(im->snap.image, O_RDONLY | O_CLOEXEC | (direct ? O_DIRECT : 0));

	if (fd < 0)
		die("cannot open %s: %s", im->snap.image, strerror(errno));
	im->users++;
	return fd;
}

static void image_close(struct image *im, int fd)
{
	close(fd);
	pthread_mutex_lock(&lock);
	im->users--;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* Reads and judges. False: it is being deleted by force. */
static bool look(struct image *im, int fd, char *buf, uint64_t off, size_t len)
{
	char what[80];
	uint64_t n;
	int err = read_at(fd, buf, len, off);

	if (err) {
		pthread_mutex_lock(&lock);
		if (!im->force) {
			note("%s of take %llu: reading %zu bytes at %llu: %s", im->snap.image,
			     (unsigned long long)im->age, len, (unsigned long long)off,
			     strerror(-err));
			bad++;
		}
		pthread_mutex_unlock(&lock);
		eio++;
		return false;
	}
	snprintf(what, sizeof(what), "%s of take %llu, %llu taken", im->snap.image,
		 (unsigned long long)im->age, (unsigned long long)takes);
	n = pat_check(what, buf, im->then.id, off / SECTOR, len / SECTOR,
		      im->then.seq + off / SECTOR, &told);
	bad += n;
	return true;
}

static void compare_whole(struct image *im, int fd)
{
	char *buf = aligned(WHOLE);
	uint64_t off, size = im->snap.size;

	if (size != im->then.sectors * SECTOR)
		die("%s has %llu bytes", im->snap.image, (unsigned long long)size);
	for (off = 0; off < size; off += WHOLE)
		if (!look(im, fd, buf, off, size - off < WHOLE ? size - off : WHOLE))
			break;
	free(buf);
	compared++;
}

struct reader {
	pthread_t	thread;
	uint64_t	chance;
};

/* Some reads of one image, through the cache or not. */
static void visit(struct reader *r, struct image *im, int fd, bool direct, char *buf)
{
	uint64_t off, len, size = im->snap.size;
	unsigned int n = 1 + rnd_below(&r->chance, 16);

	while (n-- && !im->going && !atomic_load(&stop)) {
		if (rnd_below(&r->chance, 2) &&
		    mixer_peek(im->origin->mixer, &r->chance, &off, &len)) {
			on_writes++;
			if (off && rnd_below(&r->chance, 2))
				off -= SECTOR;
			if (len > READ_MAX)
				len = READ_MAX;
		} else {
			len = SECTOR * (1 + rnd_below(&r->chance, READ_MAX / SECTOR));
			off = rnd_below(&r->chance, size / SECTOR) * SECTOR;
		}
		if (len > size - off)
			len = size - off;
		if (!direct && rnd_below(&r->chance, 2))
			posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		if (!look(im, fd, buf, off, len))
			break;
		reads++;
	}
}

static void *read_on(void *arg)
{
	struct reader *r = arg;
	char *buf = aligned(READ_MAX);

	while (!atomic_load(&stop)) {
		struct origin *o = &origin[rnd_below(&r->chance, origins)];
		bool direct = rnd_below(&r->chance, 2);
		struct image *im = NULL;
		int fd = -1;

		pthread_mutex_lock(&lock);
		if (o->n)
			im = o->live[rnd_below(&r->chance, o->n)];
		if (im && !im->going)
			fd = image_open(im, direct);
		pthread_mutex_unlock(&lock);
		if (fd < 0) {
			sleep_ms(1);
			continue;
		}
		visit(r, im, fd, direct, buf);
		image_close(im, fd);
		sleep_ms(rnd_below(&r->chance, 60));	/* others want to get on, too */
	}
	free(buf);
	return NULL;
}

/* Can somebody still need what the store's last set has kept? Under the lock. */
static bool needed(const struct store *st)
{
	unsigned int i;

	for (i = 0; i < origins; i++)
		if (st->since[i] && origin[i].n && origin[i].live[0]->age < st->since[i])
			return true;
	return st->user;
}

static void must_be_free(const struct store *st)
{
	uint64_t end = now_ns() + 60000000000ull;
	int fd;

	while ((fd = open(st->path, O_RDWR | O_EXCL | O_CLOEXEC)) < 0) {
		if (now_ns() > end)
			die("nobody needs the store %s, but it is not let go: %s", st->path,
			    strerror(errno));
		sleep_ms(5);
	}
	close(fd);
}

/* A store that may be had now, or NULL. */
static struct store *choose_store(uint64_t *chance)
{
	struct store *st;
	bool kept;
	int fd;

	if (!stores || !rnd_below(chance, 3))
		return NULL;
	st = &store[rnd_below(chance, stores)];
	pthread_mutex_lock(&lock);
	kept = needed(st);
	pthread_mutex_unlock(&lock);
	if (st->user)
		return NULL;
	if (!kept) {
		must_be_free(st);
		return st;
	}
	fd = open(st->path, O_RDWR | O_EXCL | O_CLOEXEC);
	if (fd < 0) {
		withheld++;
		return NULL;
	}
	close(fd);
	return st;
}

static void show_up(struct group *g, struct origin *o, const struct snap *snap,
		    const struct model *model)
{
	struct image *im = xcalloc(1, sizeof(*im));

	im->group = g;
	im->origin = o;
	im->snap = *snap;
	im->age = takes;
	model_copy(&im->then, model);
	if (g->store)
		g->store->since[o - origin] = im->age;
	o->live[o->n++] = im;
	if (o->n > longest)
		longest = o->n;
	g->left++;
}

/* A set of @n disks, in any order. */
static void take(struct origin *const *member, unsigned int n, uint64_t *chance)
{
	const struct model *model[DISKS_MAX];
	struct group *g = xcalloc(1, sizeof(*g));
	struct set_options so = { 0 };
	struct set *s = &g->set;
	unsigned int i;
	uint32_t code;
	int err;

	g->store = choose_store(chance);
	if (g->store)
		so.store = g->store->dev;
	err = set_open(s);
	if (!err)
		err = set_start(s, &so);
	for (i = 0; i < n && !err; i++)
		err = set_add(s, member[i]->dev, NULL);
	if (err)
		die("a set with store %s: %s %s", g->store ? g->store->path : "in memory",
		    strerror(-err), s->nl.text);
	for (i = 0; i < n; i++)
		model[i] = mixer_pause(member[i]->mixer);
	err = set_do(s, NULL, 0);
	if (err)
		die("making the set: %s %s", strerror(-err), s->nl.text);
	code = set_wait(s, 60000);
	if (code != SNAPSET_S_ASYNC_FINISHED)
		die("the set was not made: %s: %s", code_name(code), s->text);
	pthread_mutex_lock(&lock);
	takes++;
	if (g->store) {
		g->store->user = g;
		store_takes++;
		memset(g->store->since, 0, sizeof(g->store->since));
	}
	for (i = 0; i < n; i++)
		show_up(g, member[i], &s->snap[i], model[i]);
	pthread_mutex_unlock(&lock);
	for (i = 0; i < n; i++) {
		mixer_vary(member[i]->mixer, chance);
		mixer_resume(member[i]->mixer);
	}
}

struct deletion {
	pthread_t	thread;
	struct image	*image[DISKS_MAX];
	unsigned int	n;
	enum way	way;
};

static int delete_once(struct nl *nl, struct deletion *d)
{
	struct image *im = d->image[0];

	switch (d->way) {
	case ONE:
	case ONE_FORCED:
		return snap_delete(nl, im->snap.id, d->way == ONE_FORCED);
	default:
		return set_delete(nl, im->group->set.id, d->way == SET_FORCED);
	}
}

static void wait_gone(struct nl *nl, struct image *im, uint64_t end)
{
	struct snap snap;
	int err;

	while ((err = snap_get(nl, im->snap.id, &snap)) != -ENOENT) {
		if (err || now_ns() > end)
			die("a snapshot whose owner has gone is still there: %s", strerror(-err));
		sleep_ms(1);
	}
}

/* Off the list of its disk; freed when its last reader has gone. Under the lock. */
static void forget(struct image *im)
{
	struct origin *o = im->origin;
	unsigned int i;

	for (i = 0; o->live[i] != im; i++)
		;
	o->n--;
	memmove(&o->live[i], &o->live[i + 1], (o->n - i) * sizeof(o->live[0]));
	if (!--im->group->left) {
		if (im->group->store)
			im->group->store->user = NULL;
		set_close(&im->group->set);
		free(im->group);
	}
	while (im->users)
		pthread_cond_wait(&changed, &lock);
	model_free(&im->then);
	free(im);
}

static void *delete(void *arg)
{
	struct deletion *d = arg;
	uint64_t end = now_ns() + 60000000000ull;
	struct nl nl;
	unsigned int i;
	int err = nl_open(&nl);

	if (err)
		die("no netlink family: %s", strerror(-err));
	pthread_mutex_lock(&lock);
	for (i = 0; i < d->n && (d->way == ONE || d->way == SET); i++)
		while (d->image[i]->users)
			pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	if (d->way == CLOSE) {
		set_close(&d->image[0]->group->set);
		for (i = 0; i < d->n; i++)
			wait_gone(&nl, d->image[i], end);
	} else {
		/* udev looks into each new image for a moment */
		while ((err = delete_once(&nl, d)) == -EBUSY && now_ns() < end)
			sleep_ms(2);
		if (err)
			die("deleting %s: %s %s", d->image[0]->snap.image, strerror(-err),
			    nl.text);
	}
	nl_close(&nl);
	pthread_mutex_lock(&lock);
	ways[d->way]++;
	if (d->way == CLOSE)
		d->image[0]->group->set.nl.fd = -1;
	for (i = 0; i < d->n; i++)
		forget(d->image[i]);
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* All images of a set that nobody deletes yet are in it now. Under the lock. */
static void add_set(struct deletion *d, struct group *g)
{
	unsigned int i, j;

	d->n = 0;
	for (i = 0; i < origins; i++)
		for (j = 0; j < origin[i].n; j++)
			if (origin[i].live[j]->group == g && !origin[i].live[j]->going)
				d->image[d->n++] = origin[i].live[j];
}

/* The oldest, the newest or one between; false if there is none to choose. */
static bool choose_victim(struct deletion *d, uint64_t *chance)
{
	struct origin *o = &origin[rnd_below(chance, origins)];
	unsigned int where = rnd_below(chance, 3), at, i;
	struct image *im;

	if (!o->n)
		return false;
	at = where == 0 ? 0 : where == 2 ? o->n - 1 : rnd_below(chance, o->n);
	im = o->live[at];
	if (im->going)
		return false;
	deleted[at == o->n - 1 ? 2 : at ? 1 : 0]++;
	d->way = rnd_below(chance, WAYS);
	d->image[0] = im;
	d->n = 1;
	if (d->way != ONE && d->way != ONE_FORCED) {
		add_set(d, im->group);
		/* another thread is at its other members: then this one alone */
		if (d->n != im->group->left) {
			d->way = ONE;
			d->image[0] = im;
			d->n = 1;
		}
	}
	for (i = 0; i < d->n; i++) {
		d->image[i]->going = true;
		d->image[i]->force = d->way != ONE && d->way != SET;
	}
	return true;
}

/* Begins up to @n deletions at the same time. */
static unsigned int begin_deletes(struct deletion *d, unsigned int n, uint64_t *chance)
{
	unsigned int begun = 0;

	pthread_mutex_lock(&lock);
	while (n--)
		begun += choose_victim(&d[begun], chance);
	pthread_mutex_unlock(&lock);
	for (n = 0; n < begun; n++)
		if (pthread_create(&d[n].thread, NULL, delete, &d[n]))
			die("cannot start a thread");
	return begun;
}

static void end_deletes(struct deletion *d, unsigned int n)
{
	while (n--)
		pthread_join(d[n].thread, NULL);
}

/* Disks that may have one snapshot more, at least one if any; in random order. */
static unsigned int choose_disks(struct origin **member, uint64_t *chance)
{
	unsigned int n = 0, i;

	for (i = 0; i < origins; i++)
		if (origin[i].n < max_live)
			member[n++] = &origin[i];
	if (n > 1 && rnd_below(chance, 2)) {
		struct origin *o = member[0];

		member[0] = member[n - 1];
		member[n - 1] = o;
	}
	return n ? 1 + rnd_below(chance, n) : 0;
}

static unsigned int compare_one(struct origin *o, unsigned int at, bool direct)
{
	struct image *im = NULL;
	int fd = -1;

	pthread_mutex_lock(&lock);
	if (at < o->n && !o->live[at]->going) {
		im = o->live[at];
		fd = image_open(im, direct);
	}
	pthread_mutex_unlock(&lock);
	if (!im)
		return 0;
	compare_whole(im, fd);
	image_close(im, fd);
	return 1;
}

/* One round; returns how many operations it was. */
static unsigned int step(uint64_t *chance)
{
	struct origin *member[DISKS_MAX], *o = &origin[rnd_below(chance, origins)];
	unsigned int n, ops = 0, want, kind = rnd_below(chance, 20);
	struct deletion d[AT_ONCE];
	/* long chains and short ones: more takes for a while, then more deletes */
	unsigned int few = takes / 24 % 2 ? 4 : 11;

	if (kind < few) {
		n = choose_disks(member, chance);
		if (n)
			take(member, n, chance);
		return n;
	}
	if (kind < few + 4)
		return o->n ? compare_one(o, rnd_below(chance, o->n), kind % 2) : 0;
	want = kind % 2 ? 1 : 1 + rnd_below(chance, AT_ONCE);
	want = begin_deletes(d, want, chance);
	if (rnd_below(chance, 2)) {
		pthread_mutex_lock(&lock);
		n = choose_disks(member, chance);
		pthread_mutex_unlock(&lock);
		if (n)
			take(member, n, chance);
		ops += n;
	}
	end_deletes(d, want);
	return ops + want;
}

static unsigned int compare_all(struct origin *o)
{
	unsigned int ops = 0, j;

	for (j = 0; j < o->n; j++)
		ops += compare_one(o, j, true);
	return ops;
}

static unsigned int delete_all(uint64_t *chance)
{
	unsigned int ops = 0, had[DISKS_MAX], n, i;
	struct deletion d[1];

	for (i = 0; i < origins; i++)
		ops += compare_all(&origin[i]);
	for (;;) {
		for (n = i = 0; i < origins; i++)
			n += had[i] = origin[i].n;
		if (!n || bad)
			return ops;
		n = begin_deletes(d, 1, chance);
		end_deletes(d, n);
		ops += n;
		for (i = 0; i < origins; i++) {
			mixer_vary(origin[i].mixer, chance);
			/* nobody looks through what another disk's have kept */
			if (origin[i].n != had[i])
				ops += compare_all(&origin[i]);
		}
	}
}

static void nothing_is_left(void)
{
	uint64_t end = now_ns() + 60000000000ull;
	unsigned int i;
	long n;

	for (i = 0; i < stores; i++)
		must_be_free(&store[i]);
	while ((n = counters_alive())) {
		if (n < 0 || now_ns() > end)
			die("%ld objects are left", n);
		sleep_ms(20);
	}
}

static void add_store(const char *path)
{
	struct stat st;

	if (stores == STORES_MAX || stat(path, &st) || !S_ISBLK(st.st_mode))
		die("%s is no block device, or one too many", path);
	store[stores].path = path;
	store[stores++].dev = st.st_rdev;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "ops", 1, NULL, 'o' }, { "live", 1, NULL, 'l' }, { "store", 1, NULL, 's' },
		{ "readers", 1, NULL, 'r' }, { "writers", 1, NULL, 'w' },
		{ "seed", 1, NULL, 'S' }, { 0 },
	};
	unsigned int ops = 0, want = 1000, readers = 2, writers = 2, i;
	uint64_t begun = now_ns(), seed = begun / 1000 % 1000000, chance;
	struct reader reader[8] = { 0 };
	struct mixer_stats st;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (opt) {
		case 'o': want = number(optarg); break;
		case 'l': max_live = number(optarg); break;
		case 's': add_store(optarg); break;
		case 'r': readers = number(optarg); break;
		case 'w': writers = number(optarg); break;
		case 'S': seed = number(optarg); break;
		default: optind = argc + 1;
		}
	}
	origins = argc - optind;
	if (optind >= argc || origins > DISKS_MAX || readers > ARRAY_SIZE(reader) ||
	    !max_live || max_live > LIVE_MAX) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	printf("seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	chance = seed;
	for (i = 0; i < origins; i++) {
		struct disk d;

		disk_open(&d, argv[optind + i], O_RDONLY);
		origin[i].path = d.path;
		origin[i].dev = d.dev;
		disk_close(&d);
		origin[i].mixer = mixer_start(d.path, seed * 8 + i, writers, rnd(&chance));
	}
	for (i = 0; i < readers; i++) {
		reader[i].chance = rnd(&chance);
		if (pthread_create(&reader[i].thread, NULL, read_on, &reader[i]))
			die("cannot start a thread");
	}

	while (ops < want && !bad)
		ops += step(&chance);
	while (!bad && origin[0].n < max_live) {	/* the end is to see many */
		struct origin *first = &origin[0];

		take(&first, 1, &chance);
		ops++;
	}
	if (!bad)
		ops += delete_all(&chance);
	atomic_store(&stop, true);
	for (i = 0; i < readers; i++)
		pthread_join(reader[i].thread, NULL);
	for (i = 0; i < origins; i++) {
		bad += mixer_end(origin[i].mixer, &st);
		printf("%s writes %llu discards %llu zeroes %llu\n", origin[i].path,
		       (unsigned long long)st.writes, (unsigned long long)st.discards,
		       (unsigned long long)st.zeroes);
	}
	printf("ops %u takes %llu longest %u on-devices %lu compared %lu deleted oldest %lu middle %lu newest %lu\n",
	       ops, (unsigned long long)takes, longest, store_takes, compared, deleted[0], deleted[1],
	       deleted[2]);
	printf("one %lu one-forced %lu set %lu set-forced %lu closed %lu stores-withheld %lu\n",
	       ways[ONE], ways[ONE_FORCED], ways[SET], ways[SET_FORCED], ways[CLOSE], withheld);
	printf("seconds %llu reads %lu on-writes %lu eio %lu violations %lu\n",
	       (unsigned long long)(now_ns() - begun) / 1000000000, reads, on_writes, eio, bad);
	if (bad)
		return EXIT_REFUSED;
	nothing_is_left();
	for (i = 0; i < WAYS; i++)
		if (!ways[i])
			die("not every way of deleting was tried");
	if (!on_writes || on_writes >= reads || (stores && !store_takes))
		die("the readers met no writes, or nothing else; or no device was a store");
	return EXIT_PASS;
}
