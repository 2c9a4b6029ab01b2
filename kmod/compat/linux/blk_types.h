/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SNAPSET_COMPAT_BLK_TYPES_H
#define SNAPSET_COMPAT_BLK_TYPES_H

#include_next <linux/blk_types.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 0, 0)	/* blk_opf_t: 6.0 */
#define blk_opf_t unsigned int
#endif

#endif
