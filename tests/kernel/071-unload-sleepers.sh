#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The module goes while writers sleep below it, in the queue of a disk that takes one
# request at a time: it waits for what it has in hand, and whoever wakes up later
# does not return into memory that is gone.
#
# vm: --smp 2 --mem 1G --timeout 200
. "$(dirname "$0")/lib.sh"

null_disk slow size=64 memory_backed=1 hw_queue_depth=1 submit_queues=1 irqmode=2 completion_nsec=200000000
disk=$NULL_DISK

for ((i = 1; i <= $(often 8 3); i++)); do
	must modprobe snapset
	rm -f added
	# counted, because a set is being made; its owner dies while they sleep
	snapraw take --pause-add 60000 --touch added "$disk" >out 2>&1 &
	taker=$!
	must wait_for 20 test -e added
	writers=()
	for w in 1 2 3 4 5 6; do
		dd if=/dev/zero of="$disk" bs=4k count=4 seek=$((w * 100)) oflag=direct status=none &
		writers+=($!)
	done
	sleep 0.5
	kill -9 $taker
	wait $taker 2>/dev/null
	# it may say for a while that it is in use
	wait_for 20 rmmod snapset || fail "does not unload: $(rmmod snapset 2>&1)"
	for w in "${writers[@]}"; do
		must wait "$w"
	done
done
exit 0
