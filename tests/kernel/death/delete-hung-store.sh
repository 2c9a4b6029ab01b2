#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Two snapshots of one device are deleted while the store of the newer one hangs: what is
# written afterwards is copied for neither of them.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 16M --disk 16M
. "$(dirname "$0")/../lib.sh"

load
may_hang
fill "$SCRATCH0" a
hanging store "$SCRATCH1"
take --store-limit 12M "$SCRATCH0"
old=$SET
take --store /dev/mapper/store --stall-timeout 60000 "$SCRATCH0"
new=$SET
hang store
must blk churn "$SCRATCH0" a --engine aio --depth 4 --writes 20 --max 16K >churn.out
must snapraw delete --force "$new"
must snapraw delete --force "$old"
places() { awk '$1 == "place" { print $2 }' /sys/kernel/debug/snapset/counters; }
had=$(places)
must blk churn "$SCRATCH0" a --engine aio --depth 4 --from 4M --len 8M --cover --min 4K --max 64K >churn.out
[ "$(places)" -le "$had" ] || fail "$(places) granules are kept, and there is no snapshot; before there were $had"
must blk verify "$SCRATCH0" a
let_go store
finish
