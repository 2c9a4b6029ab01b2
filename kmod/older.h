/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * older.h - writes that are older than the hook, or than the member's tracking:
 * nobody counted them, but the image must not change when they land.
 *
 * A mounted file system is no concern: its freeze waits for every write it ever
 * sent. For others the device is asked, each kind in its own way.
 */
#ifndef SNAPSET_OLDER_H
#define SNAPSET_OLDER_H

struct snapset_origin;
struct snapset_set;

/*
 * Sees out what can be seen out before anything is held. False: the set is lost
 * (HOLD_WRITES_TIMEOUT after hold_timeout, with a sentence). Take worker.
 */
bool snapset_older_drain(struct snapset_set *set);

/*
 * What is left for the hold, gates closed: bio-based drivers, which only tell how
 * many writes they have. Take worker.
 */
bool snapset_older_inflight(struct snapset_origin *origin);

/*
 * And when nothing of that is left: device-mapper, which may keep bios that it
 * counts nowhere. False: the set is lost. Take worker, holding.
 */
bool snapset_older_ask(struct snapset_set *set);

#endif
