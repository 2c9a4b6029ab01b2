#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Reads of the image, of blocks never written, kept before, and just being copied,
# race with overwrites for a minute: every sector is as it was at the take.
#
# about: engine
# vm: --smp 2 --mem 1G --disk 64M --timeout 250
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
must race --seconds "$(often 60 15)" --round 5 "$SCRATCH0" model
must blk verify "$SCRATCH0" model
finish
