#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A store in a file, on ext4, xfs and btrfs: its blocks
# hold what the snapshots keep, nobody else can write, cut, rename, remove, clone or move
# it, and it goes with the set. What a file system cannot pin is refused in a sentence.
#
# about: release
# vm: --smp 1 --mem 1G --disk 8M --disk 320M
. "$(dirname "$0")/../lib.sh"

need chattr fallocate filefrag
load
fill "$SCRATCH0" model
mkdir m

# the file's own data cannot be reached while it is a store
untouchable() {
	local f=$1

	must_not dd if=/dev/zero of="$f" bs=4k count=1 conv=notrunc
	must_not dd if=/dev/zero of="$f" bs=4k count=1 conv=notrunc oflag=direct
	must_not truncate -s 1M "$f"
	must_not fallocate -p -o 1M -l 1M "$f"
	must_not fallocate -l 100M "$f"
	must_not rm -f "$f"
	must_not mv "$f" "$f.other"
	touch "$f.other"
	must_not mv -f "$f.other" "$f"
	rm -f "$f.other"
	must_not cp --reflink=always "$f" m/clone
	rm -f m/clone
	must_not swapon "$f"
	must_not python3 -c "
import mmap, os
m = mmap.mmap(os.open('$f', os.O_RDWR), 4096)
m[0:1] = b'x'"
	must_not snapraw take --store-file "$f" "$SCRATCH0"
	must_not umount m
	must_not mount -o remount,ro m
}

one() { # KIND [OPTION OF MKFS...]
	mounted "$1" "$SCRATCH1" m "${@:2}"
	store_file m/s 24
	cp model model.then
	take --store-file m/s "$SCRATCH0"
	untouchable m/s
	case $1 in
	ext4) ! command -v e4defrag >/dev/null || e4defrag m/s >defrag.out 2>&1 ;;
	xfs) ! command -v xfs_fsr >/dev/null || xfs_fsr -v m/s >defrag.out 2>&1 ;;
	btrfs)
		must_not btrfs filesystem defragment -f m/s
		must_not btrfs subvolume snapshot m m/snap
		btrfs balance start --full-balance m >balance.out 2>&1
		;;
	esac
	must blk churn "$SCRATCH0" model --engine aio --cover --min 512 --max 1M --threads 2 --depth 4 >churn.out
	must blk verify "${IMAGE[0]}" model.then
	must blk verify "$SCRATCH0" model
	snapraw store "$SET" >store.out
	note "$1: $(cat store.out), $(filefrag m/s 2>&1 | sed 's/.*: //')"
	read -r _ kind _ size _ used _ files _ path <store.out
	[ "$kind $files $path" = "2 1 $PWD/m/s" ] || fail "not this store: $(cat store.out)"
	[ "$used" -ge $((8 << 20)) ] || fail "only $used bytes are in the store"
	if [ "$size" -gt $((24 << 20)) ] || [ "$size" -lt $((20 << 20)) ]; then
		fail "its size is $size"
	fi
	# the rest of the file system is as it was
	must dd if=/dev/urandom of=m/beside bs=1M count=2 conv=fsync status=none
	sum=$(md5sum <m/beside)
	# nothing waits for the file system: it may be frozen
	must fsfreeze -f m
	must blk churn "$SCRATCH0" model --engine direct --writes 100 >churn.out
	must blk verify "${IMAGE[0]}" model.then
	must fsfreeze -u m
	must snapraw delete "$SET"
	[ ! -e m/s ] || fail "$1: the file is left"
	# kept when that is asked for, and an ordinary file again
	store_file m/s 8
	take --store-keep --store-file m/s "$SCRATCH0"
	must_not rm -f m/s
	must snapraw delete "$SET"
	must dd if=/dev/zero of=m/s bs=4k count=1 conv=notrunc status=none
	must rm m/s
	must umount m
	must mount "$SCRATCH1" m
	[ "$(md5sum <m/beside)" = "$sum" ] || fail "$1: a file beside the store has changed"
	must umount m
	case $1 in
	ext4) must e2fsck -fn "$SCRATCH1" >fsck.out 2>&1 ;;
	xfs) must xfs_repair -n "$SCRATCH1" >fsck.out 2>&1 ;;
	btrfs) must btrfs check "$SCRATCH1" >fsck.out 2>&1 ;;
	esac
}

modprobe -q xfs
modprobe -q btrfs
for kind in ext4 xfs btrfs; do
	grep -qw $kind /proc/filesystems || { note "this kernel has no $kind"; continue; }
	command -v mkfs.$kind >/dev/null || { note "there is no mkfs.$kind"; continue; }
	one $kind
done
# blocks of 1 KiB are ext4's own idea of so small a disk
one ext4 -b 4096

# what cannot be: each with its sentence, and nothing is left of the attempt
cannot() { # WORDS FILE
	refused EOPNOTSUPP --store-file "$2" "$SCRATCH0"
	grep -q "$1" take || fail "not because of '$1': $(cat take)"
	note "$(sed 's/.* text //' take)"
	must rm "$2"
}
mounted ext4 "$SCRATCH1" m
store_file m/hole 8
must fallocate -p -o 1M -l 1M m/hole
cannot "holes" m/hole
store_file m/nolabel 8
must dd if=/dev/zero of=m/nolabel bs=512 seek=16377 count=1 conv=notrunc,fsync status=none
cannot "labels" m/nolabel
store_file /tmp/tmpfs 8
cannot "tmpfs" /tmp/tmpfs
must umount m
if grep -qw btrfs /proc/filesystems; then
	mounted btrfs "$SCRATCH1" m
	must fallocate -l 8M m/cow
	cannot "copied on write" m/cow
	must umount m
fi
# its garbage collection moves what is pinned, when it is short of room
modprobe -q f2fs
if grep -qw f2fs /proc/filesystems; then
	mounted f2fs "$SCRATCH1" m
	store_file m/moves 8
	cannot "type f2fs" m/moves
	must umount m
fi
refused EINVAL --store-file /dev/null "$SCRATCH0"
finish
