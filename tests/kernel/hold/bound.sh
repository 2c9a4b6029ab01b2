#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# While a write hangs below one part of a member, writes to its other part are not
# held longer than the hold may last, and none fails.
#
# about: interface
# vm: --smp 1 --mem 1G --disk 32M --disk 32M
. "$(dirname "$0")/../lib.sh"

written() { awk '{ print $5 }' "/sys/class/block/$(basename "$(readlink -f "$SCRATCH1")")/stat"; }

load
half=$(sectors "$SCRATCH0")
dm below "0 $half linear $SCRATCH0 0"
dm both "$(printf '%s\n' "0 $half linear $SCRATCH1 0" "$half $half linear /dev/mapper/below 0")"
fill /dev/mapper/both model
cp model stuck
must dmsetup suspend --nolockfs --noflush below
on_exit dmsetup resume below
blk put /dev/mapper/both stuck $((half * 512 + 65536)) 64K >put.out &
put=$!
must wait_for 60 waits_for_io $put

blk churn /dev/mapper/both model --engine direct --threads 2 --from 0 --len $((half * 512)) --seconds 3600 --noflush >churn.out &
churn=$!
begun=$(written)
has_begun() { [ "$(written)" -gt "$begun" ]; }
must wait_for 60 has_begun
refused E_HOLD_WRITES_TIMEOUT --hold-timeout 3000 /dev/mapper/both
begun=$(written)
wait_for 60 has_begun || fail "writers to the free half are still held: $(cat take)"
kill -TERM $churn
gone $put && fail "the write was over before: nothing is proved"
must wait $churn
slowest=$(awk '{ print $8 }' churn.out)
note "$(cat take); $(cat churn.out)"
held=$(held_ms take)
# the rest is for a machine that stands still for a moment
if [ "$held" -lt 2990 ] || [ "$held" -gt 4500 ]; then
	fail "held for $held ms instead of 3000"
fi
[ "$slowest" -lt $((held + 1500)) ] || fail "a writer to the free half waited for $slowest ms, the bound is 3000"
[ "$slowest" -ge 1500 ] || fail "nobody was held: nothing is proved"
must dmsetup resume below
must wait $put
finish
