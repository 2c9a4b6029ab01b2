#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Commit, cancel and the hold's end race for one word: whoever wins, the cancel's
# answer, the set's state and the images agree, nothing stays held or frozen.
#
# Two processors: the three come from different threads, and one word is to decide.
#
# rounds: the moment of the cancel is moved to where the outcome turns. How often that
# meets the few instructions of the race is not measured: no build is known that loses it.
# about: engine
# vm: --smp 2 --mem 1G --disk 32M --disk 32M --disk 64M
. "$(dirname "$0")/../lib.sh"

load
mounted ext4 "$SCRATCH2" "$TMP/e"
# writes on their way for 5 ms: a hold of one millisecond cannot go well
dm slow "0 $(sectors "$SCRATCH1") delay $SCRATCH1 0 0 $SCRATCH1 0 5"
must cancel --rounds "$(often 48 24)" --mount "$TMP/e:$SCRATCH2" "$SCRATCH0" /dev/mapper/slow
must umount "$TMP/e"
must fsck.ext4 -fn "$SCRATCH2" >/dev/null 2>&1
finish
