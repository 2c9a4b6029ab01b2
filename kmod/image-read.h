/* SPDX-License-Identifier: GPL-2.0-only */
/* image-read.h - one bio to an image; private to the image's files. */
#ifndef SNAPSET_IMAGE_READ_H
#define SNAPSET_IMAGE_READ_H

struct bio;
struct snapset_cow;

/* Answers @bio, now or later; gives back the caller's snapset_cow_get(). */
void snapset_image_read(struct snapset_cow *cow, struct bio *bio);

int snapset_image_read_init(void);
void snapset_image_read_exit(void);

#endif
