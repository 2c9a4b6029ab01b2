#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A machine that hibernates forgets what was kept while its memory was written: its snapshots
# die before that, a set in the making is aborted, and none is made until it is over.
# /dev/snapshot, by which user space hibernates, tells so when it is opened and closed.
#
# row dead E_UNEXPECTED_PROVIDER_ERROR - "the machine hibernates" "the machine hibernates: its memory is written past the snapshots"
# row status E_PROVIDER_VETO - "the machine hibernates" "the machine hibernates*"
#
# about: interface
# vm: --smp 2 --mem 1G --disk 16M --disk 16M
. "$(dirname "$0")/../lib.sh"

[ -c /dev/snapshot ] || skip "this kernel does not hibernate"
load
fill "$SCRATCH0" a

take "$SCRATCH0"
one=$SET snap_one=${SNAP[0]} image_one=${IMAGE[0]}
must blk verify "$image_one" a

# one in the making stands there
fault "prepare 1 1 60000 0"
snapraw take --keep "$SCRATCH1" >made.out 2>&1 &
made=$!
prepares() { [ "$(fault_hits prepare)" -ge 1 ]; }
wait_for 60 prepares || fail "no set in the making: $(cat made.out)"

exec 9</dev/snapshot
fault go
wait $made && fail "a set was made: $(cat made.out)"
grep -q 'code E_PROVIDER_VETO .*the machine hibernates' made.out || fail "not for that: $(cat made.out)"
dead "$snap_one" || fail "it lives: $(snapraw snap "$snap_one")"
snapraw snap "$snap_one" | grep -q 'code E_UNEXPECTED_PROVIDER_ERROR .*the machine hibernates' ||
	fail "dead for another reason: $(snapraw snap "$snap_one")"
must blk eio "$image_one"
refused EBUSY "$SCRATCH0"
exec 9<&-

must snapraw delete "$one"
take "$SCRATCH0"
must blk verify "${IMAGE[0]}" a
must snapraw delete "$SET"
finish
