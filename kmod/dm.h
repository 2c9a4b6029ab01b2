/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dm.h - device-mapper keeps bios that no statistics show (dm-delay does not
 * account what it delays). It knows them itself: a suspend waits for them.
 */
#ifndef SNAPSET_DM_H
#define SNAPSET_DM_H

struct gendisk;

bool snapset_dm_is(const struct gendisk *disk);

/*
 * Returns when every bio that @disk's device had taken has completed; new ones
 * wait inside of it meanwhile. As LVM does when it takes a snapshot. Sleeps,
 * uninterruptibly and as long as the slowest bio takes; reads of the device wait
 * as well, and REQ_NOWAIT gets EAGAIN meanwhile.
 *
 * A thin volume of a full pool keeps writes until the pool has grown, and nothing counts
 * them. A suspend would wait for them, and the pool, which is suspended to grow, for that.
 * With @noflush it gives them back: they come by the hook again when it is resumed, and find
 * the gate closed. But other targets do much in such a suspend (cache, raid, integrity), or
 * fail what they keep (multipath with bios): so only one that is known to be thin.
 */
int snapset_dm_drain(const struct gendisk *disk, bool noflush);

#endif
