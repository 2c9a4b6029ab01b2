#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Events come in order, numbered without a gap, and tell what a set goes through.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 32M
. "$(dirname "$0")/../lib.sh"

load
snapraw events 3600 >events.out &
events=$!
on_exit kill $events
must wait_for 60 grep -q ready events.out
for _ in 1 2 3; do
	take "$SCRATCH0"
	must snapraw delete "$SET"
done
fill "$SCRATCH0" model
hanging slow "$SCRATCH0"
hang slow
blk put /dev/mapper/slow model 0 4K >put.out &
put=$!
must wait_for 60 waits_for_io $put
refused E_HOLD_WRITES_TIMEOUT --hold-timeout 300 /dev/mapper/slow
let_go slow
must wait $put
wait_for 60 grep -q "set-state state 7 " events.out ||
	fail "it is not told that the set has failed: $(cat events.out)"
kill $events
wait $events

awk '$1 ~ /^[0-9]+$/ { if (last && $1 != last + 1) exit 1; last = $1 }' events.out ||
	fail "a gap: $(cat events.out)"
# state 5: created; 9: deleted; 7: failed
[ "$(grep -c 'set-state state 5 ' events.out)" = 3 ] || fail "not three sets created: $(cat events.out)"
[ "$(grep -c snap-deleted events.out)" = 3 ] || fail "not three snapshots deleted: $(cat events.out)"
grep -q 'set-state state 7 code E_HOLD_WRITES_TIMEOUT text [^ ]* [^ ]*' events.out ||
	fail "no failure with its reason: $(cat events.out)"
finish
