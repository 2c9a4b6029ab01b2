#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Discarding and zeroing the origin does not change the image, whether the blocks
# had been kept before or not; the origin then holds what was written last.
#
# vm: --smp 2 --mem 1G --disk 64M --timeout 200
. "$(dirname "$0")/lib.sh"

load
fill "$SCRATCH0" model
take "$SCRATCH0"
must blk churn "$SCRATCH0" model --engine aio --depth 8 --min 512 --max 256K --writes 100 >churn.out
must blk discard "$SCRATCH0" model 0 16M >ms.out
must blk verify "${IMAGE[0]}" model.then
must blk zero "$SCRATCH0" model 12M 16M >ms.out
must blk verify "${IMAGE[0]}" model.then
# not a whole granule at either end
must blk zero "$SCRATCH0" model $((32 * 1048576 + 512)) $((8 * 1048576 - 1024)) >ms.out
must blk discard "$SCRATCH0" model $((44 * 1048576 + 1536)) $((8 * 1048576 - 512)) >ms.out
must blk verify "${IMAGE[0]}" model.then
must blk verify "$SCRATCH0" model
# writes into what was discarded are there, also when the snapshot is gone
must blk churn "$SCRATCH0" model --engine aio --depth 8 --min 4K --max 64K --from 0 --len 16M --writes 200 >churn.out
must blk verify "${IMAGE[0]}" model.then
must blk verify "$SCRATCH0" model
must snapraw delete "$SET"
sleep 1
must blk verify "$SCRATCH0" model
finish
