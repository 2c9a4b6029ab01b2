#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Every kind of disk, and what is made of disks, written to in every way: the image stays
# as it was and the disk is what was written; or the kind is refused with a sentence. What
# was seen is told for Documentation/support-matrix.rst.
#
# about: interface
# long: 5.10 6.12 7
# vm: --smp 1 --mem 1G --disk 4M --disk 4M:4096 --disk 8M --disk 8M --disk 8M --disk 8M --nvme 4M
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/kernel/member/kind.bash
. "$TESTS/member/kind.bash"

need mdadm lvcreate
load
udevadm settle

kind "$SCRATCH0" "virtio" - "${ways[@]}"
BLOCK=4096
kind "$SCRATCH1" "virtio, sectors of 4 KiB" - "${few[@]}"
BLOCK=512
kind /dev/nvme0n1 "NVMe" - "${ways[@]}"
disk=$(readlink -f "$SCRATCH2")
printf '%s\n' 'label: gpt' 'start=2048,size=4M' | sfdisk -q "$disk" || fail "sfdisk"
udevadm settle
kind "${disk}1" "virtio" "a partition" "${ways[@]}"
kind "$disk" "virtio" "a disk with partitions" "${few[@]}"

null_disk nb size=4 memory_backed=1 discard=1 queue_mode=2
kind "$NULL_DISK" "null_blk" - "${ways[@]}"
null_disk nb4 size=4 memory_backed=1 queue_mode=2 blocksize=4096
BLOCK=4096
kind "$NULL_DISK" "null_blk, sectors of 4 KiB" - "${few[@]}"
BLOCK=512

truncate -s 4M file
loop=$(losetup -f --show file) || fail "losetup"
on_exit losetup -d "$loop"
kind "$loop" "loop" - "${few[@]}"

if modprobe brd rd_nr=1 rd_size=8192 2>/dev/null; then
	case $KERNEL in
	5.10 | 6.1 | debug) no /dev/ram0 "brd" - EOPNOTSUPP ;;
	*) no /dev/ram0 "brd" - E_PROVIDER_VETO ;;	# it accounts nothing
	esac
fi
if modprobe zram num_devices=1 2>/dev/null; then
	echo 8M >/sys/block/zram0/disksize
	BLOCK=4096
	case $KERNEL in
	5.10 | 6.1 | debug) no /dev/zram0 "zram" - EOPNOTSUPP ;;
	*) no /dev/zram0 "zram" - E_PROVIDER_VETO ;;
	esac
	BLOCK=512
fi

A=$SCRATCH3 B=$SCRATCH4 C=$SCRATCH5
n=$(sectors "$A")
half=$((n / 2))
dm made "$(printf '%s\n' "0 $half linear $A $half" "$half $half linear $B 0")"
kind /dev/mapper/made virtio "dm linear, two disks" "${few[@]}"
must dmsetup remove --retry made
dm made "0 $n striped 2 128 $A 0 $B 0"
kind /dev/mapper/made virtio "dm striped" "${few[@]}"
must dmsetup remove --retry made
if modprobe dm-crypt 2>/dev/null; then
	dm made "0 $n crypt aes-xts-plain64 $(printf '0%.0s' {1..128}) 0 $A 0"
	kind /dev/mapper/made virtio "dm crypt" "${few[@]}"
	must dmsetup remove --retry made
fi
must pvcreate -qq -f -y "$A" "$B" "$C"
must vgcreate -qq vg "$A" "$B" "$C"
on_exit vgchange -qq -an vg
must lvcreate -qq -y -W n -L 12M -n lv vg
udevadm settle
kind /dev/vg/lv virtio "LVM, three PVs" "${few[@]}"
must lvremove -qq -f -y vg/lv
must vgremove -qq -f -y vg
must wipefs -qa "$A" "$B" "$C"

array() { # LEVEL DISK...
	local level=$1

	shift
	modprobe "raid$level" 2>/dev/null || modprobe "raid456" 2>/dev/null
	must mdadm --create /dev/md7 --run --level="$level" --raid-devices=$# --metadata=1.2 --assume-clean \
		"$@" 2>err
	udevadm settle
	case $KERNEL in
	5.10) no /dev/md7 virtio "md raid$level" E_PROVIDER_VETO ;;
	*) kind /dev/md7 virtio "md raid$level" "${few[@]}" ;;
	esac
	must mdadm --stop /dev/md7 2>err
	must mdadm --zero-superblock "$@"
}
array 0 "$A" "$B"
array 1 "$A" "$B"
array 5 "$A" "$B" "$C"
array 10 "$A" "$B"
finish
