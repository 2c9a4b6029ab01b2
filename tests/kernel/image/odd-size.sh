#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The image is frozen up to the last sector when the disk ends, and begins, in the
# middle of a granule and of a page.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 8M
. "$(dirname "$0")/../lib.sh"

load
# odd by one sector, by seven, and less than a granule
for size in 8193 $(often 2047 "") 7; do
	dm odd "0 $size linear $SCRATCH0 3"
	disk=/dev/mapper/odd
	fill $disk model
	# a set for each: what is kept already is not copied
	for engine in direct aio buffered; do
		cp model model.then
		take $disk
		[ "$(sectors "${IMAGE[0]}")" = "$size" ] ||
			fail "the image of $size sectors has $(sectors "${IMAGE[0]}")"
		must blk churn $disk model --engine $engine --cover --min 512 --max 1M --threads 2 --depth 2 >churn.out
		must blk verify "${IMAGE[0]}" model.then
		must blk verify $disk model
		must snapraw delete "$SET"
	done
	cp model model.then
	take $disk
	must blk put $disk model $((size * 512 - 512)) 512 >put.out
	must blk verify "${IMAGE[0]}" model.then
	must snapraw delete "$SET"
	must dmsetup remove --retry odd
done
finish
