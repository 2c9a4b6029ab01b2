#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Causal order on two file systems of different kinds, which are frozen: O_DSYNC
# writes to a file on ext4, then to one on xfs. Also the mounted images show it.
# The freeze alone keeps this order, so broken gates would not be seen here: causal-skew
# shows both, and that the order holds without the freeze.
#
# about: release
# rounds: 40 takes, or 12; a tenth of them, or a sixth, mounted.  Without the freeze a build
# that takes the members one after the other, 2 ms apart, is wrong in two takes of five
# (13 of 30): 40 takes miss it with 1e-10, 12 with 1e-3.  That the freeze works is seen in
# each take whose images are mounted, as a journal to be replayed keeps ext4 from it.
# vm: --smp 1 --mem 1G --disk 64M --disk 320M
. "$(dirname "$0")/../lib.sh"

load
mounted ext4 "$SCRATCH0" "$TMP/e"
mounted xfs "$SCRATCH1" "$TMP/x"
must causal --takes "$(often 40 12)" --mount-every "$(often 10 6)" "$TMP/e/file:$SCRATCH0" "$TMP/x/file:$SCRATCH1"
umount "$TMP/e" "$TMP/x" || fail "a file system stays busy"
must fsck.ext4 -fn "$SCRATCH0" >/dev/null 2>&1
must xfs_repair -n "$SCRATCH1" >/dev/null 2>&1
finish
