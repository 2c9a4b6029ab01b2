#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# 64 members whose writes from before the set do not end: the set is given up when the
# hold's time is over, not after all queues have been looked at once more.
#
# vm: --smp 2 --mem 1G --disk 64M --timeout 180
. "$(dirname "$0")/lib.sh"

# flushes are not delayed: losetup makes one for each loop where it sets direct I/O
dm slow "0 $(sectors "$SCRATCH0") delay $SCRATCH0 0 0 $SCRATCH0 0 25000 $SCRATCH0 0 0"
loops=()
for ((i = 0; i < 64; i++)); do
	loop=$(losetup -f --show --direct-io=on -o ${i}M --sizelimit 1M /dev/mapper/slow) || fail "losetup"
	on_exit losetup -d "$loop"
	loops+=("$loop")
done
udevadm settle
load
writers=()
for loop in "${loops[@]}"; do
	dd if=/dev/zero of="$loop" bs=4k count=1 oflag=direct status=none &
	writers+=($!)
done
for writer in "${writers[@]}"; do
	must wait_for 10 waits_for_io "$writer"
done
# rounds of 4 x 100, 200, 400 ms, or more where the driver may sleep; the next one is
# one too many
refused E_HOLD_WRITES_TIMEOUT --hold-timeout 3000 "${loops[@]}"
note "$(cat take)"
took=$(awk '{ print $4 }' take)
if [ "$took" -lt 2900 ] || [ "$took" -gt 5000 ]; then
	fail "gave up after $took ms instead of 3000"
fi
for writer in "${writers[@]}"; do
	! gone "$writer" || fail "a write was over before: nothing is proved"
done
must wait "${writers[@]}"
finish
