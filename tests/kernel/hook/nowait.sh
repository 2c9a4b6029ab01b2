#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Writes that must not wait (RWF_NOWAIT, by a system call and by io_uring) complete
# under a snapshot and while sets are taken, which park some of them, and are not
# sent back in a loop.
#
# about: release
# vm: --smp 1 --mem 1G --disk 32M --disk 8M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
fill "$SCRATCH1" other
hanging slow "$SCRATCH1"
threads=4
blk churn "$SCRATCH0" model --engine uring --nowait --depth 8 --threads $threads --seconds 3600 >churn-1.out &
churn=$!
for i in 1 2 3; do
	take "$SCRATCH0"
	must snapraw delete "$SET"
done
# a slow write to the other member makes the hold long
hang slow
blk put /dev/mapper/slow other 1M 4K >put.out &
put=$!
must wait_for 60 waits_for_io $put
let_go_held slow 3 &
snapraw take --keep "$SCRATCH0" /dev/mapper/slow >out || fail "$(cat out)"
taken out
must wait $put
note "held for $(ms_of hold out) ms, parked $(ms_of parked out) writes"
# A write that is sent back is tried again in a call that may wait, by a thread that
# meanwhile begins no other. All four do so at one time once in 10^4 at most: what is
# parked beyond one for each thread must not have waited.
[ "$(ms_of parked out)" -gt $threads ] || fail "no write that must not wait was parked: $(cat out)"
must snapraw delete "$SET"
kill -TERM $churn
must wait $churn

cp model model.then
take "$SCRATCH0"
must blk churn "$SCRATCH0" model --engine direct --nowait --cover --min 4K --max 64K --threads 2 >churn-2.out
must blk verify "${IMAGE[0]}" model.then
must snapraw delete "$SET"
cp model model.then
take "$SCRATCH0"
must blk churn "$SCRATCH0" model --engine uring --nowait --cover --min 4K --max 64K --depth 8 >churn-3.out
must blk verify "${IMAGE[0]}" model.then
must blk verify "$SCRATCH0" model
for i in 1 2 3; do
	read -r _ writes _ _ _ again _ <"churn-$i.out"
	note "$(cat churn-$i.out)"
	[ $((again * 10)) -le "$writes" ] || fail "$again of $writes writes were sent back"
done
finish
