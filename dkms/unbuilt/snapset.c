// SPDX-License-Identifier: GPL-2.0-only
/* In the place of snapset on a kernel that it does not build for: dkms/build says why. */
#include <linux/module.h>

static int __init snapset_init(void)
{
	pr_err("snapset: it could not be built for this kernel; /var/lib/dkms/snapset has the compiler's words\n");
	pr_err("snapset: to try again: dkms build --force snapset/" UNBUILT_VERSION " && dkms install --force snapset/" UNBUILT_VERSION "\n");
	return -ENOEXEC;
}
module_init(snapset_init);

MODULE_DESCRIPTION("In the place of snapset, which does not build for this kernel");
MODULE_LICENSE("GPL");
MODULE_INFO(unbuilt, "yes");
