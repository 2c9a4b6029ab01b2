#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A file system that cannot even be synced, because its disk stands still: that may
# take as long as it takes, nothing is held or frozen meanwhile, and the owner can
# give up. Then the others go on, and this one as soon as its disk does.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 64M --disk 64M
. "$(dirname "$0")/../lib.sh"

load
dm below "0 $(sectors "$SCRATCH0") linear $SCRATCH0 0"
dm stuck "0 $(sectors "$SCRATCH0") linear /dev/mapper/below 0"
mounted ext4 /dev/mapper/stuck "$TMP/stuck"
mounted ext4 "$SCRATCH1" "$TMP/free"
dd if=/dev/urandom of="$TMP/stuck/data" bs=64k count=64 status=none
must dmsetup suspend --nolockfs --noflush below
on_exit dmsetup resume below

snapraw take --freeze-timeout 700 --freeze "$TMP/free" --freeze "$TMP/stuck" "$SCRATCH1" \
	/dev/mapper/stuck >out &
taker=$!
preparing() { snapraw list | grep -q ' state 1 '; }
wait_for 60 preparing || fail "no set is being prepared: $(cat out)"
# more than the freeze may take
pause 2
preparing || fail "the sync has a limit: $(snapraw list; cat out)"
must timeout 60 dd if=/dev/zero of="$TMP/free/data" bs=64k count=4 conv=fsync status=none
kill -9 $taker
wait $taker 2>/dev/null
none() { [ "$(snapraw sets)" = 0 ]; }
wait_for 60 none || fail "the owner is dead, the set is not"
# a sync that hangs is in nobody's way: one without the stuck disk is made
timeout 60 snapraw take --freeze "$TMP/free" "$SCRATCH1" >out || fail "not made: $(cat out)"

must dmsetup resume below
must timeout 60 dd if=/dev/zero of="$TMP/stuck/more" bs=64k count=4 conv=fsync status=none
made() { snapraw take --freeze "$TMP/free" --freeze "$TMP/stuck" "$SCRATCH1" /dev/mapper/stuck >out; }
wait_for 60 made || fail "no set afterwards: $(cat out)"
for fs in free stuck; do
	must timeout 60 fsfreeze -f "$TMP/$fs"
	must timeout 60 fsfreeze -u "$TMP/$fs"
done
finish
