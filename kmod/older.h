/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * older.h - writes that are older than the hook, or than the member's tracking: no gate
 * counted them, but the image must not change when they land.
 *
 * First each of them is seen into its device (passing.h), then the device is asked, each
 * kind in its own way, frozen file system or not: io-path.rst has the argument.
 */
#ifndef SNAPSET_OLDER_H
#define SNAPSET_OLDER_H

struct snapset_origin;
struct snapset_set;

/*
 * Sees out what can be seen out before anything is frozen or held. False: the set is lost
 * (FLUSH_WRITES_TIMEOUT at its deadline, or PROVIDER_VETO for a driver that tells
 * nothing). Take worker, PREPARING.
 */
bool snapset_older_drain(struct snapset_set *set);

/*
 * The same for the queues below the file systems that are frozen now. False: the set is
 * lost (FLUSH_WRITES_TIMEOUT at its deadline). Take worker, FREEZING.
 */
bool snapset_older_drain_frozen(struct snapset_set *set);

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
