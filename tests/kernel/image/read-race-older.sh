#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The same with three snapshots of one disk, each older than the other: all three
# stay as they were, also when the oldest goes and a new one comes.
#
# rounds: at least four, and 400 reads as in read-race
#
# about: engine
# vm: --smp 1 --mem 1G --disk 16M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
dm late "0 $(sectors "$SCRATCH0") delay $SCRATCH0 0 2 $SCRATCH0 0 0"
must race --meet 400 --older 2 --readers 3 /dev/mapper/late model
must blk verify "$SCRATCH0" model
finish
