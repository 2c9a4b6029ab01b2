#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The same with three snapshots of one disk, each older than the other: all three
# stay as they were, also when the oldest goes and a new one comes.
#
# about: engine
# vm: --smp 2 --mem 1G --disk 48M --timeout 250
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
must race --seconds "$(often 40 12)" --round 4 --older 2 --readers 3 "$SCRATCH0" model
must blk verify "$SCRATCH0" model
finish
