#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Writes that must not wait (RWF_NOWAIT, by a system call and by io_uring) complete
# under a snapshot and while sets are taken, and are not sent back in a loop.
#
# vm: --smp 2 --mem 1G --disk 32M --timeout 120
. "$(dirname "$0")/lib.sh"

load
fill "$SCRATCH0" model
blk churn "$SCRATCH0" model --engine uring --nowait --depth 8 --seconds 4 >churn-1.out &
churn=$!
for i in 1 2 3 4 5; do
	take "$SCRATCH0"
	must snapraw delete "$SET"
done
must wait $churn
cp model model.then
take "$SCRATCH0"
must blk churn "$SCRATCH0" model --engine direct --nowait --cover --min 4K --max 64K --threads 2 >churn-2.out
must blk churn "$SCRATCH0" model --engine uring --nowait --cover --min 4K --max 64K --depth 8 >churn-3.out
must blk verify "${IMAGE[0]}" model.then
must blk verify "$SCRATCH0" model
for i in 1 2 3; do
	read -r _ writes _ _ _ again _ <"churn-$i.out"
	note "$(cat churn-$i.out)"
	[ $((again * 10)) -le "$writes" ] || fail "$again of $writes writes were sent back"
done
finish
