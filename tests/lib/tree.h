/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A /sys with the block devices of the tests, in a temporary directory:
 *
 *	vda 8:0 with partitions vda1 8:1, vda2 8:2
 *	dm-0 253:0 on vda2, dm-1 253:1 on dm-0 (like LVM on crypt)
 *	vdb 8:16 with vdb1 8:17, leg of md0 9:0 with partition md0p1 259:0; vdc 8:32, the other leg
 *	loop0 7:0 with a file on a device given by the test; loop1 7:1 with the device loop0
 *	snapset0 250:0, an image; dm-2 253:2 on it
 *	vdd 8:48, alone
 *
 * each of 16 MiB, and an empty table of mounts, where a store would look for its place.
 */
#ifndef SNAPSET_TESTS_TREE_H
#define SNAPSET_TESTS_TREE_H

/* Makes it and points the library at it; -1 if it cannot. */
int tree_setup(void **state);
int tree_teardown(void **state);
/* A file in the root of the tree. */
void tree_write(const char *path, const char *text);
const char *tree_root(void);

#endif
