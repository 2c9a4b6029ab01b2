#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The image is frozen: the digest of the whole image right after the take, during
# overwrites of every block of the origin in every way and size, and after them
# is that of the origin before; and it equals a copy made while all was quiet.
#
# vm: --smp 2 --mem 1G --disk 48M --disk 48M --timeout 400
. "$(dirname "$0")/lib.sh"

load
disk=$SCRATCH0
fill "$disk" model
must dd if="$disk" of="$SCRATCH1" bs=1M iflag=direct oflag=direct status=none
before=$(blk digest "$disk")
take "$disk"

same() {
	local digest

	digest=$(blk digest "${IMAGE[0]}")
	[ "$digest" = "$before" ] && return
	blk compare "${IMAGE[0]}" "$SCRATCH1"
	fail "the image has changed $1"
}

same "at the take"
for engine in direct buffered mmap aio uring; do
	range=()
	# a page fault for each page: slow
	[ $engine != mmap ] || range=(--from 3M --len 6M)
	blk churn "$disk" model --engine $engine --cover --min 512 --max 2M --threads 2 \
		--depth 4 "${range[@]}" --seed $((RANDOM)) >churn.out &
	churn=$!
	same "during $engine"
	must wait $churn
	same "after $engine"
	must blk verify "$disk" model
done
must blk compare "${IMAGE[0]}" "$SCRATCH1"
must blk verify "${IMAGE[0]}" model.then
finish
