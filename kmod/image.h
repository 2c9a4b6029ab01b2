/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image.h - the read side: /dev/snapsetN shows an origin as it was.
 *
 * A read is cut into runs: kept ones come from RAM or the store, the others from the
 * origin, and are looked at once more when they have come (image-read.c). A dead
 * engine answers EIO, whatever had been read until then.
 */
#ifndef SNAPSET_IMAGE_H
#define SNAPSET_IMAGE_H

#include "control.h"

struct gendisk;
struct snapset_cow;
struct snapset_image;

/* What the image shows about itself in sysfs; copied. */
struct snapset_image_label {
	snapset_id id, set_id;
	char name[SNAPSET_NAME_MAX + 1];
};

/* Makes the disk, invisible yet. Process context. */
struct snapset_image *snapset_image_new(struct snapset_cow *cow,
					unsigned int block_size,
					const struct snapset_image_label *label);
/* Shows it to the world. The engine is the origin's newest by now. */
int snapset_image_publish(struct snapset_image *image);
/* False: it is open, and nothing was done. With @force: then its reads fail. */
bool snapset_image_unpublish(struct snapset_image *image, bool force);
/* Takes an unpublish() back. */
void snapset_image_republish(struct snapset_image *image);
/* After unpublish, or never published. No read is in the engine afterwards but
 * those that still hold it by snapset_cow_get().
 */
void snapset_image_free(struct snapset_image *image);

u32 snapset_image_openers(const struct snapset_image *image);
dev_t snapset_image_dev(const struct snapset_image *image);
const char *snapset_image_name(const struct snapset_image *image);

/* Is this disk one of ours? */
bool snapset_image_is(const struct gendisk *disk);

int snapset_image_init(void);
void snapset_image_exit(void);

#endif
