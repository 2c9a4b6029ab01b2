#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The same through the page cache of the image and of the origin.
#
# rounds: 2000 reads that meet a write, most of them to the cache only; the builds of
# read-race that are broken are found by
#
# about: engine
# vm: --smp 1 --mem 1G --disk 16M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
dm late "0 $(sectors "$SCRATCH0") delay $SCRATCH0 0 2 $SCRATCH0 0 0"
must race --meet 2000 --buffered --engine buffered --depth 1 /dev/mapper/late model
must blk verify "$SCRATCH0" model
finish
