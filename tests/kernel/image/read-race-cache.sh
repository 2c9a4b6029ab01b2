#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The same through the page cache of the image and of the origin.
#
# about: interface
# vm: --smp 2 --mem 1G --disk 48M --timeout 250
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
must race --seconds "$(often 30 10)" --round 5 --buffered --engine buffered --depth 1 "$SCRATCH0" model
must blk verify "$SCRATCH0" model
finish
