#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A writer loses its processor behind the hook and before the queue, where 5.10 lets it:
# no grace period waits for it there. Its write is in the image, or there is none.
#
# It is sure to be there: it is delayed in the hook until its processor is wanted by
# another, and might_sleep() behind the hook is the next place where it can lose it.
#
# Two processors: one is hogged.
#
# about: interface
# kernels: 5.10
# vm: --smp 2 --mem 1G --disk 64M
. "$(dirname "$0")/../lib.sh"

load
null_disk nb size=64 memory_backed=1 queue_mode=2 irqmode=0 submit_queues=1 hw_queue_depth=64
disk=$NULL_DISK
fill "$disk" model
# the hook is there before the take: it stays as long as another disk has a snapshot
take "$SCRATCH0"
# of two that want the processor it has 3 parts in 1027
taskset -c 1 chrt --idle 0 blk churn "$disk" model --engine direct --threads 1 --min 512 --max 512 --from 0 --len 4K \
	--seconds 3600 --noflush >churn.out 2>&1 &
writer=$!
on_exit kill $writer
taskset -cp 0 $$ >/dev/null
there() { grep -qs submit_bio_checks /proc/$writer/task/*/stack; }
# how many of its writes have completed; nobody else writes
written() {
	local -a stat

	read -ra stat <"/sys/block/${disk##*/}/stat"
	echo "${stat[4]}"
}
moves() { [ "$(written)" -gt "$before" ]; }
# the other is there before the delay begins, and wants the processor all the time
hog() {
	rm -f hogs
	taskset -c 1 sh -c ': >hogs; while :; do :; done' &
	hog=$!
	wait_for 60 test -e hogs || fail "nothing else wants the processor"
}
hits=0
for ((tries = 1; tries <= 20 && hits < 3; tries++)); do
	before=$(written)
	wait_for 60 moves || fail "nothing is written"
	hog
	# each write, until one is where it must be: a tick that is late spares one that it meets
	fault 'passes 1 0 50 0'
	wait_for 60 there || fail "the writer does not wait for its processor behind the hook"
	fault off
	before=$(written)
	note "try $tries: the writer waits for its processor behind the hook"
	snapraw take --keep "$disk" >out &
	taker=$!
	pause 1
	early=
	! gone $taker || early=1
	# the same write, and not a later one
	if there && [ "$(written)" = "$before" ]; then
		[ -z "$early" ] || fail "a set was made before the write had passed: $(cat out)"
		hits=$((hits + 1))
	fi
	kill -9 $hog
	wait $hog 2>/dev/null
	must wait $taker
	taken out
	digest=$(blk digest "${IMAGE[0]}")
	pause 0.5
	[ "$(blk digest "${IMAGE[0]}")" = "$digest" ] || fail "the image has changed"
	must snapraw delete "$SET"
done
[ $hits -eq 3 ] || fail "the writer stayed there only $hits times in 20 tries"
kill $writer
wait $writer
finish
