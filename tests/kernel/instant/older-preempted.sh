#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A writer loses its processor behind the hook and before the queue, where 5.10 lets it:
# no grace period waits for it there. Its write is in the image, or there is none. Seen
# at that place in two of six tries; here until it has been there twice, once at least.
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
# its turn does not come while others want the processor
taskset -c 1 chrt --idle 0 blk churn "$disk" model --engine direct --threads 1 --min 512 --max 512 --from 0 --len 4K \
	--seconds 3600 --noflush >churn.out 2>&1 &
writer=$!
on_exit kill $writer
taskset -cp 0 $$ >/dev/null
hogs=()
hog() {
	while [ ${#hogs[@]} -lt 3 ]; do
		nice -n -5 taskset -c 1 sh -c 'while :; do :; done' &
		hogs+=($!)
	done
}
no_hog() {
	kill -9 "${hogs[@]}"
	wait "${hogs[@]}" 2>/dev/null
	hogs=()
}
there() { grep -qs submit_bio_checks /proc/$writer/task/*/stack; }
# how many of its writes have completed; nobody else writes
written() {
	local -a stat

	read -ra stat <"/sys/block/${disk##*/}/stat"
	echo "${stat[4]}"
}
pause 1
hits=0
for ((tries = 1; tries <= 200 && hits < 2; tries++)); do
	hog
	pause 0.2
	before=$(written)
	if there; then
		hits=$((hits + 1))
		note "try $tries: the writer waits for its processor behind the hook"
		snapraw take --keep "$disk" >out &
		taker=$!
		pause 1
		# the same write, and not a later one
		gone $taker && there && [ "$(written)" = "$before" ] &&
			fail "a set was made before the write had passed: $(cat out)"
		no_hog
		must wait $taker
		taken out
		digest=$(blk digest "${IMAGE[0]}")
		pause 0.5
		[ "$(blk digest "${IMAGE[0]}")" = "$digest" ] || fail "the image has changed"
		must snapraw delete "$SET"
	else
		no_hog
	fi
	pause 0.05
done
[ $hits -gt 0 ] || fail "the writer was there only $hits times in $tries tries"
kill $writer
wait $writer
finish
