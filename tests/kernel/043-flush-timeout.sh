#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A file system that cannot be frozen, because its disk stands still: the set fails
# in time and with a sentence, the other file system works at once, and this one
# when its disk does; until then there is no new set, and then there is.
#
# vm: --smp 2 --mem 1G --disk 64M --disk 64M --timeout 120
. "$(dirname "$0")/lib.sh"

load
dm below "0 $(sectors "$SCRATCH0") linear $SCRATCH0 0"
dm stuck "0 $(sectors "$SCRATCH0") linear /dev/mapper/below 0"
mounted ext4 /dev/mapper/stuck "$TMP/stuck"
mounted ext4 "$SCRATCH1" "$TMP/free"
dd if=/dev/urandom of="$TMP/stuck/data" bs=64k count=64 status=none
must dmsetup suspend --nolockfs --noflush below
on_exit dmsetup resume below

begun=$(now_ms)
refused E_FLUSH_WRITES_TIMEOUT --freeze-timeout 700 --freeze "$TMP/free" --freeze "$TMP/stuck" \
	"$SCRATCH1" /dev/mapper/stuck
note "$(cat take); $(($(now_ms) - begun)) ms"
[ $(($(now_ms) - begun)) -lt 5000 ] || fail "took $(($(now_ms) - begun)) ms instead of 700"
must timeout 5 dd if=/dev/zero of="$TMP/free/data" bs=64k count=4 conv=fsync status=none

must dmsetup resume below
must timeout 20 dd if=/dev/zero of="$TMP/stuck/more" bs=64k count=4 conv=fsync status=none
made() { snapraw take --freeze "$TMP/free" --freeze "$TMP/stuck" "$SCRATCH1" /dev/mapper/stuck >out; }
wait_for 20 made || fail "no set afterwards: $(cat out)"
for fs in free stuck; do
	must timeout 10 fsfreeze -f "$TMP/$fs"
	must timeout 10 fsfreeze -u "$TMP/$fs"
done
finish
