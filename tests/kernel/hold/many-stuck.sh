#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# 64 members whose writes from before the set do not end: the set is given up when the
# hold's time is over, not after all queues have been looked at once more.
#
# vm: --smp 2 --mem 1G --disk 64M --timeout 400
# spared: 7
. "$(dirname "$0")/../lib.sh"

dm stuck "0 $(sectors "$SCRATCH0") linear $SCRATCH0 0"
loops=()
for ((i = 0; i < 64; i++)); do
	loop=$(losetup -f --show --direct-io=on -o ${i}M --sizelimit 1M /dev/mapper/stuck) || fail "losetup"
	on_exit losetup -d "$loop"
	loops+=("$loop")
done
udevadm settle
load
# on a slow machine the writers may stand still for long
may_hang
# below the loops it is, so these have been sent and do not end until it goes on
must dmsetup suspend --nolockfs --noflush stuck
on_exit dmsetup resume stuck
writers=()
for loop in "${loops[@]}"; do
	dd if=/dev/zero of="$loop" bs=4k count=1 oflag=direct status=none &
	writers+=($!)
done
for writer in "${writers[@]}"; do
	must wait_for 60 waits_for_io "$writer"
done
# What a set of so many takes besides, on a machine as busy as this one: for a hold of
# 500 ms it is over in the second round.
refused E_HOLD_WRITES_TIMEOUT --hold-timeout 500 "${loops[@]}"
note "$(cat take)"
short=$(awk '{ print $4 }' take)
# rounds of 4 x 100, 200, 400 ms, or more where the driver may sleep; the next one is
# one too many
refused E_HOLD_WRITES_TIMEOUT --hold-timeout 3000 "${loops[@]}"
note "$(cat take)"
took=$(awk '{ print $4 }' take)
[ "$took" -ge 2900 ] || fail "gave up after $took ms instead of 3000"
[ $((took - short)) -lt 4000 ] || fail "gave up 2500 ms later only after $took instead of $short ms"
# nor does any worker of ours sleep until then, for which it would be called hung
asleep() {
	local pid

	grep -l '^State:[[:space:]]*D' /proc/[0-9]*/status 2>/dev/null |
		while IFS=/ read -r _ _ pid _; do
			! grep -q '\[snapset\]' "/proc/$pid/stack" 2>/dev/null || echo "$pid"
		done
}
asleep >asleep.then
sleep 5
asleep >asleep.now
while read -r pid; do
	! grep -qx "$pid" asleep.then || fail "$(cat "/proc/$pid/comm") sleeps: $(cat "/proc/$pid/stack")"
done <asleep.now
for writer in "${writers[@]}"; do
	! gone "$writer" || fail "a write was over before: nothing is proved"
done
must dmsetup resume stuck
must wait "${writers[@]}"
finish
