/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pin.h - files whose blocks are ours: no write, truncation, renaming, removal,
 * reflink, defragmentation or balance until they are given back.
 *
 * Where a file's blocks lie is asked of its file system, in the way that swap space is:
 * that refuses holes, shared and compressed extents, and whatever else would let them move.
 * User space is not believed. The first and the last block of a file hold a label, which
 * must be there when the disk is read: so a mapping that is not what it seems is found
 * out before anything is written.
 */
#ifndef SNAPSET_PIN_H
#define SNAPSET_PIN_H

#include <linux/types.h>
#include "range.h"

struct file;
struct gendisk;
struct netlink_ext_ack;
struct snapset_extent;

#define SNAPSET_PIN_FILES	64	/* at once */

struct snapset_pins;

/* What is to be pinned; each file is a reference. */
struct snapset_files {
	unsigned int nr;
	bool keep;		/* they are not removed when they are unpinned */
	struct file *file[SNAPSET_PIN_FILES];
};

/* Lets go of the files and frees what held them. NULL is fine. Process context. */
void snapset_files_put(struct snapset_files *files);
/*
 * Takes over the files, of which none may be frozen. Each waits for its file system.
 * ERR_PTR(): with a sentence, and they have been let go of. Process context, no locks.
 */
struct snapset_pins *snapset_pin(struct snapset_files *files,
				 struct netlink_ext_ack *extack);
/* Their extents, those of one file behind one another; of file @i. */
const struct snapset_extent *snapset_pin_extents(const struct snapset_pins *pins,
						 unsigned int i, unsigned int *nr);
unsigned int snapset_pin_count(const struct snapset_pins *pins);
/* Bytes: the largest of their devices'. */
unsigned int snapset_pins_block_size(const struct snapset_pins *pins);
/* Do they lie on these sectors? */
bool snapset_pins_share(const struct snapset_pins *pins, const struct gendisk *disk,
			struct snapset_range range);
/* What the first one is called; "" if that is too long. */
void snapset_pin_name(const struct snapset_pins *pins, char *name, size_t size);
/* @more's are @pins' from now on; together they are not too many. */
void snapset_pins_join(struct snapset_pins *pins, struct snapset_pins *more);
/*
 * Gives them back soon, and removes them, but for @refused, when they are their owner's to
 * look at or to try again with: a frozen file system makes that wait. NULL is fine.
 */
void snapset_unpin(struct snapset_pins *pins, bool refused);
/* Until what was to be unpinned is, or for some seconds. Process context, no locks. */
void snapset_unpin_wait(void);

int snapset_pin_init(void);
void snapset_pin_exit(void);

#endif
