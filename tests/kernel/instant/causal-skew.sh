#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The tests of causal order can fail: the same program, in the shapes of causal-raw, causal-dirty and
# causal-ring, finds violations when the gates are closed and opened one after the other and
# the members committed one by one, as a test build of the module does on request.
# In the shape of causal-file it finds none, because the freeze alone keeps the order; so
# there it is seen to fail without the freeze, and not with it. Afterwards, with
# whole sets, it finds none, also without the freeze.
#
# about: engine
# rounds: 4 takes of each shape. With members 20 ms apart, 100 ms for files, every take has
# been wrong; 4 to 8 ms apart 27 of 30 were, or more: none of 4 is with 1e-4 at most.
# vm: --smp 1 --mem 1G --disk 64M --disk 64M --disk 320M --disk 128M --disk 32M --disk 32M --disk 32M --disk 32M --disk 32M
. "$(dirname "$0")/../lib.sh"
skew=/sys/module/snapset/parameters/debug_skew_ms

set_vm() { # KNOB VALUE: until the test ends
	on_exit sh -c "echo $(cat "/proc/sys/vm/$1") >/proc/sys/vm/$1"
	echo "$2" >"/proc/sys/vm/$1" || fail "vm.$1 does not take $2"
}

load
[ -w $skew ] || fail "this build of the module cannot be broken on request"
mounted ext4 "$SCRATCH1" "$TMP/e"
mounted xfs "$SCRATCH2" "$TMP/x"
mounted ext4 "$SCRATCH3" "$TMP/dirty"
set_vm dirty_writeback_centisecs 6000
set_vm dirty_background_ratio 80
set_vm dirty_ratio 90
files=("$TMP/e/file:$SCRATCH1" "$TMP/x/file:$SCRATCH2")

caught() { # SHAPE ARGUMENTS OF causal...
	local shape=$1 status=0

	shift
	causal --takes 4 --most 4 "$@" >out 2>&1 || status=$?
	[ $status = 3 ] || fail "$shape: skewed sets were judged good (exit $status): $(cat out)"
	grep -q 'which completed before, should be' out ||
		fail "$shape: no violation of order among: $(cat out)"
	note "$shape, skewed: $(grep ^takes out)"
}

echo 20 >$skew
caught raw "$SCRATCH0" "$SCRATCH4"
caught dirty --dirty "$TMP/dirty:$SCRATCH3:40" "$SCRATCH0" "$SCRATCH4"
caught ring --writers 4 --slots 2 "$SCRATCH0" "$SCRATCH4" "$SCRATCH5" "$SCRATCH6" "$SCRATCH7" "$SCRATCH8"
echo 100 >$skew
caught "file, not frozen" --no-freeze "${files[@]}"
# the commit's time of a skewed set is not known, so none of these counts
causal --takes 5 --most 5 "${files[@]}" >out 2>&1
[ $? = 1 ] || fail "the freeze does not keep the order: $(cat out)"
grep -q '^takes 5 .* bad 0 ' out || fail "the freeze does not keep the order: $(cat out)"

echo 0 >$skew
must causal --takes 5 "$SCRATCH0" "$SCRATCH4"
must causal --takes 5 --no-freeze "${files[@]}"
finish
