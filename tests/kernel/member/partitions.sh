#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A member is a range of a disk: writes through the whole disk and through its
# partition are both seen, whichever of the two is the member, and writes beside
# the partition are none of its business.
#
# about: release
# vm: --smp 1 --mem 1G --disk 24M
. "$(dirname "$0")/../lib.sh"

load
disk=$(readlink -f "$SCRATCH0")
printf '%s\n' 'label: dos' '2048,16384' '20481,16383' | sfdisk -q "$disk" || fail "sfdisk"
udevadm settle
one=${disk}1 two=${disk}2
must test -b "$two"
must blk fill "$one" one
must blk fill "$two" two 2
# udev reads the partition table again when a disk was written to, unless it is locked
exec 8<"$disk"
must flock 8

through_both() {
	# MiB 4 of partition 1 is MiB 5 of the disk; two begins at sector 20481
	must dd if=/dev/urandom of="$disk" bs=64k seek=80 count=3 oflag=direct conv=notrunc status=none
	must dd if=/dev/urandom of="$one" bs=4k seek=100 count=9 oflag=direct conv=notrunc status=none
	must dd if=/dev/urandom of="$disk" bs=512 seek=20500 count=77 oflag=direct conv=notrunc status=none
	must dd if=/dev/urandom of="$two" bs=512 seek=1001 count=33 oflag=direct conv=notrunc status=none
	must dd if=/dev/urandom of="$disk" bs=1M seek=20 count=1 conv=notrunc,fsync status=none
}

take "$one" "$two"
through_both
must blk verify "${IMAGE[0]}" one
must blk verify "${IMAGE[1]}" two
must_not blk verify "$one" one
must_not blk verify "$two" two
must snapraw delete "$SET"

before=$(blk digest "$disk")
take "$disk"
through_both
[ "$(blk digest "${IMAGE[0]}")" = "$before" ] || fail "the image of the whole disk has changed"
[ "$(blk digest "$disk")" != "$before" ] || fail "nothing was written"
must snapraw delete "$SET"

# a write that begins in one partition and ends in the other, through the disk
must blk fill "$one" one
must blk fill "$two" two 2
take "$two"
must dd if=/dev/urandom of="$disk" bs=1M seek=8 count=4 oflag=direct conv=notrunc status=none
must blk verify "${IMAGE[0]}" two
finish
