#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A write that is on its way below us when the member is added, and so never came
# by us, is waited for: either it is in the image, or there is no image.
#
# about: interface
# vm: --smp 1 --mem 1G --disk 32M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
hanging slow "$SCRATCH0"
for round in 1 2; do
	hang slow
	rm -f model.writing
	blk put /dev/mapper/slow model $((round * 4))M 64K >put.out &
	put=$!
	wait_for 60 waits_for_io $put || fail "nothing is written"
	let_go_held slow 1 &
	snapraw take --keep /dev/mapper/slow >out || fail "$(cat out)"
	taken out
	[ "$(ms_of hold out)" -ge 1000 ] || fail "the set did not wait for the write: $(cat out)"
	before=$(blk digest "${IMAGE[0]}")
	must wait $put
	[ "$(blk digest "${IMAGE[0]}")" = "$before" ] || fail "the image has changed"
	cp model frozen
	must blk verify "${IMAGE[0]}" frozen
	must blk churn /dev/mapper/slow model --engine aio --depth 64 --from 4M --len 2M --writes 64 --max 64K >churn.out
	must blk verify "${IMAGE[0]}" frozen
	must snapraw delete "$SET"
done
must blk verify /dev/mapper/slow model
finish
