#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# When the write below us takes longer than the hold may last, there is no set, at
# the deadline and with a sentence; the write is done, and the next set succeeds.
#
# vm: --smp 2 --mem 1G --disk 32M --timeout 120
. "$(dirname "$0")/lib.sh"

load
fill "$SCRATCH0" model
dm slow "0 $(sectors "$SCRATCH0") delay $SCRATCH0 0 0 $SCRATCH0 0 5000"

for when in before-attach after-attach; do
	rm -f added go model.writing
	if [ $when = before-attach ]; then
		blk put /dev/mapper/slow model 4M 64K >put.out &
		put=$!
		must wait_for 20 test -e model.writing
		sleep 0.5
		refused E_HOLD_WRITES_TIMEOUT --hold-timeout 500 /dev/mapper/slow
	else
		{
			wait_for 10 test -e added
			put=$BASHPID
			{
				wait_for 20 waits_for_io "$put"
				touch go
			} &
			exec blk put /dev/mapper/slow model 4M 64K >put.out
		} &
		put=$!
		refused E_HOLD_WRITES_TIMEOUT --hold-timeout 500 --touch added --until go /dev/mapper/slow
	fi
	took=$(awk '{ print $4 }' take)
	if [ "$took" -lt 450 ] || [ "$took" -gt 3500 ]; then
		fail "$when: gave up after $took ms instead of 500"
	fi
	must wait $put
	[ "$(cat put.out)" -ge 4900 ] || fail "the write took only $(cat put.out) ms: nothing is proved"
done

take /dev/mapper/slow
must blk verify "${IMAGE[0]}" model
must blk verify /dev/mapper/slow model
finish
