#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The image is frozen: the digest of the whole image right after the take, again
# and again during overwrites of every block of the origin, and after them is that
# of the origin before; and it equals a copy made while all was quiet. So for each
# way of writing, with a set of its own: what is kept already is copied by nobody.
#
# about: interface
# vm: --smp 2 --mem 1G --disk 24M --disk 24M --timeout 400
. "$(dirname "$0")/../lib.sh"

load
disk=$SCRATCH0
fill "$disk" model

same() {
	local digest

	digest=$(blk digest "${IMAGE[0]}")
	[ "$digest" = "$before" ] && return
	blk compare "${IMAGE[0]}" "$SCRATCH1"
	fail "the image has changed $1"
}

for engine in direct buffered mmap aio uring; do
	cp model model.then
	must dd if="$disk" of="$SCRATCH1" bs=1M iflag=direct oflag=direct status=none
	before=$(blk digest "$disk")
	take "$disk"
	same "at the take"
	begun=$(now_ms)
	blk churn "$disk" model --engine $engine --cover --min 512 --max 2M --threads 2 \
		--depth 4 --seed $((RANDOM)) >churn.out &
	churn=$!
	meanwhile=0
	until gone $churn; do
		same "during $engine"
		gone $churn || meanwhile=$((meanwhile + 1))
	done
	must wait $churn
	note "$engine: $(cat churn.out), $(($(now_ms) - begun)) ms, $meanwhile digests meanwhile"
	[ $meanwhile -gt 0 ] || fail "$engine: no digest ended while it was writing"
	same "after $engine"
	must blk verify "$disk" model
	must blk compare "${IMAGE[0]}" "$SCRATCH1"
	must blk verify "${IMAGE[0]}" model.then
	copied=$(snapraw snap "${SNAP[0]}" | awk '{ print $5 }')
	[ "$copied" = $(($(sectors "$disk") * 512)) ] || fail "$engine: $copied bytes were copied, not all there are"
	must snapraw delete "$SET"
done
finish
