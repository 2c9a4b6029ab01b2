#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A member's device stops during the hold, so that its thaw hangs, and the set is cancelled:
# generic netlink goes on for everybody, a family can be registered, the set comes to its
# end without the thaw, and when the device goes on the thaw comes, too.
#
# about: interface
# vm: --smp 1 --mem 1G --disk 64M --disk 16M
. "$(dirname "$0")/../lib.sh"

need snapset
load
may_hang
netlink_family
[ -n "$family" ] || skip "this kernel has no module with a netlink family"
hanging door "$SCRATCH0"
mounted ext4 /dev/mapper/door /mnt/a
echo hello >/mnt/a/f
sync
fault 'hold 1 1 100000 0'
snapset create --store memory:8M /mnt/a >create.out 2>&1 &
tool=$!
wait_for 60 holding || fail "the writes are not held: $(cat create.out)"
hang door
kill -INT $tool
# the take goes on when the cancel has come: it could be made before
aborting() { snapraw list | grep -q ' state 6 '; }
wait_for 60 aborting || fail "the cancel does not come: $(snapraw list)"
fault go
over() { ! snapraw list | grep -Eq ' state ([0-4]|6) '; }
modprobe "$family" &
module=$!
wait_for 30 gone $module || fail "no netlink family can be registered: $(cat "/proc/$module/stack")"
must wait $module
on_exit modprobe -r "$family"
wait_for 60 over || fail "the set does not end: $(snapraw list)"
wait_for 60 gone $tool || fail "the tool does not end: $(cat "/proc/$tool/stack")"
wait $tool && fail "the set was made: $(cat create.out)"
owed() { [ "$(awk '$1 == "owed" { print $2 }' /sys/kernel/debug/snapset/counters)" = "$1" ]; }
owed 1 || fail "the thaw is not owed: nothing was shown: $(cat /sys/kernel/debug/snapset/counters)"
# and others can be snapshotted
must snapset create --store memory:8M "$SCRATCH1" >other.out
must snapraw clear >cleared
let_go door
wait_for 60 owed 0 || fail "the thaw does not come"
must timeout 60 sh -c 'echo again >/mnt/a/f && sync'
fault off
finish
