#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A mounted file system is frozen, and so its image is clean and whole, with what was
# written and not yet synced: ext4, xfs, btrfs, and one on a partition when the
# member is the whole disk. Afterwards all are thawed.
#
# about: release
# vm: --smp 1 --mem 1G --disk 64M --disk 320M --disk 160M --disk 96M
. "$(dirname "$0")/../lib.sh"

need snapset
load
disk=$(readlink -f "$SCRATCH3")
printf '%s\n' 'label: dos' '2048,' | sfdisk -q "$disk" || fail "sfdisk"
udevadm settle
mounted ext4 "$SCRATCH0" "$TMP/ext4"
mounted xfs "$SCRATCH1" "$TMP/xfs"
mounted btrfs "$SCRATCH2" "$TMP/btrfs"
mounted ext4 "${disk}1" "$TMP/part"
for fs in ext4 xfs btrfs part; do
	mkdir $fs/dir
	dd if=/dev/urandom of=$fs/dir/data bs=64k count=32 status=none
	cp $fs/dir/data $fs.data
done

must snapset create --store memory --json "$TMP/ext4" "$TMP/xfs" "$TMP/btrfs" "$disk" >created
mapfile -t image < <(json created '"\n".join(s["device"] for s in d["snapshots"])')
for fs in ext4 xfs btrfs part; do
	dd if=/dev/zero of=$fs/dir/data bs=64k count=32 status=none
	must timeout 60 rm -rf $fs/dir
	must timeout 60 sync -f $fs
	must timeout 60 fsfreeze -f $fs
	must timeout 60 fsfreeze -u $fs
	must umount $fs
done

same() { # FS DEVICE OPTIONS
	mkdir -p at
	must mount -o "ro$3" "$2" at
	must cmp at/dir/data "$1.data"
	must umount at
}

must fsck.ext4 -fn "${image[0]}" >/dev/null 2>&1
same ext4 "${image[0]}" ""
same xfs "${image[1]}" ",nouuid,norecovery"
same btrfs "${image[2]}" ",norecovery"
loop=$(losetup -r -f --show -o 1048576 "${image[3]}") || fail "losetup"
on_exit losetup -d "$loop"
must fsck.ext4 -fn "$loop" >/dev/null 2>&1
same part "$loop" ""
must losetup -d "$loop"
finish "$(json created 'd["id"]')"
