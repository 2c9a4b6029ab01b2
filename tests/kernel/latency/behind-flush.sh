#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# 96 MiB of dirty pages are flushed to a disk of 20 MB/s that has a snapshot: somebody
# whose direct writes come one by one does not wait until the flush has ended.
#
# about: engine
# vm: --smp 2 --mem 2G --disk 32M
. "$(dirname "$0")/../lib.sh"

need snapset
load
null_disk slow size=128 memory_backed=1 queue_mode=2 irqmode=2 completion_nsec=100000 \
	mbps=20 submit_queues=1 hw_queue_depth=64 blocksize=4096
disk=$NULL_DISK
queue=/sys/block/$(basename "$disk")/queue
echo mq-deadline >"$queue/scheduler" || skip "there is no mq-deadline"
dirty() { echo "$1" >/proc/sys/vm/dirty_background_ratio; echo "$2" >/proc/sys/vm/dirty_ratio; }
on_exit dirty "$(cat /proc/sys/vm/dirty_background_ratio)" "$(cat /proc/sys/vm/dirty_ratio)"
dirty 50 60

fill "$disk" model
cp model mine
take --store-limit 200M "$disk"
exec 9<"$disk"		# who closes it last would flush
must dd if=/dev/zero of="$disk" bs=1M count=96 conv=notrunc status=none
sync "$disk" &
flush=$!
on_its_way() { [ "$(snapraw snap "${SNAP[0]}" | awk '{ print $5 }')" -gt 4000000 ]; }
wait_for 60 on_its_way || fail "nothing is flushed: $(snapraw snap "${SNAP[0]}")"
for at in 100M 104M 108M 112M 116M 120M; do
	must blk put "$disk" mine $at 4K >>put.out
done
gone $flush && fail "six writes have waited for the flush: $(tr '\n' ' ' <put.out)ms"
note "ms of six writes during the flush: $(tr '\n' ' ' <put.out)"
must wait $flush
exec 9<&-
must blk verify "${IMAGE[0]}" model.then
finish
