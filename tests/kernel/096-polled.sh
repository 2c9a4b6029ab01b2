#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Polled writes (RWF_HIPRI, a ring with IOPOLL) complete under a snapshot and while
# sets are taken.
#
# vm: --smp 2 --mem 1G --timeout 120
# kernels: 6.1 6.12 7
. "$(dirname "$0")/lib.sh"

load
null_disk polled size=64 memory_backed=1 submit_queues=1 poll_queues=1
disk=$NULL_DISK
fill "$disk" model
for engine in direct uring; do
	blk churn "$disk" model --engine $engine --hipri --depth 4 --seconds 3 >churn.out &
	churn=$!
	for _ in 1 2 3 4; do
		take "$disk"
		must snapraw delete "$SET"
	done
	must wait $churn
	cp model model.then
	take "$disk"
	must blk churn "$disk" model --engine $engine --hipri --cover --min 4K --max 64K --depth 4 >churn.out
	note "$engine $(cat churn.out)"
	must blk verify "${IMAGE[0]}" model.then
	must blk verify "$disk" model
	must snapraw delete "$SET"
done
finish
