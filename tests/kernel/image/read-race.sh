#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Reads of the image, of blocks never written, kept before, and just being copied,
# race with overwrites: every sector is as it was at the take. So with a store in
# memory, which has what is being copied at once, and with one on a disk; and on a disk
# whose reads come late, so that a read of the image is on its way for long.
#
# about: engine
# two processors: a read asks where its block is while a writer makes it be elsewhere
# vm: --smp 2 --mem 1G --disk 16M --disk 32M
#
# rounds: 400 reads that meet a first write on the late disk, each of which would be wrong
# with a probability of 5 % or more if the image did not hold up the writer of what is being
# read, or did not look a second time who keeps it, or not into what is on its way to the
# store (measured with builds broken so): none of them passes with one above 1e-8. Without
# the delay the same takes some thousand reads; there it is about the processors' order.
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
must race --meet "$(often 2000 500)" "$SCRATCH0" model
dm late "0 $(sectors "$SCRATCH0") delay $SCRATCH0 0 2 $SCRATCH0 0 0"
must race --meet 400 /dev/mapper/late model
must race --meet 400 --store "$SCRATCH1" /dev/mapper/late model
must blk verify "$SCRATCH0" model
finish
