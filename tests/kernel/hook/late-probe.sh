#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The read that tries the hook out waits in a throttle in front of it: that says nothing of
# the hook. The member is refused, and the next one gets the same hook, not the one that
# stands further out, with its gap.
#
# 5.10 has the throttle behind its only hook.
#
# about: interface
# kernels: 6.1 7
# vm: --smp 1 --mem 1G --disk 32M --disk 32M
. "$(dirname "$0")/../lib.sh"

load
# cgroup v1 throttles its root group, too, where a kernel's workers are
mkdir blkio
must mount -t cgroup -o blkio none blkio
on_exit umount blkio
disk=$(readlink -f "$SCRATCH0")
number=$(cat "/sys/block/${disk##*/}/dev")
throttle() { # BYTES per second, of what is read; 0: no limit
	echo "$number $1" >blkio/blkio.throttle.read_bps_device || fail "no throttle of $1"
}
on_exit sh -c "echo '$number 0' >$PWD/blkio/blkio.throttle.read_bps_device"

# who goes on with the device, waits for it
late() {
	refused EBUSY "$SCRATCH0" &
	if ! wait_for 60 gone $!; then
		throttle 0
		fail "not refused"
	fi
	wait $! || exit
	grep -q ' text .*does not come back' "$TMP/take" || fail "$(cat "$TMP/take")"
}

hook() { snapraw info | sed -n 's/^hook //p'; }

take "$SCRATCH1"
hook=$(hook)
[ "$hook" = submit_bio_noacct_nocheck ] || fail "the hook is at ${hook:-no place}"
must snapraw delete "$SET"
unhooked() { [ -z "$(hook)" ]; }
must wait_for 60 unhooked

for round in 1 2; do
	# a byte per second
	throttle 1
	late
	# nothing is hooked for it, and what is tried out next is the same as at first
	[ -z "$(hook)" ] || fail "round $round: still hooked: $(hook)"
	take "$SCRATCH1"
	[ "$(hook)" = "$hook" ] || fail "round $round: a read that is late: the hook is at $(hook)"
	# beside a hook that others use
	late
	[ "$(hook)" = "$hook" ] || fail "round $round: the hook that is in use is at $(hook)"
	must snapraw delete "$SET"
	# the reads end, and nothing of them is left
	throttle 0
	must wait_for 60 no_objects
	take "$SCRATCH0"
	[ "$(hook)" = "$hook" ] || fail "round $round: the hook is at $(hook)"
	must snapraw delete "$SET"
	must wait_for 60 unhooked
done
finish
