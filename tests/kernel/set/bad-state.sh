#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Every call in every state: what does not fit is BAD_STATE and changes nothing. And one
# set in the making at a time: a second session is told so from the first's start until
# its set is made, and not longer.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 32M --disk 32M
. "$(dirname "$0")/../lib.sh"

load
libsnap-states "$SCRATCH0" "$SCRATCH1" >out 2>&1 || fail "$(cat out)"
note "$(grep -c '^\(new\|open\|committing\|created\|failed\|cancelled\) ' out) calls"

# it stands still for as long as several askings take here
begun=$(now_ms)
must snapraw list >sets
libsnap-make /dev/null >out && fail "a set of no disk: $(cat out)"
ms=$((4 * ($(now_ms) - begun)))
[ $ms -ge 700 ] || ms=700
[ $ms -le 8000 ] || ms=8000
fault "commit 1 1 $ms 0"
fault "publish 1 1 $ms 0"
snapraw take --keep --touch added --until go "$SCRATCH0" >first &
taker=$!
wait_for 60 test -e added || fail "the first set has no member in a minute: $(cat first)"
told() { [[ $1 = "start SNAP_E_SNAPSHOT_SET_IN_PROGRESS "* ]] || fail "not told so: $1"; }
for _ in 1 2 3; do
	second=$(libsnap-make "$SCRATCH1") && fail "a second set while the first is open: $second"
	told "$second"
done
touch go
until second=$(libsnap-make "$SCRATCH1"); do told "$second"; done
snapraw list >sets
wait $taker || fail "$(tail first)"
fault off
taken first
if ! grep -q "^$SET state 5 " sets; then
	fail "a second set was begun while the first was not yet made: $(sed -n 1,9p sets)"
fi
finish
