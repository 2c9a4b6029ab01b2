#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Causal order on two file systems of different kinds, which are frozen: O_DSYNC
# writes to a file on ext4, then to one on xfs. Also the mounted images show it.
# The freeze alone keeps this order, so broken gates would not be seen here: causal-skew
# shows both, and that the order holds without the freeze.
#
# vm: --smp 2 --mem 1G --disk 64M --disk 320M --timeout 900
. "$(dirname "$0")/../lib.sh"

load
mounted ext4 "$SCRATCH0" "$TMP/e"
mounted xfs "$SCRATCH1" "$TMP/x"
must causal --takes "$(often 200 20)" --mount-every 10 "$TMP/e/file:$SCRATCH0" "$TMP/x/file:$SCRATCH1"
umount "$TMP/e" "$TMP/x" || fail "a file system stays busy"
must fsck.ext4 -fn "$SCRATCH0" >/dev/null 2>&1
must xfs_repair -n "$SCRATCH1" >/dev/null 2>&1
finish
