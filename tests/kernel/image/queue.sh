#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# An image's queue says of itself what its reads are like: rotational or not as the origin,
# and what is read of it is accounted, for who watches it with iostat.
#
# about: interface
# vm: --smp 1 --mem 1G --disk 32M
. "$(dirname "$0")/../lib.sh"

need snapset
load
fill "$SCRATCH0" model
origin=/sys/block/$(basename "$(readlink -f "$SCRATCH0")")/queue
was=$(cat "$origin/rotational")
on_exit sh -c "echo $was >$origin/rotational"
for rotational in 0 1; do
	echo $rotational >"$origin/rotational" || skip "the disk's queue does not take it"
	take "$SCRATCH0"
	shown=/sys/block/$(basename "${IMAGE[0]}")
	[ "$(cat "$shown/queue/rotational")" = $rotational ] || fail "not as the origin: $rotational"
	[ "$(cat "$shown/queue/iostats")" = 1 ] || fail "nothing is accounted"
	read -r reads _ sectors _ <"$shown/stat"
	must dd if="${IMAGE[0]}" of=/dev/null bs=64k count=16 iflag=direct status=none
	read -r reads2 _ sectors2 _ writes _ _ _ now _ <"$shown/stat"
	[ $((sectors2 - sectors)) = 2048 ] || fail "$((sectors2 - sectors)) sectors for 1 MiB"
	[ $((reads2 - reads)) -ge 16 ] || fail "$((reads2 - reads)) reads for 16"
	[ "$writes $now" = "0 0" ] || fail "writes $writes, under way $now"
	must snapraw delete "$SET"
done
finish
