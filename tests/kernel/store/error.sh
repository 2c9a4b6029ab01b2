#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# When the store fails the snapshot dies and answers EIO, also where it had kept data
# or nothing was ever written, and so does an older one of the disk, whose own store is
# well; the origin does not fail one write.
#
# row dead E_UNEXPECTED_PROVIDER_ERROR - "a write to the store fails" "a write to the store failed*"
#
# about: interface
# vm: --smp 1 --mem 1G --disk 16M --disk 24M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
size=$(sectors "$SCRATCH1")
dm store "0 $size linear $SCRATCH1 0"
take "$SCRATCH0"
older=$SET older_snap=${SNAP[0]} older_image=${IMAGE[0]}
take --store /dev/mapper/store "$SCRATCH0"
must blk churn "$SCRATCH0" model --engine aio --depth 8 --writes 100 --max 64K >churn.out
must blk verify "${IMAGE[0]}" model.then
must blk verify "$older_image" model.then

must dmsetup suspend --nolockfs store
echo "0 $size error" | must dmsetup load store
must dmsetup resume store
must blk churn "$SCRATCH0" model --engine aio --depth 8 --threads 2 --cover --min 4K --max 256K >churn.out
must blk verify "$SCRATCH0" model
for one in "${SNAP[0]}" "$older_snap"; do
	wait_for 60 dead "$one" || fail "not dead: $(snapraw snap "$one")"
done
must blk eio "${IMAGE[0]}"
must blk eio "$older_image"
must snapraw delete "$SET"
must blk eio "$older_image"
must snapraw delete "$older"
finish
