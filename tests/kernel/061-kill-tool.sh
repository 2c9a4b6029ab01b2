#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The tool may be killed at any moment: nothing stays held, frozen or allocated.
#
# vm: --smp 2 --mem 1G --disk 32M --disk 64M --timeout 400
. "$(dirname "$0")/lib.sh"

need snapset
load
mounted ext4 "$SCRATCH1" "$TMP/e"
must killer --kills "$(often 60 15)" --longest 400 --command 'snapset create --auto-release' \
	--mount "$TMP/e:$SCRATCH1" "$SCRATCH0"
must umount "$TMP/e"
finish
