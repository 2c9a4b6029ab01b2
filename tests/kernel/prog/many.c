// SPDX-License-Identifier: GPL-2.0-only
/*
 * many: as many snapshots of one disk as asked for, all right.
 *
 * After each take one granule is written that nobody has written before. So the image
 * of take j must show what was written after the takes before it, and not what was
 * written later, of which it has kept the first itself and each newer one another.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pat.h"
#include "set.h"
#include "util.h"

#define GRANULE	4096u
#define ID	0x3a9e
#define LOOKS	12		/* granules that are looked at in an image */

struct one {
	uint8_t		id[SNAPSET_ID_LEN];
	char		image[32];
	unsigned int	no;
};

static struct disk disk;
static unsigned int all;
static uint64_t granules, chance = 1;
static char *buf;
static unsigned int told;
static unsigned long reads;

/* Where the write after take @i goes: all different, and not in order. */
static uint64_t place(unsigned int i)
{
	return (uint64_t)i * (granules / all) / 2 + (i % 2 ? granules / 2 : 0);
}

static void put(uint64_t granule, uint32_t seq)
{
	int err;

	pat_make(buf, ID, granule * (GRANULE / SECTOR), GRANULE / SECTOR, seq);
	err = write_at(disk.fd, buf, GRANULE, granule * GRANULE);
	if (err)
		die("THE ORIGIN FAILED: %s", strerror(-err));
}

static void take(struct one *one, unsigned int no)
{
	struct set_options o = { .attrs = SNAPSET_ATTR_NO_AUTO_RELEASE };
	static struct set s;
	int err = set_open(&s);

	if (err)
		die("opening a session: %s %s", strerror(-err), s.nl.text);
	set_take(&s, &o, &disk.dev, 1, NULL, 0);
	memcpy(one->id, s.snap[0].id, sizeof(one->id));
	snprintf(one->image, sizeof(one->image), "%s", s.snap[0].image);
	one->no = no;
	set_close(&s);
}

static uint64_t check(const struct one *one)
{
	uint32_t model[GRANULE / SECTOR];
	unsigned int i, n, s;
	uint64_t bad = 0;
	struct disk d;
	int err;

	disk_open(&d, one->image, O_RDONLY | O_DIRECT);
	for (n = 0; n < LOOKS; n++) {
		switch (n) {
		case 0: i = one->no; break;		/* kept by itself */
		case 1: i = one->no ? one->no - 1 : 0; break;	/* the last that it shows */
		case 2: i = all - 1; break;		/* kept by the newest */
		default: i = rnd_below(&chance, all);
		}
		for (s = 0; s < ARRAY_SIZE(model); s++)
			model[s] = i < one->no ? i + 2 : 1;
		err = read_at(d.fd, buf, GRANULE, place(i) * GRANULE);
		if (err)
			die("reading %s of take %u: %s", one->image, one->no, strerror(-err));
		bad += pat_check(one->image, buf, ID, place(i) * (GRANULE / SECTOR),
				 GRANULE / SECTOR, model, &told);
		reads++;
	}
	disk_close(&d);
	return bad;
}

static void drop(struct nl *nl, const struct one *one)
{
	uint64_t end = now_ns() + 60000000000ull;
	int err;

	/* udev looks into each new image for a moment */
	while ((err = snap_delete(nl, one->id, false)) == -EBUSY && now_ns() < end)
		sleep_ms(2);
	if (err)
		die("deleting %s: %s %s", one->image, strerror(-err), nl->text);
}

int main(int argc, char **argv)
{
	uint64_t bad = 0, begun = now_ns(), made, looked;
	struct one *one;
	struct nl nl;
	unsigned int i, n;
	int err;

	if (argc != 4) {
		fputs("many N DISK COMMAND	runs COMMAND while all are there\n", stderr);
		return EXIT_USAGE;
	}
	all = number(argv[1]);
	disk_open(&disk, argv[2], O_RDWR | O_DIRECT);
	granules = disk.size / GRANULE;
	if (!all || granules < 2 * all)
		die("%s is too small", argv[2]);
	one = xcalloc(all, sizeof(*one));
	buf = aligned(GRANULE);
	for (i = 0; i < all; i++)
		put(place(i), 1);
	err = nl_open(&nl);
	if (err)
		die("no netlink family: %s", strerror(-err));

	for (i = 0; i < all; i++) {
		take(&one[i], i);
		put(place(i), i + 2);
	}
	made = now_ns();
	for (i = 0; i < all; i++)
		bad += check(&one[i]);
	looked = now_ns();
	if (system(argv[3]))
		die("%s fails", argv[3]);
	for (n = all; n; n--) {
		i = rnd_below(&chance, n);
		drop(&nl, &one[i]);
		one[i] = one[n - 1];
		for (i = 0; n > 1 && i < 2; i++)
			bad += check(&one[rnd_below(&chance, n - 1)]);
	}
	printf("snapshots %u taken in %llu ms, looked at in %llu, deleted in %llu; reads %lu wrong-sectors %llu\n",
	       all, (unsigned long long)(made - begun) / 1000000,
	       (unsigned long long)(looked - made) / 1000000,
	       (unsigned long long)(now_ns() - looked) / 1000000, reads,
	       (unsigned long long)bad);
	return bad ? EXIT_REFUSED : EXIT_PASS;
}
