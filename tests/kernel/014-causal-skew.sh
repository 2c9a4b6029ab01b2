#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The tests of causal order can fail: the same program finds violations when the
# gates are closed and opened one after the other and the members committed one
# by one, as a test build of the module does on request. Afterwards it finds none.
#
# vm: --smp 2 --mem 1G --disk 64M --disk 64M --timeout 200
. "$(dirname "$0")/lib.sh"
skew=/sys/module/snapset/parameters/debug_skew_ms

load
[ -w $skew ] || fail "this build of the module cannot be broken on request"

echo 20 >$skew
status=0
causal --takes 10 "$SCRATCH0" "$SCRATCH1" >out 2>&1 || status=$?
[ $status = 3 ] || fail "skewed sets were judged good (exit $status): $(cat out)"
grep -q 'which completed before, should be' out || fail "no violation of order among: $(cat out)"

echo 0 >$skew
must causal --takes 5 "$SCRATCH0" "$SCRATCH1"
finish
