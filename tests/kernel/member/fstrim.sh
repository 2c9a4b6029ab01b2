#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The weekly fstrim, and the discards that btrfs sends by itself, cost a snapshot nothing,
# however the file system lies on the member: on the disk, a partition, a volume of LVM.
# They do not come to the disk. What is not known to pass a discard on without a thought, or
# comes to stand there later, gets all of its discards done.
#
# about: library
# long: 5.10 7
# vm: --smp 1 --mem 1G --disk 160M --disk 32M --disk 96M
. "$(dirname "$0")/../lib.sh"

need snapset fstrim mkfs.btrfs lvcreate mdadm
modprobe btrfs
load
A=$(readlink -f "$SCRATCH0") S=$SCRATCH1 B=$(readlink -f "$SCRATCH2")
mkdir m
files() { (cd m && find . -type f -exec sha256sum {} + | sort); }
# in MiB, of the one snapshot that there is
kept() {
	snapraw snap "$SNAP" >list || fail "the snapshot has gone"
	awk '{ print int($5 / 1048576) }' list
}
alive() {
	snapraw snap "$SNAP" >list || fail "the snapshot has gone"
	grep -q '^live ' list || fail "$1: $(cat list)"
}
# MiB that the disk has been told to forget
forgotten() {
	local -a stat

	read -ra stat <"/sys/block/${1#/dev/}/stat"
	echo $((stat[13] / 2048))
}
# a file system with 64 MiB that are free again
used() { # VOLUME
	local i

	must mount "$1" m
	for i in 1 2 3 4 5; do
		head -c 300000 /dev/urandom >m/$i
	done
	dd if=/dev/zero of=m/big bs=1M count=64 status=none || fail "no room for a file"
	must sync -f m
	must rm m/big
	must sync -f m
}
takes() { # VOLUME: IMAGE, SNAP
	must snapset create --store "$S" --json "$1" >created
	SNAP=$(json created 'd["snapshots"][0]["id"]')
	IMAGE=$(json created 'd["snapshots"][0]["device"]')
}
# trims under a snapshot of the MEMBER
trimmed() { # WHAT MEMBER
	local before now digest dev

	before=$(forgotten "$A")
	files >model
	takes "$2"
	digest=$(blk digest "$IMAGE")
	must fstrim m
	# what free space there is in the file system's own mind has to be written
	must rm m/5
	must fstrim m
	must sync -f m
	alive "$1"
	now=$(kept)
	[ "$now" -le 16 ] || fail "$1: $now MiB are kept of what is free"
	[ "$(blk digest "$IMAGE")" = "$digest" ] || fail "$1: the image has changed"
	now=$(($(forgotten "$A") - before))
	[ "$now" -le 16 ] || fail "$1: $now MiB were discarded under a snapshot that has kept nothing of them"
	must snapset delete --all >/dev/null
	# never later: only the file system knows what is free by then
	now=$(($(forgotten "$A") - before))
	[ "$now" -le 16 ] || fail "$1: $now MiB were discarded when the snapshot had gone"
	dev=$(findmnt -n -o SOURCE m)
	must umount m
	must mount "$dev" m
	must fstrim m
	now=$(($(forgotten "$A") - before))
	[ "$now" -ge 64 ] || fail "$1: $now MiB are discarded by an fstrim without a snapshot"
	grep -v ' ./5$' model >model.now
	echo 3 >/proc/sys/vm/drop_caches
	files | cmp -s - model.now || fail "$1: files have changed"
	matrix virtio "${3:--}" "${1%%,*}" fstrim right
}

must mkfs.ext4 -qF "$A"
used "$A"
trimmed "ext4" "$PWD/m"
must umount m
must e2fsck -fn "$A" >/dev/null 2>&1
must wipefs -qa "$A"

must mkfs.btrfs -qf -m single "$A" >/dev/null
used "$A"
trimmed "btrfs" "$PWD/m"
must umount m
must wipefs -qa "$A"

# not while udev looks at a partition, which may not go then
must flock "$A" sfdisk -q "$A" <<<$'label: gpt\n,104M' >/dev/null 2>&1
must udevadm settle
must mkfs.ext4 -qF "${A}1"
used "${A}1"
trimmed "ext4, on a partition, its disk" "$A" "a disk with partitions"
must umount m
must e2fsck -fn "${A}1" >/dev/null 2>&1
# a partition that came after the snapshot
takes "$A"
must flock "$A" sfdisk -q --append "$A" <<<',32M' >/dev/null 2>&1
must udevadm settle
dm on-new "0 65536 linear ${A}2 0"
must blkdiscard -o 0 -l $((8 << 20)) /dev/mapper/on-new
now=$(kept)
[ "$now" -ge 8 ] || fail "something stands on a new partition, and its discard is not done: $now MiB are kept"
must snapset delete --all >/dev/null
must dmsetup remove --retry on-new
must wipefs -qa "${A}1" "$A"
must udevadm settle

must pvcreate -qf -y "$A" >/dev/null
must vgcreate -q vg "$A" >/dev/null
must lvcreate -q -y -n lv -L 128M vg >/dev/null
on_exit vgchange -an vg
on_exit umount m
must mkfs.ext4 -qF /dev/vg/lv
used /dev/vg/lv
trimmed "ext4, on a volume of LVM" "$PWD/m" "LVM"
# ext4 remembers what it has trimmed
must umount m
must mkfs.ext4 -qF /dev/vg/lv
used /dev/vg/lv
trimmed "ext4, on a volume of LVM, its disk" "$A" "the PV of LVM"
must umount m
must e2fsck -fn /dev/vg/lv >/dev/null 2>&1

# a volume whose stack changes
takes "$A"
must blkdiscard -f -o 0 -l $((32 << 20)) /dev/vg/lv
[ "$(kept)" = 0 ] || fail "before anything was changed $(kept) MiB were kept"
dm on-top "0 65536 linear /dev/vg/lv 65536"
must blkdiscard -o 0 -l $((8 << 20)) /dev/mapper/on-top
now=$(kept)
[ "$now" -ge 8 ] || fail "something new stands on the volume, and its discard is not done: $now MiB are kept"
alive "another device above"
must snapset delete --all >/dev/null
must dmsetup remove --retry on-top

# device-mapper's or md's own thoughts are not known
must modprobe raid1
must mdadm --build /dev/md7 --assume-clean --level=1 --raid-devices=2 /dev/vg/lv "$B" >/dev/null 2>&1
on_exit mdadm --stop /dev/md7
takes "$A"
must blkdiscard -o 0 -l $((8 << 20)) /dev/md7
now=$(kept)
[ "$now" -ge 8 ] || fail "a leg of an array has not done its discard: $now MiB are kept"
must snapset delete --all >/dev/null
must mdadm --stop /dev/md7 2>/dev/null
must vgremove -q -f -y vg >/dev/null
finish
