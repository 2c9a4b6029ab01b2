#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Causal order when the members are not equally fast to freeze: raw A, ext4 with
# 40 MiB or more dirty in its cache, raw B. The sync of the file system takes long, and
# A and B must still be of one instant.
#
# vm: --smp 2 --mem 1G --disk 64M --disk 128M --disk 64M --timeout 900
. "$(dirname "$0")/../lib.sh"

load
mounted ext4 "$SCRATCH1" "$TMP/e"
# or the kernel writes back before we look
echo 6000 >/proc/sys/vm/dirty_writeback_centisecs
echo 80 >/proc/sys/vm/dirty_background_ratio
echo 90 >/proc/sys/vm/dirty_ratio
must causal --takes "$(often 100 20)" --dirty "$TMP/e:$SCRATCH1:40" "$SCRATCH0" "$SCRATCH2"
must umount "$TMP/e"
must fsck.ext4 -fn "$SCRATCH1" >/dev/null 2>&1
finish
