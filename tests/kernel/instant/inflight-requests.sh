#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A driver with requests, which has a write in hand since before the member was added,
# so that it never came by us: its queue is drained. Either the write is in the image,
# or, when it takes longer than the preparation may, there is no image.
#
# about: release
# vm: --smp 1 --mem 1G --disk 32M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
# a loop device has requests, and on this one what is written gets there when we say so
hanging slow "$SCRATCH0"
loop=$(losetup -f --show --direct-io=on /dev/mapper/slow) || fail "losetup"
on_exit losetup -d "$loop"
on_exit dmsetup resume slow-below	# before it goes
[ "$(cat "/sys/block/${loop#/dev/}/loop/dio")" = 1 ] || fail "no direct I/O: the write would be in the cache at once"

write() { # AT
	hang slow
	rm -f model.writing
	blk put "$loop" model "$1" 64K >put.out &
	put=$!
	must wait_for 60 waits_for_io $put
}

unhooked() { ! snapraw info | grep -q '^hook .'; }

in_the_making() { snapraw list | grep -q ' state [123] '; }

# too long
write 4M
limit=/sys/module/snapset/parameters/prepare_timeout_s
echo 1 >$limit
refused E_FLUSH_WRITES_TIMEOUT "$loop"
echo 60 >$limit
gone $put && fail "the write was over before: nothing is proved"
note "$(cat take)"
took=$(awk '{ print $4 }' take)
# how long it took after that is the machine's; that the write has not gone on is said above
[ "$took" -ge 990 ] || fail "gave up after $took ms instead of 1000"
let_go slow
must wait $put
must blk verify "$loop" model

# not too long
for at in 8M 12M; do
	write $at
	{
		wait_for 60 in_the_making && sleep 1
		let_go slow
	} &
	take "$loop"
	before=$(blk digest "${IMAGE[0]}")
	must wait $put
	note "the write took $(cat put.out) ms; $(grep ^ms take)"
	[ "$(ms_of total take)" -ge 900 ] || fail "the set did not wait: nothing is proved"
	[ "$(blk digest "${IMAGE[0]}")" = "$before" ] || fail "the image has changed"
	must blk verify "${IMAGE[0]}" model
	must snapraw delete "$SET"
	# the next one, too, is to be without the hook
	wait_for 60 unhooked || fail "the hook stays"
done
finish
