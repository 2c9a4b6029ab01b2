#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The image is frozen: the digest of the whole image right after the take, again
# and again during overwrites of every block of the origin, and after them is that
# of the origin before, and what it holds is what was written before. So for each
# way of writing, with a set of its own: what is kept already is copied by nobody.
#
# about: release
# vm: --smp 1 --mem 1G --disk 8M
. "$(dirname "$0")/../lib.sh"

load
disk=$SCRATCH0
fill "$disk" model

same() {
	local digest

	digest=$(blk digest "${IMAGE[0]}")
	[ "$digest" = "$before" ] && return
	blk verify "${IMAGE[0]}" model.then
	fail "the image has changed $1: $digest instead of $before"
}

for engine in direct buffered mmap aio uring; do
	cp model model.then
	rm -f model.covered
	before=$(blk digest "$disk")
	take "$disk"
	same "at the take"
	# it writes on, over what is kept, until it is told to stop: however slow the
	# machine is, there are whole digests while it writes
	blk churn "$disk" model --engine $engine --cover --on --min 512 --max 1M --threads 2 \
		--depth 4 --seed $((RANDOM)) >churn.out &
	churn=$!
	meanwhile=0 after=0
	until [ $after = 1 ]; do
		[ ! -e model.covered ] || after=1
		same "during $engine"
		gone $churn && fail "$engine: the writer has ended: $(cat churn.out)"
		meanwhile=$((meanwhile + 1))
	done
	kill $churn
	must wait $churn
	note "$engine: $(cat churn.out), $meanwhile digests meanwhile"
	same "after $engine"
	must blk verify "$disk" model
	must blk verify "${IMAGE[0]}" model.then
	copied=$(snapraw snap "${SNAP[0]}" | awk '{ print $5 }')
	[ "$copied" = $(($(sectors "$disk") * 512)) ] || fail "$engine: $copied bytes were copied, not all there are"
	must snapraw delete "$SET"
done
finish
