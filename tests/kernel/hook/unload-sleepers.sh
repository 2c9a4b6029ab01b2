#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The module goes while writers sleep below its hook, in the queues of disks that have
# less requests than writers: of a member, whose writes it counts and waits for, and of
# another disk, whose writes passed the hook and are none of its business. Of these
# some sleep in one and the same write since before the hook goes until after the
# module has gone, and do not return into memory that is gone.
#
# about: release
# rounds: 3, or 2. In each one they sleep until the test lets them go, so each one shows it;
# only who takes the hook's last step while it goes is left to chance.
# vm: --smp 1 --mem 1G --disk 4M --disk 4M
. "$(dirname "$0")/../lib.sh"

may_hang

# slow_disk NAME DISK: a disk with requests, four of them; sets DISK. What is sent to
# it stands still from 'hang NAME' until 'let_go NAME'.
slow_disk() {
	hanging "$1" "$2"
	DISK=$(losetup -f --show --direct-io=on "/dev/mapper/$1") || fail "losetup"
	on_exit losetup -d "$DISK"
	on_exit dmsetup resume "$1-below"	# before it goes
	[ "$(<"/sys/block/${DISK#/dev/}/loop/dio")" = 1 ] || fail "no direct I/O: nothing would stand still"
	# what waits in a scheduler does not sleep below the hook
	echo none >"/sys/block/${DISK#/dev/}/queue/scheduler" || fail "$DISK keeps its scheduler"
	echo 4 >"/sys/block/${DISK#/dev/}/queue/nr_requests" || fail "$DISK keeps its requests"
}

# writers DISK MODEL N: threads that write for ever, each one block after the other
writers() {
	fill "$1" "$2"
	blk churn "$1" "$2" --threads "$3" --pause 100 --seconds 36000 >"$2.out" 2>&1 &
	PID=$!
	on_exit kill $PID
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

# shellcheck disable=SC2317 # wait_for calls it
# wrote PROCESS N: so many of its threads have done so since the last count
wrote() {
	local t n=0

	for t in /proc/"$1"/task/*; do
		writes_of "${t#/proc/}"
		[ "$WRITES" = "${BASE[${t##*/}]:-}" ] || n=$((n + 1))
	done
	[ "$n" -ge "$2" ]
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

slow_disk member "$SCRATCH0"
disk=$DISK
slow_disk other "$SCRATCH1"
writers "$disk" model 8
counted=$PID
writers "$DISK" model.other 12
others=$PID

unload() {
	until rmmod snapset 2>rmmod.out; do
		pause 0.2
	done
}
unloaded() { [ ! -d /sys/module/snapset ]; }
# none sleeps in the write in which it did
# shellcheck disable=SC2317 # wait_for calls it
gone_on() { # PROCESS SLEEPER...
	still "$@"
	[ "$STILL" = 0 ]
}

rounds=$(often 3 2)
for ((i = 1; i <= rounds; i++)); do
	must modprobe snapset
	rm -f added
	# counted, because a set is being made; its owner dies while they sleep
	snapraw take --touch added --until never "$disk" >out 2>&1 &
	taker=$!
	must wait_for 60 test -e added
	[ -n "$(snapraw info | awk '$1 == "hook" { print $2 }')" ] || fail "the hook is not in"
	count $counted
	count $others
	wait_for 60 wrote $counted 8 || fail "round $i: the writers of the member do not write"
	wait_for 60 wrote $others 12 || fail "round $i: the other writers do not write"
	hang member
	hang other
	wait_for 60 sleepers $counted || fail "round $i: no counted writer sleeps: nothing is proved"
	wait_for 60 sleepers $others || fail "round $i: nobody sleeps below the hook: nothing is proved"
	# writes are counted no longer than the set is in the making
	sleepers $counted
	mine=("${ASLEEP[@]}")
	sleepers $others
	theirs=("${ASLEEP[@]}")
	kill -9 $taker
	wait $taker 2>/dev/null
	# it may say for a while that it is in use
	unload &
	unloading=$!
	pause 1.5
	! unloaded || fail "round $i: the module did not wait for ${#mine[@]} writers that it had counted"
	still $counted "${mine[@]}"
	[ $STILL = ${#mine[@]} ] || fail "round $i: a counted write has come back: nothing is proved"
	let_go member
	wait_for 100 gone $unloading || fail "does not unload: $(cat rmmod.out)"
	must wait $unloading
	still $others "${theirs[@]}"
	[ $STILL = ${#theirs[@]} ] || fail "round $i: only $STILL of ${#theirs[@]} slept on: nothing is proved"
	let_go other
	wait_for 60 gone_on $others "${theirs[@]}" || fail "round $i: $STILL writers sleep for ever"
	wait_for 60 gone_on $counted "${mine[@]}" || fail "round $i: $STILL counted writers sleep for ever"
	note "round $i: ${#mine[@]} slept that were counted, ${#theirs[@]} below the hook until the module had gone"
done
kill $counted $others
must wait $counted
must wait $others
must blk verify "$disk" model
must blk verify "$DISK" model.other
exit 0
