// SPDX-License-Identifier: GPL-2.0-only
/*
 * stores: sets are made, filled, extended and deleted at random, with stores of all
 * kinds, shared ones and ones that are full among them, and no space is lost.
 *
 *	stores SEED OPERATIONS DIR STORE DISK...
 *
 * DIR is where store files go, STORE a block device that is one, DISKs are the members.
 * After each operation, when nothing is on its way any more: the granules that all
 * stores count as taken are those that the snapshots say they have, and no more than
 * what a store holds; a deletion gives back what was said to be exclusive; and blocks of
 * the images, some of them read at random, are what a model says.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/stat.h>
#include <unistd.h>

#include "set.h"
#include "storefile.h"
#include "util.h"

#define BLOCK		4096u
#define AT_ONCE		64u		/* blocks: a disk has a multiple of them */
#define DISKS_MAX	4
#define SETS_MOST	6
#define SNAPS_MAX	64
#define LOOKS		4		/* into each image after each operation */

/* What a block holds: its number and how often it was written, all over. */
static uint32_t *written[DISKS_MAX];
static struct disk disk[DISKS_MAX];
static unsigned int disks;

struct image {
	uint8_t		id[SNAPSET_ID_LEN];
	unsigned int	disk;
	uint32_t	*then;		/* the disk's "written" at its instant */
};
static struct image image[SNAPS_MAX];

/* As the kernel tells it now. */
struct one_set {
	uint8_t		id[SNAPSET_ID_LEN];
	uint64_t	store, size, used;
	uint32_t	kind;
};

struct one_snap {
	uint8_t		id[SNAPSET_ID_LEN], set_id[SNAPSET_ID_LEN];
	uint64_t	allocated, in_ram;
	char		name[32];
	bool		live;
};

struct now {
	struct one_set	set[SNAPS_MAX];
	struct one_snap	snap[SNAPS_MAX];
	unsigned int	sets, snaps;
};

static struct nl nl;
static uint64_t chance;
static const char *dir;
static char *buf;
static unsigned int files, made, refused, extended, deleted, dead, verified;

static void learn_set(const struct nl_attrs *a, void *arg)
{
	struct now *now = arg;
	struct one_set *s = &now->set[now->sets++];
	struct nl_attrs in;

	if (now->sets == SNAPS_MAX)
		die("too many sets");
	memcpy(s->id, a->value[SNAPSET_A_SET_ID], SNAPSET_ID_LEN);
	nl_get_nest(a, SNAPSET_A_STORE, &in);
	s->store = nl_get_u64(&in, SNAPSET_A_STORE_ID);
	s->kind = nl_get_u32(&in, SNAPSET_A_STORE_KIND);
	s->size = nl_get_u64(&in, SNAPSET_A_STORE_SIZE);
	s->used = nl_get_u64(&in, SNAPSET_A_STORE_USED);
}

static void learn_snap(const struct nl_attrs *a, void *arg)
{
	struct now *now = arg;
	struct one_snap *s = &now->snap[now->snaps++];

	if (now->snaps == SNAPS_MAX)
		die("too many snapshots");
	memcpy(s->id, a->value[SNAPSET_A_SNAP_ID], SNAPSET_ID_LEN);
	memcpy(s->set_id, a->value[SNAPSET_A_SET_ID], SNAPSET_ID_LEN);
	snprintf(s->name, sizeof(s->name), "/dev/%s", nl_get_str(a, SNAPSET_A_IMAGE_NAME));
	s->allocated = nl_get_u64(a, SNAPSET_A_ALLOCATED);
	s->in_ram = nl_get_u64(a, SNAPSET_A_IN_RAM);
	s->live = nl_get_u32(a, SNAPSET_A_STATE) == SNAPSET_SNAP_LIVE;
}

static void look(struct now *now)
{
	struct nl_msg m;

	memset(now, 0, sizeof(*now));
	nl_begin(&nl, &m, SNAPSET_CMD_SET_GET, 0x300 /* NLM_F_DUMP */);
	if (nl_call(&nl, &m, learn_set, now))
		die("no dump of sets: %s", nl.text);
	nl_begin(&nl, &m, SNAPSET_CMD_SNAP_GET, 0x300);
	if (nl_call(&nl, &m, learn_snap, now))
		die("no dump of snapshots: %s", nl.text);
}

/* A sum over processors: while something moves it may be anything, less than none even. */
static uint64_t places(void)
{
	return (uint64_t)counter("place", true) * BLOCK;
}

/* Nothing is on its way, and what is there is what is told. Returns the bytes. */
static uint64_t settled(struct now *now, const char *after)
{
	uint64_t end = now_ns() + 60000000000ull, sum, all, in_ram, most, lost;
	unsigned int i, k;

	for (;;) {
		look(now);
		sum = in_ram = most = lost = 0;
		for (i = 0; i < now->snaps; i++) {
			sum += now->snap[i].allocated;
			in_ram += now->snap[i].in_ram;
			/* what is dead gives it back soon after */
			if (!now->snap[i].live)
				lost += now->snap[i].allocated;
		}
		all = places();
		for (i = 0; i < now->sets; i++) {
			for (k = 0; k < i && now->set[k].store != now->set[i].store; k++)
				;
			if (k == i)
				most += now->set[i].used;
			if (now->set[i].used > now->set[i].size)
				die("after %s: %llu of %llu bytes of a store are used", after,
				    (unsigned long long)now->set[i].used,
				    (unsigned long long)now->set[i].size);
		}
		/* a store that no set uses any more may still hold something */
		if (!in_ram && !lost && sum == all && most <= all)
			return all;
		if (now_ns() > end)
			die("after %s: %llu bytes are taken, %llu are told of, %llu are in RAM, %llu used",
			    after, (unsigned long long)all, (unsigned long long)sum,
			    (unsigned long long)in_ram, (unsigned long long)most);
		sleep_ms(5);
	}
}

static void fill_block(char *at, unsigned int d, uint64_t block)
{
	uint64_t what[2] = { block, written[d][block] };
	size_t i;

	for (i = 0; i < BLOCK; i += sizeof(what))
		memcpy(at + i, what, sizeof(what));
}

static void write_some(void)
{
	unsigned int d = rnd_below(&chance, disks), n = 1 + rnd_below(&chance, 24), i;
	uint64_t blocks = disk[d].size / BLOCK, at, len;
	int err;

	while (n--) {
		len = 1 + rnd_below(&chance, 1ull << rnd_below(&chance, 6));
		at = rnd_below(&chance, blocks - len);
		for (i = 0; i < len; i++) {
			written[d][at + i]++;
			fill_block(buf + (size_t)i * BLOCK, d, at + i);
		}
		err = write_at(disk[d].fd, buf, len * BLOCK, at * BLOCK);
		if (err)
			die("THE ORIGIN FAILED: %s", strerror(-err));
	}
}

static struct image *image_of(const uint8_t *id)
{
	unsigned int i;

	for (i = 0; i < SNAPS_MAX; i++)
		if (image[i].then && !memcmp(image[i].id, id, SNAPSET_ID_LEN))
			return &image[i];
	return NULL;
}

static void remember(const struct snap *snap, unsigned int d)
{
	size_t size = disk[d].size / BLOCK * sizeof(**written);
	unsigned int i;

	for (i = 0; i < SNAPS_MAX && image[i].then; i++)
		;
	if (i == SNAPS_MAX)
		die("too many images");
	memcpy(image[i].id, snap->id, SNAPSET_ID_LEN);
	image[i].disk = d;
	image[i].then = xmalloc(size);
	memcpy(image[i].then, written[d], size);
}

/* Images that have gone are forgotten. */
static void forget(const struct now *now)
{
	unsigned int i, k;

	for (i = 0; i < SNAPS_MAX; i++) {
		if (!image[i].then)
			continue;
		for (k = 0; k < now->snaps; k++)
			if (!memcmp(now->snap[k].id, image[i].id, SNAPSET_ID_LEN))
				break;
		if (k < now->snaps)
			continue;
		free(image[i].then);
		image[i].then = NULL;
	}
}

static bool still_live(const uint8_t *id)
{
	struct snap snap = { 0 };

	return !snap_get(&nl, id, &snap) && snap.state == SNAPSET_SNAP_LIVE;
}

/* Mostly one that has been written since: what nobody has written is nobody's to keep. */
static uint64_t some_block(const struct image *im)
{
	uint64_t blocks = disk[im->disk].size / BLOCK, at = rnd_below(&chance, blocks);
	unsigned int tries = rnd_below(&chance, 4) ? 1000 : 0;

	while (tries-- && written[im->disk][at] == im->then[at])
		at = rnd_below(&chance, blocks);
	return at;
}

static void verify_some(const struct one_snap *snap)
{
	const struct image *im = image_of(snap->id);
	uint64_t at, what[2];
	int fd, err, n;

	if (!im)
		die("there is an image that nobody asked for");
	fd = open(snap->name, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0)
		die("%s: %s", snap->name, strerror(errno));
	for (n = 0; n < LOOKS; n++) {
		at = some_block(im);
		err = read_at(fd, buf, BLOCK, at * BLOCK);
		if (err && !still_live(snap->id))
			break;
		if (err)
			die("%s: block %llu: %s", snap->name, (unsigned long long)at,
			    strerror(-err));
		memcpy(what, buf, sizeof(what));
		if (what[0] != at || what[1] != im->then[at] || memcmp(buf, buf + 16, BLOCK - 16))
			die("WRONG DATA in %s: block %llu is %llu/%llu instead of version %u",
			    snap->name, (unsigned long long)at, (unsigned long long)what[0],
			    (unsigned long long)what[1], im->then[at]);
		verified++;
	}
	close(fd);
}

static char path[256];			/* of the newest */

static int new_file(void)
{
	snprintf(path, sizeof(path), "%s/store%u", dir, files++);
	return store_file(path, (16 + rnd_below(&chance, 512)) * BLOCK);
}

static void create(const struct now *now, dev_t store)
{
	struct set_options o = { .attrs = SNAPSET_ATTR_NO_AUTO_RELEASE };
	unsigned int d, first = rnd_below(&chance, disks), n = 1 + rnd_below(&chance, disks);
	uint32_t code = 0;
	struct set s;
	int err;

	switch (rnd_below(&chance, now->sets ? 5 : 3)) {
	case 0:
		o.store_limit = (1 + rnd_below(&chance, 512)) * BLOCK;
		break;
	case 1:
		o.store = store;
		break;
	case 2:
		o.files[o.nr_files++] = new_file();
		break;
	default:
		o.share = now->set[rnd_below(&chance, now->sets)].store;
	}
	o.full = rnd_below(&chance, 3);
	if (o.full)
		o.full_wait_ms = 1 + rnd_below(&chance, 200);
	err = set_open(&s);
	if (!err)
		err = set_start(&s, &o);
	if (o.nr_files)
		close(o.files[0]);
	for (d = 0; !err && d < n; d++)
		err = set_add(&s, disk[(first + d) % disks].dev, NULL);
	if (!err)
		err = set_do(&s, NULL, 0);
	if (!err)
		code = set_wait(&s, 60000);
	if (code == SNAPSET_S_ASYNC_FINISHED) {
		for (d = 0; d < n; d++)
			remember(&s.snap[d], (first + d) % disks);
		made++;
	} else if ((err == -EBUSY && o.store) || code == SNAPSET_E_INSUFFICIENT_STORAGE) {
		refused++;	/* the device is another's store; the shared one is full */
	} else {
		die("no set: errno %s code %s: %s", errno_name(-err), code_name(code),
		    err ? s.nl.text : s.text);
	}
	set_close(&s);
}

static void extend(const struct now *now)
{
	const struct one_set *set = &now->set[rnd_below(&chance, now->sets)];
	int fd = new_file(), err = store_extend(&nl, set->id, fd);

	close(fd);
	if (err && err != -ENOENT && err != -E2BIG)
		die("not extended: %s", nl.text);
	if (err)
		unlink(path);	/* still ours */
	else
		extended++;
}

/* Of a snapshot: what was said to be its own comes back, and nothing else. */
static void delete_snap(const struct now *now, struct now *then)
{
	const struct one_snap *snap = &now->snap[rnd_below(&chance, now->snaps)];
	uint64_t had = places(), has;
	struct snap_space space;

	if (snap_space(&nl, snap->id, &space))
		die("what is exclusive is not told: %s", nl.text);
	if (space.exclusive > space.allocated)
		die("of %llu bytes %llu are exclusive", (unsigned long long)space.allocated,
		    (unsigned long long)space.exclusive);
	if (snap_delete(&nl, snap->id, true))
		die("not deleted: %s", nl.text);
	has = settled(then, "a deletion");
	if (had - has != space.exclusive)
		die("a deletion gave %lld bytes back instead of %llu", (long long)(had - has),
		    (unsigned long long)space.exclusive);
	deleted++;
}

static void delete_set(const struct now *now)
{
	if (set_delete(&nl, now->set[rnd_below(&chance, now->sets)].id, true))
		die("not deleted: %s", nl.text);
	deleted++;
}

static void operate(struct now *now, dev_t store)
{
	unsigned int what = rnd_below(&chance, 10);
	static struct now then;

	if (!now->sets || (what < 2 && now->sets < SETS_MOST))
		create(now, store);
	else if (what < 6)
		write_some();
	else if (what < 7)
		extend(now);
	else if (what < 9 && now->snaps)
		delete_snap(now, &then);
	else
		delete_set(now);
}

static bool all_has_happened(void)
{
	return made && refused && extended && deleted && dead && verified;
}

int main(int argc, char **argv)
{
	static struct now now;
	struct statvfs before, after;
	struct disk store;
	uint64_t i, b, n, rounds;
	unsigned int d;

	if (argc < 6 || argc > 5 + DISKS_MAX) {
		fputs("stores SEED OPERATIONS DIR STORE DISK...\n", stderr);
		return EXIT_USAGE;
	}
	chance = number(argv[1]);
	n = number(argv[2]);
	dir = argv[3];
	buf = aligned(AT_ONCE * BLOCK);
	if (nl_open(&nl))
		die("the module is not loaded");
	disk_open(&store, argv[4], O_RDONLY);
	disk_close(&store);
	for (d = 0; d + 5 < (unsigned int)argc; d++) {
		disk_open(&disk[d], argv[5 + d], O_RDWR | O_DIRECT);
		written[d] = xcalloc(disk[d].size / BLOCK, sizeof(**written));
		for (b = 0; b < disk[d].size / BLOCK; b++) {
			fill_block(buf + b % AT_ONCE * BLOCK, d, b);
			if (b % AT_ONCE == AT_ONCE - 1 &&
			    write_at(disk[d].fd, buf, AT_ONCE * BLOCK, (b - AT_ONCE + 1) * BLOCK))
				die("%s cannot be written", argv[5 + d]);
		}
	}
	disks = d;
	sync();
	if (statvfs(dir, &before))
		die("%s: %s", dir, strerror(errno));
	/* by chance something may be late to happen; without it nothing would be proved */
	for (i = 0; i < n || (i < 20 * n && !all_has_happened()); i++) {
		operate(&now, store.dev);
		settled(&now, "an operation");
		forget(&now);
		for (b = 0; b < now.snaps; b++) {
			if (now.snap[b].live)
				verify_some(&now.snap[b]);
			else
				dead++;
		}
	}
	rounds = i;
	for (b = 0; b < now.sets; b++)
		set_delete(&nl, now.set[b].id, true);
	if (settled(&now, "the end"))
		die("space is left in stores that nobody uses");
	for (i = 0; i < 600; i++) {
		sync();
		statvfs(dir, &after);
		if (after.f_bfree == before.f_bfree && !counters_alive())
			break;
		sleep_ms(100);
	}
	if (i == 600)
		die("%s had %llu free blocks and has %llu; %ld objects are left", dir,
		    (unsigned long long)before.f_bfree, (unsigned long long)after.f_bfree,
		    counters_alive());
	printf("operations %llu sets %u refused %u extended %u deleted %u dead %u verified %u\n",
	       (unsigned long long)rounds, made, refused, extended, deleted, dead, verified);
	if (!all_has_happened())
		die("that has proved nothing");
	return EXIT_PASS;
}
