#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Causal order when the members are not equally fast to freeze: raw A, ext4 with
# 40 MiB or more dirty in its cache, raw B. The sync of the file system takes long, and
# A and B must still be of one instant.
#
# about: interface
# rounds: 25 takes, or 10.  A build that takes the members one after the other, 0.5 ms
# apart, is wrong in six to eight takes of ten, as A and B are two steps apart and the file
# system's work is between them (1 ms: 19 of 20): 10 takes miss it with 1e-4, 25 with 1e-10.
# vm: --smp 1 --mem 1G --disk 64M --disk 128M --disk 64M
. "$(dirname "$0")/../lib.sh"

set_vm() { # KNOB VALUE: until the test ends
	on_exit sh -c "echo $(cat "/proc/sys/vm/$1") >/proc/sys/vm/$1"
	echo "$2" >"/proc/sys/vm/$1" || fail "vm.$1 does not take $2"
}

load
mounted ext4 "$SCRATCH1" "$TMP/e"
# else the kernel writes back before we look
set_vm dirty_writeback_centisecs 6000
set_vm dirty_background_ratio 80
set_vm dirty_ratio 90
must causal --takes "$(often 25 10)" --dirty "$TMP/e:$SCRATCH1:40" "$SCRATCH0" "$SCRATCH2"
must umount "$TMP/e"
must fsck.ext4 -fn "$SCRATCH1" >/dev/null 2>&1
finish
