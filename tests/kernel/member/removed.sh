#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A member that is pulled out while it has a snapshot: at the next look at it the snapshot
# dies and says why, and its image answers EIO everywhere, also where it had kept data;
# the other member's image stays right. Then all can be deleted.
#
# about: interface
# vm: --smp 1 --mem 1G --disk 32M
. "$(dirname "$0")/../lib.sh"

load
null_disk pulled size=16 memory_backed=1
fill "$SCRATCH0" model
take "$NULL_DISK" "$SCRATCH0"
must blk churn "$SCRATCH0" model --engine direct --cover >churn.out
dd if=/dev/zero of="$NULL_DISK" bs=64k count=64 oflag=direct status=none || fail "the disk cannot be written"
echo 0 >/sys/kernel/config/nullb/pulled/power || fail "the disk cannot be pulled out"
# that it has gone is seen by who needs it next: a read of what was not kept
seen() { ! dd if="${IMAGE[0]}" of=/dev/null bs=64k iflag=direct status=none && dead "${SNAP[0]}"; }
wait_for 60 seen || fail "the snapshot lives: $(snapraw snap "${SNAP[0]}")"
snapraw snap "${SNAP[0]}" | grep -Eq '^dead .* text [^ ]+ [^ ]+' || fail "no reason: $(snapraw snap "${SNAP[0]}")"
note "$(snapraw snap "${SNAP[0]}")"
must blk eio "${IMAGE[0]}"
must blk verify "${IMAGE[1]}" model.then
finish
