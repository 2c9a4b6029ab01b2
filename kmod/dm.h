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
 */
int snapset_dm_drain(const struct gendisk *disk);

#endif
