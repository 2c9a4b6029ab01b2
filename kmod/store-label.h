/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store-label.h - what a device that is a store has at its ends, so that it is known for
 * what it is, and where no old data may lie, so that it looks like nothing else.
 */
#ifndef SNAPSET_STORE_LABEL_H
#define SNAPSET_STORE_LABEL_H

#include <linux/types.h>
#include "control.h"

struct block_device;
struct snapset_store;

/* Granules that a device must have; with less there is no room for any but these. */
#define SNAPSET_LABELLED_LEAST	(2 * SNAPSET_END_GRANULES + 16)
#define SNAPSET_END_GRANULES	(1U << (20 - SNAPSET_GRANULE_SHIFT))	/* an MiB at each end */

/*
 * Writes the ends of a device of so many whole granules, and what it had in the page cache
 * of them is forgotten. Process context; waits for the device. -ENOMEM, -EIO and others.
 */
int snapset_store_label(struct block_device *bdev, u64 granules, const snapset_id *set);

/* These places are never handed out. Process context; nothing has been taken yet. */
void snapset_store_fence_labels(struct snapset_store *store);

#endif
