#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The image is frozen on a disk with sectors of 4096 bytes, and has such itself.
#
# about: interface
# vm: --smp 1 --mem 1G --disk 8M:4096
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
for engine in direct aio; do
	# a set for each: what is kept already is not copied
	cp model model.then
	take "$SCRATCH0"
	[ "$(blockdev --getss "${IMAGE[0]}")" = 4096 ] || fail "the image has other sectors"
	[ "$(blockdev --getsz "${IMAGE[0]}")" = "$(sectors "$SCRATCH0")" ] || fail "the image has another size"
	must blk churn "$SCRATCH0" model --engine $engine --cover --min 4096 --max 1M --threads 2 --depth 4 >churn.out
	must blk verify "${IMAGE[0]}" model.then
	must blk verify "$SCRATCH0" model
	must snapraw delete "$SET"
done
finish
