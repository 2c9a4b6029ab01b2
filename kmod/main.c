// SPDX-License-Identifier: GPL-2.0-only
/* Module init and exit; nothing else. */
#include <linux/module.h>
#include <net/genetlink.h>
#include <uapi/linux/snapset.h>
#include "above.h"
#include "bypass.h"
#include "counters.h"
#include "cow.h"
#include "freeze.h"
#include "hibernate.h"
#include "hook.h"
#include "image.h"
#include "job.h"
#include "netlink.h"
#include "origin.h"
#include "pin.h"
#include "range.h"
#include "set.h"
#include "track.h"

/* At the commit spinlocks are taken with preemption off, where on PREEMPT_RT they sleep. */
#ifdef CONFIG_PREEMPT_RT
#error "snapset is not for kernels with PREEMPT_RT: see Documentation/porting.rst"
#endif

static int __init snapset_init(void)
{
	int err;

	BUILD_BUG_ON(PAGE_SIZE != SNAPSET_GRANULE_SIZE);	/* a granule is a page */
	err = snapset_counters_init();
	if (err)
		return err;
	err = snapset_origin_init();
	if (err)
		goto exit_counters;
	err = snapset_track_init();
	if (err)
		goto exit_origin;
	err = snapset_pin_init();
	if (err)
		goto exit_track;
	err = snapset_job_init();
	if (err)
		goto exit_pin;
	err = snapset_cow_init();
	if (err)
		goto exit_job;
	err = snapset_image_init();
	if (err)
		goto exit_cow;
	err = snapset_freeze_init();
	if (err)
		goto exit_image;
	err = snapset_set_init();
	if (err)
		goto exit_freeze;
	err = snapset_hibernate_init();
	if (err)
		goto exit_set;
	/* last: from here on we may be asked */
	err = snapset_netlink_init();
	if (err)
		goto exit_hibernate;
	return 0;

exit_hibernate:
	snapset_hibernate_exit();
exit_set:
	snapset_set_exit();
exit_freeze:
	snapset_freeze_exit();
exit_image:
	snapset_image_exit();
exit_cow:
	snapset_cow_exit();
exit_job:
	snapset_job_exit();
exit_pin:
	snapset_pin_exit();
exit_track:
	snapset_track_exit();
exit_origin:
	snapset_origin_exit();
exit_counters:
	snapset_counters_exit();
	return err;
}

static void __exit snapset_exit(void)
{
	snapset_netlink_exit();
	snapset_hibernate_exit();
	snapset_set_exit();
	snapset_freeze_exit();
	snapset_bypass_exit();
	snapset_above_exit();
	snapset_hook_exit();
	snapset_origin_exit();
	snapset_track_exit();
	snapset_image_exit();
	snapset_cow_exit();
	snapset_job_exit();
	snapset_pin_exit();
	snapset_counters_exit();
}

module_init(snapset_init);
module_exit(snapset_exit);

MODULE_DESCRIPTION("Snapshots of several block devices at one instant");
MODULE_LICENSE("GPL");
MODULE_VERSION(SNAPSET_VERSION);
/* to look the family up loads the module */
MODULE_ALIAS_GENL_FAMILY(SNAPSET_GENL_NAME);
