#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The module goes while writers sleep below its hook, in the queues of disks that take
# one request at a time: of a member, whose writes it counts and waits for, and of
# another disk, whose writes passed the hook and are none of its business. Of these
# somebody sleeps in one and the same write since before the hook goes until after the
# module has gone, and does not return into memory that is gone.
#
# vm: --smp 2 --mem 1G --timeout 900
. "$(dirname "$0")/../lib.sh"

need fio

writers() { # DISK N: threads that write for ever, each one block after the other
	# else there are more tags than one
	echo none >"/sys/block/${1#/dev/}/queue/scheduler" || fail "$1 keeps its scheduler"
	fio --name=w --filename="$1" --direct=1 --rw=randwrite --bs=4k --ioengine=psync --thread \
		--numjobs="$2" --time_based --runtime=3600 >"fio.${1#/dev/}" 2>&1 &
	PID=$!
	on_exit kill $PID
	must wait_for 60 sleepers $PID
}

# all without a fork, so that what is seen is of one moment
declare -A BASE=()

# writes_of PROCESS/task/THREAD: WRITES, how many it has done; where the kernel does not
# count them, how often it has slept, which is more
writes_of() {
	local -a lines

	if [ -e "/proc/$1/io" ]; then
		mapfile -t lines <"/proc/$1/io"
		WRITES=${lines[3]#syscw: }
	else
		mapfile -t lines <"/proc/$1/status"
		WRITES=${lines[*]}
		WRITES=${WRITES##* voluntary_ctxt_switches:}
		WRITES=${WRITES%% non*}
	fi
}

# count PROCESS: what its threads have done until now
count() {
	local t

	for t in /proc/"$1"/task/*; do
		writes_of "${t#/proc/}"
		BASE[${t##*/}]=$WRITES
	done
}

# sleepers PROCESS: ASLEEP, the threads that wait for a turn, below the hook, in a
# write that is younger than the last count, and in which one
sleepers() {
	local -a stack
	local t before

	ASLEEP=()
	for t in /proc/"$1"/task/*; do
		writes_of "${t#/proc/}"
		before=$WRITES
		mapfile -t stack <"$t/stack"
		writes_of "${t#/proc/}"
		if [[ ${stack[*]} == *blk_mq_get_tag* && $WRITES = "$before" &&
			$WRITES != "${BASE[${t##*/}]:-}" ]]; then
			ASLEEP+=("${t##*/}:$WRITES")
		fi
	done
	[ ${#ASLEEP[@]} -gt 0 ]
}

# still PROCESS SLEEPER...: STILL, how many of them sleep yet, in the same write
still() {
	local one

	sleepers "$1"
	shift
	STILL=0
	for one; do
		[[ " ${ASLEEP[*]} " != *" $one "* ]] || STILL=$((STILL + 1))
	done
}

null_disk slow size=64 memory_backed=1 hw_queue_depth=1 submit_queues=1 irqmode=2 completion_nsec=200000000
disk=$NULL_DISK
null_disk other size=64 hw_queue_depth=1 submit_queues=1 irqmode=2 completion_nsec=500000000
writers "$disk" 4
counted=$PID
writers "$NULL_DISK" 12
others=$PID

rounds=$(often 12 4) across=0 least=99
# on a slow machine a turn comes before the module has gone, now and then
for ((i = 1; i <= rounds || (across < rounds / 2 && i <= 3 * rounds); i++)); do
	must modprobe snapset
	rm -f added
	# counted, because a set is being made; its owner dies while they sleep
	snapraw take --touch added --until never "$disk" >out 2>&1 &
	taker=$!
	must wait_for 20 test -e added
	[ -n "$(snapraw info | awk '$1 == "hook" { print $2 }')" ] || fail "the hook is not in"
	count $counted
	count $others
	wait_for 30 sleepers $counted || fail "round $i: no counted writer sleeps: nothing is proved"
	wait_for 30 sleepers $others || fail "round $i: nobody sleeps below the hook: nothing is proved"
	# writes are counted no longer than the set is in the making
	sleepers $counted
	mine=("${ASLEEP[@]}")
	kill -9 $taker
	wait $taker 2>/dev/null
	sleepers $others
	theirs=("${ASLEEP[@]}")
	[ ${#theirs[@]} -ge "$least" ] || least=${#theirs[@]}
	# it may say for a while that it is in use
	wait_for 20 rmmod snapset || fail "does not unload: $(rmmod snapset 2>&1)"
	still $others "${theirs[@]}"
	[ $STILL = 0 ] || across=$((across + 1))
	still $counted "${mine[@]}"
	[ $STILL = 0 ] || fail "round $i: the module did not wait for $STILL of the writers that it had counted"
done
note "$((i - 1)) rounds: $least or more slept below the hook at rmmod, and in $across somebody did after it"
[ $across -ge $((rounds / 2)) ] || fail "only in $across of $((i - 1)) rounds somebody slept on: not enough is proved"
exit 0
