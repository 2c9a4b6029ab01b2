#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A member that does not drain, because the disk below it is suspended: the set fails
# at its deadline, says which member it was, and every writer goes on, on the
# other member at once and on this one when the disk is resumed, without an error.
#
# about: release
# vm: --smp 1 --mem 1G --disk 32M --disk 32M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" a
fill "$SCRATCH1" b
dm below "0 $(sectors "$SCRATCH0") linear $SCRATCH0 0"
dm stuck "0 $(sectors "$SCRATCH0") linear /dev/mapper/below 0"
must dmsetup suspend --nolockfs --noflush below
on_exit dmsetup resume below

writers() {
	blk churn /dev/mapper/stuck a --engine direct --threads 4 --seconds 3600 >churn-a.out &
	a=$!
	blk churn "$SCRATCH1" b --engine aio --depth 4 --seconds 3600 >churn-b.out &
	b=$!
	written "$SCRATCH1"
	wait_for 60 has_written "$SCRATCH1" $((WRITTEN + 1)) || fail "nothing is written to the other"
}

written() { # DISK: sets WRITTEN, how many writes have completed
	local -a stat

	read -ra stat <"/sys/class/block/$(basename "$(readlink -f "$1")")/stat"
	WRITTEN=${stat[4]}
}
has_written() { written "$1"; [ "$WRITTEN" -ge "$2" ]; }

# writers who have been stuck since before the member was added, or since after it
for since in before after; do
	rm -f added
	if [ $since = before ]; then
		writers
		wait_for 60 in_flight /dev/mapper/stuck 4 || fail "the writers do not write"
		refused E_HOLD_WRITES_TIMEOUT --hold-timeout 3000 /dev/mapper/stuck "$SCRATCH1"
	else
		snapraw take --hold-timeout 3000 --touch added --until go /dev/mapper/stuck \
			"$SCRATCH1" >out &
		taker=$!
		must wait_for 60 test -e added
		writers
		wait_for 60 in_flight /dev/mapper/stuck 4 || fail "the writers do not write"
		touch go
		wait $taker && fail "a set was made while writers were stuck: $(cat out)"
		grep -q 'E_HOLD_WRITES_TIMEOUT' out || fail "$(cat out)"
		cp out take
	fi
	took=$(awk '{ print $4 }' take)
	held=$(held_ms take)
	note "$since: $(cat take)"
	[ "$took" -ge 2950 ] || fail "$since: gave up after $took ms instead of 3000"
	# the rest is for a machine that stands still for a moment
	if [ "$held" -lt 2990 ] || [ "$held" -gt 4500 ]; then
		fail "$since: held for $held ms instead of 3000"
	fi
	stuck=$(basename "$(readlink -f /dev/mapper/stuck)")
	grep -Eq "$stuck|stuck" take || fail "does not name $stuck: $(cat take)"

	# the other member's writer has gone on
	written "$SCRATCH1"
	wait_for 60 has_written "$SCRATCH1" $((WRITTEN + 20)) ||
		fail "$since: the writer of the other member is still held"
	kill -TERM $b
	must wait $b
	slowest=$(awk '{ print $8 }' churn-b.out)
	[ "$slowest" -lt $((held + 1500)) ] || fail "a writer of the other member waited for $slowest ms"
	[ "$slowest" -ge 1500 ] || fail "the writer of the other member was not held: nothing is proved"
	gone $a && fail "$since: nobody was stuck: nothing is proved"
	must dmsetup resume below
	written /dev/mapper/stuck
	wait_for 60 has_written /dev/mapper/stuck $((WRITTEN + 20)) ||
		fail "$since: the writers who were stuck do not go on"
	kill -TERM $a
	must wait $a
	must blk verify /dev/mapper/stuck a
	must blk verify "$SCRATCH1" b
	must dmsetup suspend --nolockfs --noflush below
done

must dmsetup resume below
take /dev/mapper/stuck "$SCRATCH1"
must blk verify "${IMAGE[0]}" a
finish
