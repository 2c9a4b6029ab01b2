#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A write has been taken, and before its granules are asked for a set is committed and a
# later write to the same granules is copied and passes. What the first one then copies is
# new data: it may be kept for neither snapshot.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 16M
. "$(dirname "$0")/../lib.sh"

load
may_hang
fill "$SCRATCH0" a
take --store-limit 20M "$SCRATCH0"
old=${SNAP[0]} old_image=${IMAGE[0]}
fault 'job-begin 1 1 100000 0'
# too long to be begun in the hook: the worker makes its job
blk put "$SCRATCH0" a 0 128K >first.out &
first=$!
wait_for 60 fault_hit job-begin || fail "the write has no job"
take --store-limit 20M "$SCRATCH0"
new=${SNAP[0]} later=${IMAGE[0]}
cp a a.second
blk put "$SCRATCH0" a.second 64K 4K >second.out &
second=$!
# short: by the hook itself, which needs no worker to begin
begun() { grep -Eq '^copy 1 ' /sys/kernel/debug/snapset/counters; }
wait_for 60 begun || fail "the second write has not begun: $(cat /sys/kernel/debug/snapset/counters)"
fault go
must wait $first
must wait $second
fault off
for one in "$old" "$new"; do
	dead "$one" && fail "lost: $(snapraw snap "$one")"
done
must blk verify "$old_image" a.then
must blk verify "$later" a.then
finish
