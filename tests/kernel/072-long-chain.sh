#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# 2 GiB zeroed or discarded in one call are thousands of chained bios. When the first
# of them completes last, nothing may call back through the whole chain: while a
# set is being made, when all writes are counted, and under a snapshot, when all
# are copied.
#
# vm: --smp 2 --mem 1G --disk 32M --timeout 400
. "$(dirname "$0")/lib.sh"

load
null_disk big size=4096 discard=1
head=2048 total=$((4096 * 2048))
dm big "$(printf '%s\n' "0 $head delay $SCRATCH0 0 0 $SCRATCH0 0 1500" \
	"$head $((total - head)) linear $NULL_DISK $head")"
null_disk hole size=8192
store=$NULL_DISK
big=/dev/mapper/big
cap=/sys/block/$(basename "$(readlink -f $big)")/queue/discard_max_bytes
echo 1048576 >"$cap" || fail "cannot cap the size of a discard"

chain() { # WHAT OPTION
	local begun

	begun=$(now_ms)
	must blkdiscard "${@:2}" --offset 0 --length 2G $big
	note "$1 ${*:2}: $(($(now_ms) - begun)) ms"
}

rm -f added
snapraw take --stay --pause-add 3600000 --touch added $big >out 2>&1 &
taker=$!
must wait_for 20 test -e added
chain counted -z
chain counted
kill -9 $taker

wait_for 20 no_objects || fail "objects are left"
take --store "$store" $big
chain copied -z
must snapraw snap "${SNAP[0]}"
must snapraw delete "$SET"
take --store "$store" $big
chain copied
must snapraw snap "${SNAP[0]}"
must snapraw delete "$SET"
finish
