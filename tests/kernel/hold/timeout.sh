#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A member that does not drain, because the disk below it is suspended: the set fails
# at its deadline, says which member it was, and every writer goes on, on the
# other member at once and on this one when the disk is resumed, without an error.
#
# vm: --smp 2 --mem 1G --disk 32M --disk 32M --timeout 120
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" a
fill "$SCRATCH1" b
dm below "0 $(sectors "$SCRATCH0") linear $SCRATCH0 0"
dm stuck "0 $(sectors "$SCRATCH0") linear /dev/mapper/below 0"
must dmsetup suspend --nolockfs --noflush below
on_exit dmsetup resume below

writers() {
	blk churn /dev/mapper/stuck a --engine direct --threads 4 --seconds 4 >churn-a.out &
	a=$!
	blk churn "$SCRATCH1" b --engine aio --depth 4 --seconds 4 >churn-b.out &
	b=$!
}

# writers who have been stuck since before the member was added, or since after it
for since in before after; do
	rm -f added
	if [ $since = before ]; then
		writers
		wait_for 20 in_flight /dev/mapper/stuck 4 || fail "the writers do not write"
		refused E_HOLD_WRITES_TIMEOUT --hold-timeout 800 /dev/mapper/stuck "$SCRATCH1"
	else
		snapraw take --hold-timeout 800 --touch added --until go /dev/mapper/stuck \
			"$SCRATCH1" >out &
		taker=$!
		must wait_for 20 test -e added
		writers
		wait_for 20 in_flight /dev/mapper/stuck 4 || fail "the writers do not write"
		touch go
		wait $taker && fail "a set was made while writers were stuck: $(cat out)"
		grep -q 'E_HOLD_WRITES_TIMEOUT' out || fail "$(cat out)"
		cp out take
	fi
	took=$(awk '{ print $4 }' take)
	held=$(held_ms take)
	note "$since: $(cat take)"
	[ "$took" -ge 750 ] || fail "$since: gave up after $took ms instead of 800"
	# the rest is for a worker that does not get to run at once
	if [ "$held" -lt 790 ] || [ "$held" -gt 1300 ]; then
		fail "$since: held for $held ms instead of 800"
	fi
	stuck=$(basename "$(readlink -f /dev/mapper/stuck)")
	grep -Eq "$stuck|stuck" take || fail "does not name $stuck: $(cat take)"

	# the other member's writer has gone on
	must wait $b
	slowest=$(awk '{ print $8 }' churn-b.out)
	[ "$slowest" -lt $((held + 500)) ] || fail "a writer of the other member waited for $slowest ms"
	[ "$(awk '{ print $2 }' churn-b.out)" -gt 20 ] || fail "and hardly wrote: $(cat churn-b.out)"
	gone $a && fail "$since: nobody was stuck: nothing is proved"
	must dmsetup resume below
	must wait $a
	must blk verify /dev/mapper/stuck a
	must blk verify "$SCRATCH1" b
	must dmsetup suspend --nolockfs --noflush below
done

must dmsetup resume below
take /dev/mapper/stuck "$SCRATCH1"
must blk verify "${IMAGE[0]}" a
finish
