#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The owner's death deletes its auto-release snapshots, also when it is killed, and
# leaves those that are to stay.
#
# about: release
# vm: --smp 1 --mem 1G --disk 32M --disk 32M --disk 32M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
take "$SCRATCH0"
kept=${SNAP[0]} kept_image=${IMAGE[0]}

for how in KILL TERM; do
	rm -f out	# the last round's: it is made anew only when that program has begun
	snapraw take --stay "$SCRATCH1" "$SCRATCH2" >out </dev/zero &
	owner=$!
	wait_for 60 grep -q ready out || fail "no set: $(cat out)"
	taken out
	must test -b "${IMAGE[0]}"
	[ "$(snapraw sets)" = 2 ] || fail "$(snapraw sets) sets"
	kill -$how $owner
	wait $owner 2>/dev/null
	wait_for 60 test ! -e "${IMAGE[0]}" || fail "$how: the image outlives its owner"
	must_not snapraw snap "${SNAP[1]}"
	[ "$(snapraw sets)" = 1 ] || fail "$how: $(snapraw sets) sets are left"
done
must blk churn "$SCRATCH0" model --writes 50 >churn.out
must blk verify "$kept_image" model.then
must snapraw snap "$kept" >snap.out
grep -q '^live' snap.out || fail "$(cat snap.out)"
finish
