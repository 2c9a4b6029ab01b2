#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The member is a device-mapper device over parts of two disks: writes that span
# both, writes in every way, and the image stays frozen.
#
# about: interface
# vm: --smp 1 --mem 1G --disk 8M --disk 8M
. "$(dirname "$0")/../lib.sh"

load
dm joined "$(printf '%s\n' "0 7001 linear $SCRATCH0 77" "7001 9000 linear $SCRATCH1 1")"
fill /dev/mapper/joined model
# a set for each: what is kept already is not copied
for engine in aio buffered uring; do
	cp model model.then
	take /dev/mapper/joined
	must blk churn /dev/mapper/joined model --engine $engine --cover --min 512 --max 1M --threads 2 \
		--depth 4 >churn.out
	must blk verify "${IMAGE[0]}" model.then
	must blk verify /dev/mapper/joined model
	must snapraw delete "$SET"
done
finish
