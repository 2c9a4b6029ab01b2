#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The tool and a writer may be killed at any moment, however the set was to live: as
# long as the tool, or a command, or for good. Nothing stays held, frozen or allocated,
# and of sets only what was to stay.
#
# rounds: every other kill has its state, each in turn, and is sure of it; those between
# come after a random time of 0.3 s, and find by chance what is between two calls of the
# tool: what goes wrong in one moment of a hundred is found in a fifth of the runs.
# about: engine
# vm: --smp 1 --mem 1G --disk 32M --disk 64M
. "$(dirname "$0")/../lib.sh"

need snapset
load
mounted ext4 "$SCRATCH1" "$TMP/e"
must killer --kills "$(often 48 16)" --longest $((300 * SLOWER)) --mount "$TMP/e:$SCRATCH1" \
	--command 'snapset create --auto-release @' --command 'snapset create @' \
	--command 'snapset create @ --exec sleep 5' "$SCRATCH0"
must umount "$TMP/e"
must fsck.ext4 -fn "$SCRATCH1" >/dev/null 2>&1
finish
