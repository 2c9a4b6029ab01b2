#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A file system on several devices: its mount point stands for all of them, and their images
# make it up again. With some of them only there is no set: its files would be a part.
#
# about: library
# long: 7
# vm: --smp 1 --mem 2G --disk 320M --disk 128M --disk 128M
. "$(dirname "$0")/../lib.sh"

need snapset mkfs.xfs mkfs.btrfs
modprobe btrfs
load
A=$SCRATCH0 B=$SCRATCH1 C=$SCRATCH2
mkdir -p m at
what() { (cd "$1" && find . -type f -exec sha256sum {} + | sort); }
put() { # DIRECTORY...
	local dir

	for dir; do
		dd if=/dev/urandom of="$dir/a" bs=64k count=16 status=none
		dd if=/dev/urandom of="$dir/b" bs=64k count=16 status=none
	done
	what m >model
}
# after the instant
spoil() { # DIRECTORY...
	local dir

	for dir; do
		must dd if=/dev/zero of="$dir/a" bs=64k count=16 conv=notrunc status=none
		must rm "$dir/b"
	done
	must sync -f m
}
taken_of() { # VOLUME...: IMAGE
	must snapset create --keep --store memory --json "$@" >created
	mapfile -t IMAGE < <(json created '"\n".join(s["device"] for s in d["snapshots"])')
}
in_part() { # WORDS VOLUME...
	local words=$1

	shift
	snapset create --store memory "$@" >out 2>&1 && fail "a part was taken: $*"
	grep -q "$words" out || fail "not refused for being a part: $(cat out)"
}
# writable ones, as restored from a backup
copies() {
	local i

	COPY=()
	for i in "${!IMAGE[@]}"; do
		must dd if="${IMAGE[i]}" of="copy$i" bs=1M conv=sparse status=none
		COPY[i]=$(losetup -f --show "copy$i") || fail "losetup"
		on_exit losetup -d "${COPY[i]}"
	done
}
same() { # WHAT
	what at >now
	cmp -s model now || fail "$1: another tree: $(diff model now)"
	must umount at
}
clean() { "$@" >fsck.out 2>&1 || fail "exit $?: $*: $(cat fsck.out)"; }
over() {
	for i in "${COPY[@]}"; do
		must losetup -d "$i"
	done
	rm -f copy?
	COPY=()
	must snapset delete --all >/dev/null
}
COPY=()

# xfs with its log and its realtime files elsewhere
must mkfs.xfs -qf -m reflink=0,rmapbt=0 -l "logdev=$B,size=64m" -r "rtdev=$C,extsize=4k" "$A"
must mount -o "logdev=$B,rtdev=$C" "$A" m
on_exit umount m
mkdir m/rt m/data
must xfs_io -c 'chattr +t' m/rt
put m/rt m/data
in_part "mounted on $PWD/m lies on .* as well, which is not in the set" "$A"
in_part "lies on $(basename "$(readlink -f "$C")") as well" "$A" "$B"
in_part "as well, which is not in the set" "$B"
taken_of "$PWD/m"
[ ${#IMAGE[@]} = 3 ] || fail "${#IMAGE[@]} images: $(cat created)"
spoil m/rt m/data
# a log device that is read-only cannot be mounted
copies
must mount -o "nouuid,logdev=${COPY[1]},rtdev=${COPY[2]}" "${COPY[0]}" at
same xfs
clean xfs_repair -n -l "${COPY[1]}" -r "${COPY[2]}" "${COPY[0]}"
matrix virtio - "xfs, log and realtime device" buffered right
over
must umount m

# ext4 with its journal elsewhere
must mke2fs -qF -O journal_dev -b 4096 "$C" 16M
must mkfs.ext4 -qF -b 4096 -J "device=$C" "$B"
must mount "$B" m
put m
in_part "as well, which is not in the set" "$B"
in_part "as well, which is not in the set" "$C"
taken_of "$PWD/m"
[ ${#IMAGE[@]} = 2 ] || fail "${#IMAGE[@]} images: $(cat created)"
spoil m
must mount -o ro,noload "${IMAGE[0]}" at
same ext4
# it was frozen: nothing is left in the journal. fsck wants to write to one, even with -n.
copies
clean fsck.ext4 -fn -j "${COPY[1]}" "${COPY[0]}"
matrix virtio - "ext4, external journal" buffered right
over
must umount m

# btrfs on two devices
must wipefs -qa "$A" "$B" "$C"
must mkfs.btrfs -qf "$A" "$B"
must mount -o "device=$A,device=$B" "$A" m
put m
in_part "as well, which is not in the set" "$B"
taken_of "$PWD/m"
[ ${#IMAGE[@]} = 2 ] || fail "${#IMAGE[@]} images: $(cat created)"
spoil m
# it takes its devices by what is written on them: the origin's must not be known any more
must umount m
must btrfs device scan --forget
must mount -o "ro,device=${IMAGE[0]},device=${IMAGE[1]}" "${IMAGE[0]}" at
same btrfs
must btrfs device scan --forget
clean btrfs check --readonly "${IMAGE[0]}"
matrix virtio - "btrfs, two devices" buffered right
must btrfs device scan --forget
over
must wipefs -qa "$A" "$B"

# a volume of two disks, of which one is named
half=$(($(sectors "$B") / 2))
dm both "0 $half linear $B 0
$half $half linear $C 0"
mounted ext4 /dev/mapper/both "$PWD/m"
put m
in_part "as well, which is not in the set" "$B"
taken_of "$B" "$C"
spoil m
printf '%s\n' "0 $half linear ${IMAGE[0]} 0" "$half $half linear ${IMAGE[1]} 0" |
	must dmsetup create --readonly images
on_exit dmsetup remove --force --retry images
must mount -o ro,noload /dev/mapper/images at
same "two disks"
matrix virtio "dm linear, of which both disks are members" ext4 buffered right
must dmsetup remove --retry images
over
must umount m
must dmsetup remove --retry both

# f2fs does not tell what it lies on
if command -v mkfs.f2fs >/dev/null && modprobe -q f2fs; then
	must mkfs.f2fs -qf -c "$C" "$B"
	must mount -t f2fs "$B" m
	in_part "several devices, and does not tell which" "$PWD/m"
	matrix virtio - "f2fs, two devices" any \
		"the file system lies on several devices, and does not tell which"
	must umount m
	must mkfs.f2fs -qf "$B"
	must mount -t f2fs "$B" m
	must snapset create --store memory "$PWD/m" --exec true >out
	must umount m
else
	note "no f2fs here"
fi
finish
