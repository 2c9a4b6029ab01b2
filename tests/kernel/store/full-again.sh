#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A write that waits for room for one snapshot, while newer ones are made, must wait for the
# next when that one is deleted or lost: its bound is its own, and each image is right.
#
# about: engine
# vm: --smp 2 --mem 1G --disk 24M
. "$(dirname "$0")/../lib.sh"

load
count() { awk -v what="$1" '$1 == what { print $2 }' /sys/kernel/debug/snapset/counters; }
jobs_are() { [ "$(count job)" -ge "$1" ]; }
write() { # OFFSET LENGTH: a part of the disk, of the model, and kept
	must blk churn "$SCRATCH0" a --cover --from "$1" --len "$2" --min 4K --max 64K --depth 4 --engine aio >churn.out
}
zero() { dd if=/dev/zero of="$SCRATCH0" bs=64K count=1 seek=$((8 << 4)) oflag=direct conv=notrunc status=none; }
fill "$SCRATCH0" a

# the first goes: what two writes to one place destroy is kept for the second and the third
take --store-limit 4M --full wait --full-wait 60000 "$SCRATCH0"
one=$SET
write 0 4M
cp a a.then
zero &
first=$!
wait_for 60 jobs_are 1 || fail "the first write does not wait"
take --store-limit 8M "$SCRATCH0"
two=$SET image_two=${IMAGE[0]}
zero &
second=$!
wait_for 60 jobs_are 2 || fail "the second write does not wait for the first"
take --store-limit 8M "$SCRATCH0"
three=$SET image_three=${IMAGE[0]}
must snapraw delete "$one"
must wait $first
must wait $second
must blk verify "$image_two" a.then
must blk verify "$image_three" a.then
must snapraw delete "$two"
must snapraw delete "$three"
fill "$SCRATCH0" a

# the first is lost, and the second has no room, either: it has a moment, not all its time
take --store-limit 4M --full wait --full-wait 15000 "$SCRATCH0"
one=$SET snap_one=${SNAP[0]}
write 0 4M
zero &
first=$!
wait_for 60 jobs_are 1 || fail "the write does not wait"
take --store-limit 4M --full wait --full-wait 15000 "$SCRATCH0"
two=$SET snap_two=${SNAP[0]}
write 0 4M
jobs_are 1 || fail "the write did not wait for long enough"
dead "$snap_one" && fail "lost too soon: $(snapraw snap "$snap_one")"
wait_for 60 dead "$snap_one" || fail "not lost: $(snapraw snap "$snap_one")"
lost=$(date +%s%N)
must wait $first
waited=$((($(date +%s%N) - lost) / 1000000))
[ $waited -lt 8000 ] || fail "the write waited $waited ms more for the second"
snapraw snap "$snap_two" | grep -q "code E_INSUFFICIENT_STORAGE" || fail "the second lives: $(snapraw snap "$snap_two")"
must snapraw delete "$one"
must snapraw delete "$two"
finish
