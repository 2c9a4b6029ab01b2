/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SNAPSET_COMPAT_BLK_CGROUP_H
#define SNAPSET_COMPAT_BLK_CGROUP_H

#include_next <linux/blk-cgroup.h>
#include <linux/bio.h>

/* Whoever submits it: it is the kernel's own I/O, as if a worker had sent it. */
static inline void snapset_bio_charge_root(struct bio *bio)
{
#ifdef CONFIG_BLK_CGROUP	/* without it the root is no object */
	bio_associate_blkg_from_css(bio, blkcg_root_css);
#endif
}

#endif
