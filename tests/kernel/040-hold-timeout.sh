#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A member that does not drain, because the disk below is suspended: the set fails
# at its deadline, says which member it was, and every writer goes on, on the
# other member at once and on this one when it is resumed, without an error.
#
# vm: --smp 2 --mem 1G --disk 32M --disk 32M --timeout 120
. "$(dirname "$0")/lib.sh"

load
fill "$SCRATCH0" a
fill "$SCRATCH1" b
dm stuck "0 $(sectors "$SCRATCH0") linear $SCRATCH0 0"
must dmsetup suspend --nolockfs --noflush stuck
on_exit dmsetup resume stuck

blk churn /dev/mapper/stuck a --engine direct --threads 4 --seconds 4 >churn-a.out &
a=$!
blk churn "$SCRATCH1" b --engine aio --depth 4 --seconds 4 >churn-b.out &
b=$!
sleep 0.5
refused E_HOLD_WRITES_TIMEOUT --hold-timeout 800 /dev/mapper/stuck "$SCRATCH1"
took=$(awk '{ print $4 }' take)
if [ "$took" -lt 750 ] || [ "$took" -gt 2500 ]; then
	fail "gave up after $took ms instead of 800"
fi
stuck=$(basename "$(readlink -f /dev/mapper/stuck)")
grep -Eq "$stuck|stuck" take || fail "does not name $stuck: $(cat take)"

# nothing is held now: this write is to the other member
must blk put "$SCRATCH1" b.then 0 4K >put.out
[ "$(cat put.out)" -lt 1000 ] || fail "a write to the other member took $(cat put.out) ms after the end"
must wait $b
slowest=$(awk '{ print $8 }' churn-b.out)
[ "$slowest" -lt 3000 ] || fail "a writer of the other member waited for $slowest ms"
must dmsetup resume stuck
must wait $a
must blk verify /dev/mapper/stuck a
[ "$(awk '{ print $2 }' churn-b.out)" -gt 20 ] || fail "the other member's writer hardly wrote: $(cat churn-b)"

take /dev/mapper/stuck "$SCRATCH1"
must blk verify "${IMAGE[0]}" a
finish
