#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A store write fails when its snapshot has left the chain already: the older snapshot
# has been given the place in the store, and answers EIO there, never with what lay in
# the store before. As long as the data is in RAM it is right.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 16M --disk 16M
. "$(dirname "$0")/../lib.sh"

load
may_hang
fill "$SCRATCH0" a
must blk fill "$SCRATCH1" junk 77
take --store-limit 20M "$SCRATCH0"
old=${SNAP[0]} old_image=${IMAGE[0]}
size=$(sectors "$SCRATCH1")
dm store "0 $size linear $SCRATCH1 0"
on_exit dmsetup resume store
take --store /dev/mapper/store --stall-timeout 60000 "$SCRATCH0"
new=$SET
must dmsetup suspend --nolockfs --noflush store
must blk churn "$SCRATCH0" a --engine aio --depth 4 --from 0 --len 4M --cover --min 4K --max 64K >churn.out
# once it is in nobody's chain; the deletion itself waits for the store
fault on
snapraw delete --force "$new" &
delete=$!
left() { grep -q '^point leave ' "$FAULTS"; }
wait_for 60 left || fail "the snapshot does not leave"
must blk verify "$old_image" a.then
dead "$old" && fail "lost too early: $(snapraw snap "$old")"

echo "0 $size error" | must dmsetup load store
must dmsetup resume store
wait_for 60 dead "$old" || fail "a write to the store failed, and what relies on it lives: $(snapraw snap "$old")"
must dmsetup suspend --nolockfs store
echo "0 $size linear $SCRATCH1 0" | must dmsetup load store
must dmsetup resume store
must wait $delete
snapraw snap "$old" | grep -q 'text .*a newer one is lost: a write to the store failed' ||
	fail "dead for another reason: $(snapraw snap "$old")"
must blk eio "$old_image"
must blk verify "$SCRATCH0" a
fault off
finish
