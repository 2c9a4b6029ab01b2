#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A member that dies before its set is committed, since its store stalls for another set:
# the take fails with that reason, and an older snapshot of the same device is not touched.
# It would look through the dead one, which lets every write pass, and show newer data.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 24M --disk 16M --disk 32M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" a
fill "$SCRATCH1" b
take --store-limit 32M "$SCRATCH0"
old=${SNAP[0]} old_image=${IMAGE[0]}
hanging store "$SCRATCH2"
take --store /dev/mapper/store --stall-timeout 1000 "$SCRATCH1"
other=${SNAP[0]}
id=$(snapraw room "$SET" | awk '{ print $2 }')

# the set with the same store stands still between its engines and its instant
fault 'sync 1 1 100000 0'
snapraw take --keep --share "$id" "$SCRATCH0" >second.out 2>&1 &
second=$!
wait_for 60 fault_hit sync || fail "the take has not come to its sync"
hang store
blk churn "$SCRATCH1" b --engine aio --depth 4 --writes 20 --max 16K >churn.out &
churn=$!
wait_for 60 dead "$other" || fail "the store hangs and nothing dies"
let_go store
must wait $churn
fault go
wait $second && fail "a set with a dead member was made: $(cat second.out)"
grep -q '^code E_UNEXPECTED_PROVIDER_ERROR .* text .*the store completed no write' second.out ||
	fail "not refused, or for another reason: $(cat second.out)"
fault off

must blk churn "$SCRATCH0" a --engine aio --depth 4 --cover --min 4K --max 64K >churn.out
dead "$old" && fail "the older snapshot is lost: $(snapraw snap "$old")"
must blk verify "$old_image" a.then
finish
