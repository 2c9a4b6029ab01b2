#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What of a store is whose: allocated is what holds a snapshot's old data, exclusive is
# what its deletion gives back, and it does.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 16M --disk 16M
. "$(dirname "$0")/../lib.sh"

load
used() { snapraw store "$1" | awk '{ print $6 }'; }
space() { snapraw space "$1" | awk '{ print $2 / 1048576, $4 / 1048576 }'; }
is() { [ "$(space "$1")" = "$2" ] || fail "$3: $(space "$1") MiB are allocated and exclusive, not $2"; }

fill "$SCRATCH0" model
take --store "$SCRATCH1" "$SCRATCH0"
one=$SET snap_one=${SNAP[0]} image_one=${IMAGE[0]}
id=$(snapraw room "$SET" | awk '{ print $2 }')
is "$snap_one" "0 0" new
must blk put "$SCRATCH0" model 0 1M >/dev/null
is "$snap_one" "1 1" "the only one"
take --share "$id" "$SCRATCH0"
two=$SET snap_two=${SNAP[0]}
must blk put "$SCRATCH0" model 0 1M >/dev/null
must blk put "$SCRATCH0" model 1M 1M >/dev/null
# the first needs its own MiB and, of the second's, the other one
is "$snap_one" "1 1" "the older"
is "$snap_two" "2 1" "the newer"
[ "$(used "$two")" = $((3 << 20)) ] || fail "$(used "$two") bytes are used, not 3 MiB"
take --share "$id" "$SCRATCH0"
three=$SET snap_three=${SNAP[0]}
must blk put "$SCRATCH0" model 8M 1M >/dev/null
is "$snap_three" "1 0" "the newest, which both older ones need"
# its deletion hands it down and gives nothing back
must snapraw delete "$three"
[ "$(used "$two")" = $((4 << 20)) ] || fail "$(used "$two") bytes are used, not 4 MiB"
is "$snap_two" "3 1" "who inherits"
# that of the second gives its exclusive MiB back
must snapraw delete "$two"
given_back() { [ "$(used "$one")" = $((3 << 20)) ]; }
wait_for 60 given_back || fail "$(used "$one") bytes are used, not 3 MiB"
is "$snap_one" "3 3" "the last"
must blk verify "$image_one" model.then
must snapraw delete "$one"
finish
