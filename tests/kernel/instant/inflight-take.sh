#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A write that is on its way below us when the set is requested is waited for, and
# is in the image, which never changes.
#
# about: release
# vm: --smp 1 --mem 1G --disk 32M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
hanging slow "$SCRATCH0"

# the write comes after the member was added, and before the request
snapraw take --keep --touch added --until go /dev/mapper/slow >out &
taker=$!
must wait_for 60 test -e added
hang slow
blk put /dev/mapper/slow model 4M 64K >put.out &
put=$!
must wait_for 60 waits_for_io $put
let_go_held slow 1 &
touch go
must wait $taker || fail "$(cat out)"
taken out
must wait $put
hold=$(ms_of hold out)
[ "$hold" -ge 800 ] || fail "held only $hold ms although a write was on its way for 1000 more"

cp model frozen
must blk verify "${IMAGE[0]}" frozen
must blk churn /dev/mapper/slow model --engine aio --depth 64 --from 4M --len 1M --cover --min 4K --max 64K >churn.out
must blk verify "${IMAGE[0]}" frozen
must blk verify /dev/mapper/slow model
finish
