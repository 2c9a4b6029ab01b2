#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Every kind of file system, written to in every way when the set is made and afterwards:
# its image is clean for its own checker, holds what was there, and stays as it was. What
# was seen is told for Documentation/support-matrix.rst.
#
# about: release
# long
# vm: --smp 1 --mem 1G --disk 64M --disk 320M --disk 128M
. "$(dirname "$0")/../lib.sh"

need snapset fio mkfs.vfat
load
ways=(buffered direct dsync mmap aio uring)
mkdir at
busy=
# all ways at once, for as long as it takes
fios() { # DIRECTORY
	local way options

	busy=
	for way in "${ways[@]}"; do
		case $way in
		buffered) options="--ioengine=psync --fsync=32" ;;
		direct) options="--ioengine=psync --direct=1" ;;
		dsync) options="--ioengine=psync --sync=dsync" ;;
		mmap) options="--ioengine=mmap --fsync=64" ;;
		aio) options="--ioengine=libaio --direct=1 --iodepth=4" ;;
		uring) options="--ioengine=io_uring --direct=1 --iodepth=4" ;;
		esac
		# shellcheck disable=SC2086 # several words
		fio --name="$way" --directory="$1" --rw=randwrite --bs=4k --size=2M --time_based --runtime=3600 \
			--thread --output="$way.fio" --rate_iops=100 $options &
		busy+=" $!"
	done
	# shellcheck disable=SC2086 # several words
	on_exit kill $busy
}
written() { # DIRECTORY: each of them has written
	local way

	for way in "${ways[@]}"; do
		[ -s "$1/$way.0.0" ] || return
	done
}
# fs NAME DISK TYPE OPTIONS OF MKFS...; CHECK and MOUNT are about the image
fs() {
	local name=$1 disk=$2 type=$3 way digest before

	shift 3
	wipefs -qa "$disk"
	mounted "$type" "$disk" "$TMP/fs" "$@"
	[ -z "$REMOUNT" ] || { must umount fs; must mount -o "$REMOUNT" "$disk" fs; }
	mkdir fs/tree
	for way in 1 2 3 4; do
		head -c 200000 /dev/urandom >fs/tree/$way
	done
	cp -r fs/tree tree
	fios "$TMP/fs"
	must wait_for 120 written fs
	must snapset create --store memory --json "$TMP/fs" >created
	image=$(json created 'd["snapshots"][0]["device"]')
	digest=$(blk digest "$image")
	before=$(awk '{ print $5 }' "/sys/block/$(basename "$(readlink -f "$disk")")/stat")
	more() { [ "$(awk '{ print $5 }' "/sys/block/$(basename "$(readlink -f "$disk")")/stat")" -ge $((before + 200)) ]; }
	rm -r fs/tree
	must wait_for 120 more
	# shellcheck disable=SC2086 # several words
	kill $busy
	# shellcheck disable=SC2086
	wait $busy 2>/dev/null
	must sync -f fs
	# btrfs takes an image for another device of what is mounted
	must umount fs
	[ "$(blk digest "$image")" = "$digest" ] || fail "$name: the image has changed"
	[ -z "$CHECK" ] || $CHECK "$image" >check.out 2>&1 || fail "$name: not clean: $(cat check.out)"
	must mount -o "ro$MOUNT" "$image" at
	diff -r tree at/tree || fail "$name: not what was there"
	for way in "${ways[@]}"; do
		[ -s "at/$way.0.0" ] || fail "$name: the file of $way is not there"
		matrix virtio - "$name" "$way" right
	done
	must umount at
	must snapset delete --all >/dev/null
	rm -rf tree
}

REMOUNT='' CHECK="fsck.ext4 -fn" MOUNT=''
fs ext4 "$SCRATCH0" ext4
fs "ext4, blocks of 1 KiB" "$SCRATCH0" ext4 -b 1024
REMOUNT=data=journal
fs "ext4, data=journal" "$SCRATCH0" ext4
# its log is left to be replayed, for files that were deleted and are open
replayed() { # IMAGE
	local copy

	dd if="$1" of=copy bs=1M conv=sparse status=none || return
	copy=$(losetup -f --show copy) || return
	mount -o nouuid "$copy" at && umount at && xfs_repair -n "$copy"
	set -- $?
	losetup -d "$copy"
	rm copy
	return "$1"
}
REMOUNT='' CHECK=replayed MOUNT=,nouuid,norecovery
fs "xfs" "$SCRATCH1" xfs
CHECK="btrfs check --readonly" MOUNT=,norecovery
fs "btrfs" "$SCRATCH2" btrfs
# it says on the disk that it is mounted, also while it is frozen; nothing else is wrong
but_mounted() { # IMAGE
	fsck.vfat -n "$1" >vfat.out 2>&1
	cat vfat.out
	! grep -Ev '^$|^fsck.fat |Dirty bit is set|Automatically removing dirty bit|Leaving filesystem unchanged|: [0-9]+ files, ' vfat.out
}
CHECK=but_mounted MOUNT=
fs "vfat" "$SCRATCH2" vfat
if command -v mkfs.f2fs >/dev/null && modprobe f2fs 2>/dev/null; then
	CHECK="fsck.f2fs --dry-run" MOUNT=,norecovery
	fs "f2fs" "$SCRATCH2" f2fs
fi
finish
