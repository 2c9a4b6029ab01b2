#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# When the write below us takes longer than the hold may last, there is no set, at
# the deadline and with a sentence; the write is done, and the next set succeeds.
#
# vm: --smp 2 --mem 1G --disk 32M --timeout 300
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
# far longer than anything here takes on a slow machine
dm slow "0 $(sectors "$SCRATCH0") delay $SCRATCH0 0 0 $SCRATCH0 0 25000"

for when in before-attach after-attach; do
	rm -f added go model.writing
	if [ $when = before-attach ]; then
		blk put /dev/mapper/slow model 4M 64K >put.out &
		put=$!
		must wait_for 60 waits_for_io $put
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
	gone $put && fail "$when: the write was over before: nothing is proved"
	# Suspending sends what is delayed; but who waits for what came before it was
	# attached has suspended the device already (kmod/dm.h).
	if [ $when = after-attach ]; then
		must dmsetup suspend --nolockfs slow
		must dmsetup resume slow
	fi
	must wait $put
done

# flushes are delayed as well
must dmsetup suspend --nolockfs slow
must dmsetup load slow --table "0 $(sectors "$SCRATCH0") linear $SCRATCH0 0"
must dmsetup resume slow

take /dev/mapper/slow
must blk verify "${IMAGE[0]}" model
must blk verify /dev/mapper/slow model
finish
