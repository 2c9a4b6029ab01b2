#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A store in a file on the very volume that is snapshotted: the image is the volume at
# its instant but for the file, whose blocks are zeros; nothing that is kept there is
# copied again; neither the freeze nor a full load gets stuck on it. A volume that has
# snapshots takes no new file. Blocks of a file that has gone stay zeros in the images
# that are left.
#
# about: interface
# vm: --smp 2 --mem 1G --disk 400M --disk 260M --timeout 1200
. "$(dirname "$0")/../lib.sh"

need fio
mkdir m i
must dd if=/dev/urandom of=some bs=1M count=4 status=none

# zeros FILE: all but, where blocks are smaller than pages, some of the labels at its ends
zeros() {
	cmp -i 8192:0 -n $(($(stat -c %s "$1") - 16384)) "$1" /dev/zero
}

sums() { (cd "$1" && find . -type f ! -name 's*' -print0 | sort -z | xargs -0 md5sum); }

# A btrfs is mounted once only, under whatever name; its image is read without.
see() { # KIND OPTIONS IMAGE
	if [ "$1" = btrfs ]; then
		must btrfs restore "$3" i >restore.out 2>&1
	else
		must mount -t "$1" -o "ro,$2" "$3" i
	fi
}

unsee() { # KIND
	if [ "$1" = btrfs ]; then
		rm -rf i
		mkdir i
	else
		must umount i
	fi
}

one() { # KIND OPTIONS OF A READ-ONLY MOUNT
	local kind=$1 passes size room

	passes=$(often 2 1) size=$(often 24m 12m) room=$(often 90 75)
	# what is written goes to another place each time: so much more of it is kept
	[ "$kind" != btrfs ] || passes=1 size=10m
	mounted "$kind" "$SCRATCH0" m
	must cp -r /etc m/
	store_file m/s "$room"
	sums m >sums.then
	snapraw take --keep --store-file m/s --freeze m "$SCRATCH0" >out || fail "no set: $(cat out)"
	taken out
	# everything again and again, beside and instead of what there was
	for ((; passes > 0; passes--)); do
		must fio --name=w --directory=m --size=$size --rw=randwrite --bs=16k --direct=1 --ioengine=libaio \
			--iodepth=16 --numjobs=2 --fallocate=none --output=fio.out
		rm -rf m/etc
		must fio --name=v --directory=m --size=12m --rw=randwrite --bs=16k --verify=crc32c \
			--do_verify=1 --output=fio.out
	done
	snapraw store "$SET" >store.out
	note "$kind: $(cat store.out)"
	see "$kind" "$2" "${IMAGE[0]}"
	sums i >sums.image
	cmp -s sums.then sums.image || fail "$kind: the image is not what was there: $(diff sums.then sums.image | head -n 5)"
	zeros i/s || fail "$kind: the store shows in the image"
	unsee "$kind"

	# a file that comes now would be in the way of what the snapshot needs
	store_file m/s2 20
	refused ELOOP --store-file m/s2 "$SCRATCH1"
	refused ELOOP --store-file m/s2 "$SCRATCH0"
	if snapraw extend "$SET" m/s2 >extend.out; then fail "the store grew on its own member"; fi
	grep -q ELOOP extend.out || fail "not refused for that: $(cat extend.out)"
	rm m/s2
	# the second snapshot of the volume, with its store elsewhere, leaves the file out too
	first=$SET
	snapraw take --keep --store "$SCRATCH1" --freeze m "$SCRATCH0" >out || fail "no second set: $(cat out)"
	taken out
	see "$kind" "$2" "${IMAGE[0]}"
	zeros i/s || fail "$kind: the store shows in the second image"
	sums i >sums.image
	unsee "$kind"
	must snapraw delete "$first"
	[ ! -e m/s ] || fail "the file is left"
	# its blocks are used for something else
	for ((i = 0; i < 38; i++)); do cat some; done >m/fill
	[ "$(stat -c %s m/fill)" = $((38 * 4 << 20)) ] || fail "there is no room to fill"
	must sync m/fill
	see "$kind" "$2" "${IMAGE[0]}"
	zeros i/s || fail "$kind: what is in the place of the store shows in the second image"
	sums i | cmp -s - sums.image || fail "$kind: the second image has changed"
	unsee "$kind"
	must snapraw delete "$SET"
	must umount m
	case $kind in
	ext4) must e2fsck -fn "$SCRATCH0" >fsck.out 2>&1 ;;
	xfs) must xfs_repair -n "$SCRATCH0" >fsck.out 2>&1 ;;
	btrfs) must btrfs check "$SCRATCH0" >fsck.out 2>&1 ;;
	esac
}

modprobe -q xfs
load
one ext4 noload
one xfs norecovery,nouuid
one btrfs ""
finish
