/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SNAPSET_COMPAT_BLK_CGROUP_H
#define SNAPSET_COMPAT_BLK_CGROUP_H

#include_next <linux/blk-cgroup.h>
#include <linux/bio.h>
#include <linux/version.h>

/* Whoever submits it: it is the kernel's own I/O, as if a worker had sent it. */
static inline void snapset_bio_charge_root(struct bio *bio)
{
#ifdef CONFIG_BLK_CGROUP	/* without it the root is no object */
	bio_associate_blkg_from_css(bio, blkcg_root_css);
#endif
}

/* The cgroup that it is charged to, to be compared only; NULL: none, or the root. */
static inline const void *snapset_bio_cgroup(struct bio *bio)
{
#ifndef CONFIG_BLK_CGROUP
	return NULL;
#elif LINUX_VERSION_CODE < KERNEL_VERSION(5, 18, 0)
	return bio_blkcg(bio) == &blkcg_root ? NULL : bio_blkcg(bio);
#else
	const struct cgroup_subsys_state *css = bio_blkcg_css(bio);

	return css == blkcg_root_css ? NULL : css;
#endif
}

#endif
