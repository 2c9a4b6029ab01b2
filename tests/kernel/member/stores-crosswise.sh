#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Two sets whose stores stand on each other's volumes would copy each other's copies for
# ever: the second one is refused. One whose store stands on another's volume is not.
#
# about: library
# vm: --smp 1 --mem 1G --disk 16M --disk 16M --disk 16M
. "$(dirname "$0")/../lib.sh"

need snapset
load
half() { # DISK NAME: a device that is the second half of it
	local n

	n=$(($(sectors "$1") / 2))
	dm "$2" "0 $n linear $1 $n"
}
half "$SCRATCH0" half0
half "$SCRATCH1" half1
half "$SCRATCH2" half2
must snapset create --keep --store /dev/mapper/half1 "$SCRATCH0" >first.out
# its copies are copied, and that is all
must snapset create --keep --store /dev/mapper/half2 "$SCRATCH1" >second.out
snapset create --store /dev/mapper/half0 "$SCRATCH2" >third.out 2>&1 &&
	fail "three stores in a circle: $(cat third.out)"
grep -q 'E_NESTED_VOLUME_LIMIT' third.out || fail "refused for another reason: $(cat third.out)"
must timeout 60 dd if=/dev/urandom of="$SCRATCH0" bs=64k count=4 oflag=direct status=none
must snapraw clear >/dev/null
must snapset create --keep --store /dev/mapper/half1 "$SCRATCH0" >first.out
snapset create --store /dev/mapper/half0 "$SCRATCH1" >second.out 2>&1 &&
	fail "two stores crosswise: $(cat second.out)"
grep -q 'E_NESTED_VOLUME_LIMIT' second.out || fail "refused for another reason: $(cat second.out)"
must snapraw clear >/dev/null
finish
