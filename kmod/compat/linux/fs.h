/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Freezing a superblock in the name of the kernel, where the kernel knows the
 * difference: then a root "fsfreeze -u" cannot thaw what we froze. Removing a file.
 */
#ifndef SNAPSET_COMPAT_FS_H
#define SNAPSET_COMPAT_FS_H

#include_next <linux/fs.h>
#include <linux/dcache.h>
#include <linux/mount.h>
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

/* The name by which it was opened goes, if it still is the file's. Sleeps. */
static inline void snapset_file_remove(struct file *file)
{
	/* one more than the file has, or the name would take the inode along */
	struct dentry *dentry = dget(file->f_path.dentry), *dir = dget_parent(dentry);

	if (mnt_want_write(file->f_path.mnt))
		goto put;
	inode_lock_nested(d_inode(dir), I_MUTEX_PARENT);
	if (dentry->d_parent == dir && !d_unhashed(dentry) && !IS_ROOT(dentry))
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 12, 0)	/* user namespace: 5.12 */
		vfs_unlink(d_inode(dir), dentry, NULL);
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)	/* struct mnt_idmap: 6.3 */
		vfs_unlink(mnt_user_ns(file->f_path.mnt), d_inode(dir), dentry, NULL);
#else
		vfs_unlink(mnt_idmap(file->f_path.mnt), d_inode(dir), dentry, NULL);
#endif
	inode_unlock(d_inode(dir));
	mnt_drop_write(file->f_path.mnt);
put:
	dput(dir);
	dput(dentry);
}

#endif
