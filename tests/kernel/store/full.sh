#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# When the store is full the snapshot dies, says so, and answers EIO everywhere; the
# origin does not fail one write.
#
# row dead E_INSUFFICIENT_STORAGE - "the store is full" "the store is full"
#
# about: engine
# vm: --smp 1 --mem 1G --disk 16M --disk 8M
. "$(dirname "$0")/../lib.sh"

load
for store in "--store-limit 8M" "--store $SCRATCH1"; do
	fill "$SCRATCH0" model
	rm -f events.out	# the last round's
	snapraw events 3600 >events.out &
	events=$!
	wait_for 60 grep -q ready events.out || fail "no listener: $(cat events.out)"
	# shellcheck disable=SC2086 # two words
	take $store "$SCRATCH0"
	must blk verify "${IMAGE[0]}" model
	must blk churn "$SCRATCH0" model --engine aio --depth 8 --threads 2 --cover --min 512 --max 256K >churn.out
	must blk verify "$SCRATCH0" model
	wait_for 60 dead "${SNAP[0]}" || fail "$store: not dead: $(snapraw snap "${SNAP[0]}")"
	snapraw snap "${SNAP[0]}" >snap.out
	grep -q 'code E_INSUFFICIENT_STORAGE' snap.out || fail "dead for another reason: $(cat snap.out)"
	must blk eio "${IMAGE[0]}"
	wait_for 60 grep -q snap-dead events.out || fail "no event of its death: $(cat events.out)"
	kill $events
	wait $events
	[ "$(grep -c snap-dead events.out)" = 1 ] || fail "not one event of its death: $(cat events.out)"
	grep -q store-low events.out || fail "no warning before: $(cat events.out)"
	must snapraw delete "$SET"
done
finish
