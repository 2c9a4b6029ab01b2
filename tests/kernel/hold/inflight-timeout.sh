#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# When the write below us takes longer than the hold may last, there is no set, at
# the deadline and with a sentence; the write is done, and the next set succeeds.
#
# about: release
# vm: --smp 1 --mem 1G --disk 32M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
hanging slow "$SCRATCH0"

for when in before-attach after-attach; do
	rm -f added go model.writing
	hang slow
	if [ $when = before-attach ]; then
		blk put /dev/mapper/slow model 4M 64K >put.out &
		put=$!
		must wait_for 60 waits_for_io $put
		refused E_HOLD_WRITES_TIMEOUT --hold-timeout 3000 /dev/mapper/slow
	else
		{
			wait_for 60 test -e added
			put=$BASHPID
			{
				wait_for 60 waits_for_io "$put"
				touch go
			} &
			exec blk put /dev/mapper/slow model 4M 64K >put.out
		} &
		put=$!
		refused E_HOLD_WRITES_TIMEOUT --hold-timeout 3000 --touch added --until go /dev/mapper/slow
	fi
	took=$(awk '{ print $4 }' take)
	[ "$took" -ge 2950 ] || fail "$when: gave up after $took ms instead of 3000"
	# Only the second time it comes to a hold. The rest is for a machine that stands still
	# for a moment.
	held=$(held_ms take)
	if [ $when = after-attach ] && { [ "$held" -lt 2990 ] || [ "$held" -gt 4500 ]; }; then
		fail "$when: held for $held ms instead of 3000"
	fi
	gone $put && fail "$when: the write was over before: nothing is proved"
	let_go slow
	must wait $put
done

take /dev/mapper/slow
must blk verify "${IMAGE[0]}" model
must blk verify /dev/mapper/slow model
finish
