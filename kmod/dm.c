// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-mod is a module of its own; whoever has no dm device need not load it for
 * us. So its functions are looked up when a dm device is there, and then it is.
 */
#include <linux/blkdev.h>
#include <linux/device-mapper.h>
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/string.h>
#include "dm.h"

/*
 * Exported for dm's own targets, declared in drivers/md/dm.h only; looked at in
 * 5.10, 6.1, 6.12 and 7.3. Look again before another kernel is added.
 */
void dm_internal_suspend_fast(struct mapped_device *md);
void dm_internal_resume_fast(struct mapped_device *md);
void dm_internal_suspend_noflush(struct mapped_device *md);
void dm_internal_resume(struct mapped_device *md);

bool snapset_dm_is(const struct gendisk *disk)
{
	return str_has_prefix(disk->disk_name, "dm-");
}

int snapset_dm_drain(const struct gendisk *disk, bool noflush)
{
	typeof(dm_internal_suspend_fast) *suspend = symbol_get(dm_internal_suspend_fast);
	typeof(dm_internal_resume_fast) *resume = symbol_get(dm_internal_resume_fast);
	typeof(dm_internal_suspend_noflush) *suspend_noflush =
		symbol_get(dm_internal_suspend_noflush);
	typeof(dm_internal_resume) *resume_noflush = symbol_get(dm_internal_resume);
	typeof(dm_get_md) *get = symbol_get(dm_get_md);
	typeof(dm_put) *put = symbol_get(dm_put);
	struct mapped_device *md;
	int err = -EOPNOTSUPP;

	if (!suspend || !resume || !suspend_noflush || !resume_noflush || !get || !put)
		goto out;
	md = get(disk_devt((struct gendisk *)disk));
	err = -ENXIO;
	if (!md)
		goto out;
	if (noflush) {
		suspend_noflush(md);
		resume_noflush(md);
	} else {
		suspend(md);
		resume(md);
	}
	put(md);
	err = 0;
out:
	if (put)
		symbol_put(dm_put);
	if (get)
		symbol_put(dm_get_md);
	if (resume_noflush)
		symbol_put(dm_internal_resume);
	if (suspend_noflush)
		symbol_put(dm_internal_suspend_noflush);
	if (resume)
		symbol_put(dm_internal_resume_fast);
	if (suspend)
		symbol_put(dm_internal_suspend_fast);
	return err;
}
