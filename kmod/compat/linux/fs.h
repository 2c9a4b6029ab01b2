/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Freezing a superblock in the name of the kernel, where the kernel knows the
 * difference: then a root "fsfreeze -u" cannot thaw what we froze.
 */
#ifndef SNAPSET_COMPAT_FS_H
#define SNAPSET_COMPAT_FS_H

#include_next <linux/fs.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)	/* enum freeze_holder: 6.6 */
#define SNAPSET_FREEZE_ARGS(sb, owner) (sb)
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)	/* owner, FREEZE_EXCL: 6.16 */
#define SNAPSET_FREEZE_ARGS(sb, owner) (sb, FREEZE_HOLDER_KERNEL)
#else
#define SNAPSET_FREEZE_ARGS(sb, owner) (sb, FREEZE_HOLDER_KERNEL | FREEZE_EXCL, owner)
#endif

/* Sleeps, without a bound and uninterruptibly. */
static inline int snapset_sb_freeze(struct super_block *sb, const void *owner)
{
	if (sb->s_op->freeze_super)
		return sb->s_op->freeze_super SNAPSET_FREEZE_ARGS(sb, owner);
	return freeze_super SNAPSET_FREEZE_ARGS(sb, owner);
}

static inline int snapset_sb_thaw(struct super_block *sb, const void *owner)
{
	if (sb->s_op->thaw_super)
		return sb->s_op->thaw_super SNAPSET_FREEZE_ARGS(sb, owner);
	return thaw_super SNAPSET_FREEZE_ARGS(sb, owner);
}

#endif
