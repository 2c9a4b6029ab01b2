#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A store in a file on the very volume that is snapshotted: the image is the volume at
# its instant but for the file, whose blocks are zeros; nothing that is kept there is
# copied again; neither the freeze nor a full load gets stuck on it. A volume that has
# snapshots takes no new file. Blocks of a file that has gone stay zeros in the images
# that are left.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 320M --disk 128M
. "$(dirname "$0")/../lib.sh"

need fio
mkdir m i

# zeros FILE: all but, where blocks are smaller than pages, some of the labels at its ends
zeros() {
	cmp -i 8192:0 -n $(($(stat -c %s "$1") - 16384)) "$1" /dev/zero
}

# all but the store and what only takes room
sums() { (cd "$1" && find . -type f ! -name 's*' ! -name 'fill*' -print0 | sort -z | xargs -0 md5sum); }

# A btrfs is mounted once only, under whatever name; its image is read without.
see() { # KIND OPTIONS IMAGE
	if [ "$1" = btrfs ]; then
		must btrfs restore --path-regex '^/(|s|[wv][^/]*|etc(|/.*))$' "$3" i >restore.out 2>&1
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

free_mib() { stat -f -c '%a %S' m | { read -r blocks size && echo $((blocks * size >> 20)); }; }

one() { # KIND OPTIONS OF A READ-ONLY MOUNT
	local kind=$1 passes size room=24 free fill first
	local -a options=()

	passes=$(often 2 1) size=6m
	# what is written goes to another place each time: so much more of it is kept
	[ "$kind" != btrfs ] || passes=1
	# no room that only root may use, and few inodes that it writes later
	[ "$kind" != ext4 ] || options=(-m 0 -N 2048)
	mounted "$kind" "$SCRATCH0" m "${options[@]}"
	mkdir m/etc
	must cp -r /etc/[a-l]* m/etc/
	store_file m/s $room
	# so that little room is left, and what comes later comes where the store was
	free=$(free_mib)
	must fallocate -l $((free - 40))M m/filler
	sums m >sums.then
	snapraw take --keep --store-file m/s --freeze m "$SCRATCH0" >out || fail "no set: $(cat out)"
	taken out
	# everything again and again, beside and instead of what there was
	for ((; passes > 0; passes--)); do
		must fio --name=w --directory=m --size=$size --rw=randwrite --bs=16k --direct=1 --ioengine=libaio \
			--iodepth=16 --numjobs=2 --fallocate=none --output=fio.out
		rm -rf m/etc
		must fio --name=v --directory=m --size=4m --rw=randwrite --bs=16k --verify=crc32c \
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
	store_file m/s2 4
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
	sync -f m
	free=$(free_mib)
	must snapraw delete "$first"
	[ ! -e m/s ] || fail "the file is left"
	# its blocks are used for something else: more is written than was free before
	fill=$((free + room / 2))
	sync -f m
	yes 'this was no store' 2>/dev/null |
		must dd of=m/fill bs=1M count=$fill iflag=fullblock conv=fsync status=none
	[ "$(stat -c %s m/fill)" = $((fill << 20)) ] || fail "there is no room to fill"
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
