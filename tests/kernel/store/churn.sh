#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Sets with stores of every kind, shared, extended, full, deleted at random: no space of a
# store is lost or used twice, a deletion gives back what it said, and each image that
# lives is right.
#
# rounds: a build in which a deletion gives back less than it has was found by the 40th
# operation, in one attempt; what of the others is caught by how many is not known.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 16M --disk 8M --disk 16M --disk 128M
. "$(dirname "$0")/../lib.sh"

load
mounted ext4 "$SCRATCH3" m
must stores "${SEED:-$RANDOM}" "$(often 300 100)" m "$SCRATCH1" "$SCRATCH0" "$SCRATCH2" >stores.out
note "$(cat stores.out)"
must umount m
must e2fsck -fn "$SCRATCH3" >fsck.out 2>&1
finish
