#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A write that is on its way below us when the member is added, and so never came
# by us, is waited for: either it is in the image, or there is no image.
#
# vm: --smp 2 --mem 1G --disk 32M --timeout 120
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
dm slow "0 $(sectors "$SCRATCH0") delay $SCRATCH0 0 0 $SCRATCH0 0 5000"

sent() { waits_for_io "$put" || gone "$put"; }

for round in 1 2; do
	rm -f model.writing
	blk put /dev/mapper/slow model $((round * 4))M 64K >put.out &
	put=$!
	must wait_for 60 test -e model.writing
	wait_for 60 sent || fail "nothing is written"
	take /dev/mapper/slow
	before=$(blk digest "${IMAGE[0]}")
	must wait $put
	[ "$(cat put.out)" -ge 4900 ] || fail "the write took only $(cat put.out) ms: nothing is proved"
	[ "$(blk digest "${IMAGE[0]}")" = "$before" ] || fail "the image has changed"
	cp model frozen
	must blk verify "${IMAGE[0]}" frozen
	must blk churn /dev/mapper/slow model --engine aio --depth 64 --from 4M --len 2M --writes 64 --max 64K >churn.out
	must blk verify "${IMAGE[0]}" frozen
	must snapraw delete "$SET"
done
must blk verify /dev/mapper/slow model
finish
