#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A member whose disk stands still has taken all of the set's budget that is shared,
# for old data that cannot be read; the writers of the other member go on.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 16M --disk 16M
. "$(dirname "$0")/../lib.sh"

load
dm stuck "0 $(sectors "$SCRATCH0") linear $SCRATCH0 0"
fill /dev/mapper/stuck one
fill "$SCRATCH1" two
take --budget 1M /dev/mapper/stuck "$SCRATCH1"
must dmsetup suspend --nolockfs --noflush stuck
on_exit dmsetup resume stuck
blk churn /dev/mapper/stuck one --engine aio --depth 32 --threads 2 --min 64K --max 128K --writes 100 >one.out &
stuck=$!
in_ram() { snapraw snap "${SNAP[0]}" | awk '{ print $9 }'; }
all_taken() { [ "$(in_ram)" -ge $((1048576 - 2 * 65536)) ]; }
wait_for 60 all_taken || fail "only $(in_ram) bytes are taken"
begun=$(now_ms)
must timeout 120 blk churn "$SCRATCH1" two --engine direct --threads 2 --min 512 --max 128K --writes 100 >two.out
note "the other member's writers: $(($(now_ms) - begun)) ms, $(cat two.out)"
gone $stuck && fail "nobody was stuck: nothing is proved"
must blk verify "${IMAGE[1]}" two.then
must dmsetup resume stuck
must wait $stuck
must blk verify /dev/mapper/stuck one
must blk verify "${IMAGE[0]}" one.then
must blk verify "$SCRATCH1" two
finish
