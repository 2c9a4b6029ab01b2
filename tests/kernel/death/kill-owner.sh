#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Whoever makes sets, and whoever writes, may be killed at any moment: nothing stays
# held, frozen or allocated.
#
# rounds: every other kill has its state, each in turn, and is sure of it; those between
# come after a random time of 80 ms, and find by chance what goes wrong elsewhere.
# about: engine
# vm: --smp 1 --mem 1G --disk 32M --disk 32M --disk 64M
. "$(dirname "$0")/../lib.sh"

load
mounted ext4 "$SCRATCH2" "$TMP/e"
must killer --kills "$(often 40 16)" --mount "$TMP/e:$SCRATCH2" "$SCRATCH0" "$SCRATCH1"
must fsfreeze -f "$TMP/e"
must fsfreeze -u "$TMP/e"
must umount "$TMP/e"
must fsck.ext4 -fn "$SCRATCH2" >/dev/null 2>&1
finish
