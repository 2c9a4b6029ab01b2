#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# On real stacks of devices: what a name stands for, what is frozen for it, and
# which volumes stand on each other.
#
# about: library
# long: 5.10 7
# vm: --mem 1G --disk 256M --disk 256M --disk 256M
. "$(dirname "$0")/../lib.sh"
# shellcheck source=/dev/null
. "$TESTS/tool/json.bash"

need mdadm vgcreate mkfs.btrfs
failed=0
tear_down() {
	snapset delete --all --force
	umount -qR /m/?*
	dmsetup remove onimage
	losetup -D
	vgremove -qqf vg
	mdadm --stop /dev/md5
	rm -rf --one-file-system /m /dev/shm/u /dev/shm/w
}
on_exit tear_down
mkdir -p /m/a /m/b /m/c /m/d /m/e /m/f

bad() {
	note "FAIL: $*"
	failed=1
}

# frozen "WANTED MOUNT POINTS" VOLUME...: what is frozen for the volumes
frozen() {
	local want=$1 have

	shift
	mapfile -t have < <(libsnap-freezes "$@")
	[ "${have[*]}" = "$want" ] || bad "freezes for $*: \"${have[*]}\", not \"$want\""
}

# refused CODE WORDS VOLUME...: create says no
refused() {
	local code=$1 words=$2 have

	shift 2
	out=$(snapset create "$@" 2>&1)
	have=$?
	[ $have -eq "$code" ] || bad "create $*: exit $have, not $code: $out"
	case $out in
	*"$words"*) ;;
	*) bad "create $*: does not say \"$words\": $out" ;;
	esac
}

# made ARGUMENTS...: create says yes; the set lives as long as "true"
made() {
	out=$(snapset create "$@" --exec true 2>&1) || bad "create $*: $out"
}

load
# it looks what is on images
echo 0 >/sys/module/snapset/parameters/hide_images
on_exit sh -c "echo 1 >/sys/module/snapset/parameters/hide_images"
# imaged VOLUME DEVICE: create takes it, and the image is of that device
imaged() {
	local origin volume image

	snapset create --json "$1" >one 2>err || bad "create $1: $(cat err)"
	{ read -r origin && read -r volume && read -r image; } < <(json one \
		'"\n".join(d["snapshots"][0][key] for key in ("origin", "volume", "device"))')
	[ "$origin" = "$2" ] || bad "$1 is not $2: $(cat one)"
	[ "$volume" = "$1" ] || bad "$1 has another name: $(cat one)"
	# a file system that is mounted goes on
	if grep -q "^$2 " /proc/mounts; then
		[ "UUID=$(blkid -p -s UUID -o value "$image")" = "$1" ] || bad "$image is another's"
	else
		cmp -s -n 1M "$image" "$2" || bad "the image of $1 is not that of $2"
	fi
	snapset delete --all >out 2>&1 || bad "delete after $1: $(cat out)"
}

A=$(readlink -f "$SCRATCH0") B=$(readlink -f "$SCRATCH1") C=$(readlink -f "$SCRATCH2")

# a disk with partitions: ext4 on the first, LVM on the second, nothing on the third
printf 'label: gpt\n,64M\n,128M\n,\n' | sfdisk -q "$A" || exit 1
udevadm settle
mkfs.ext4 -q -L "one two" "${A}1"
pvcreate -q "${A}2" > /dev/null 2>&1
vgcreate -q vg "${A}2" > /dev/null 2>&1
lvcreate -q -y -n lv -L 64M vg > /dev/null 2>&1 || exit 1
must mkfs.ext4 -q /dev/vg/lv
udevadm settle
mount "${A}1" /m/a
mount /dev/vg/lv /m/b
frozen '/m/b /m/a' "$A"
frozen '/m/a' "${A}1"
frozen '/m/b' "${A}2"
frozen '/m/b' /dev/vg/lv
frozen '/m/b' /m/b
frozen '/m/b /m/a' "${A}1" "${A}2"
frozen '/m/a' 'LABEL=one two'
uuid=$(blkid -p -s UUID -o value "${A}1")
frozen '/m/a' "UUID=$uuid"
frozen '/m/b' "UUID=$(blkid -p -s UUID -o value /dev/vg/lv)"
refused 4 'is a partition of' "$A" "${A}1"
refused 4 'partition of' /m/a "$A"
refused 4 'is made of sectors of' "${A}2" /m/b
refused 4 'made of sectors of' /m/b "$A"
refused 2 'is in the set already' /m/a "${A}1"
refused 3 'no block device has' 'LABEL=nobody'
refused 3 'no block device has' 'UUID=00000000-1111-2222-3333-444444444444'
refused 2 'is in the set already' /m/a "UUID=$uuid"
made /m/a /m/b
imaged "UUID=$uuid" "${A}1"
umount /m/a
frozen '' "UUID=$uuid"
imaged "UUID=$uuid" "${A}1"
dd if=/dev/urandom of="${A}3" bs=4k count=1 conv=fsync status=none
imaged "PARTUUID=$(blkid -p -s PART_ENTRY_UUID -o value "${A}3")" "${A}3"
mount "${A}1" /m/a
made "$A"
made "${A}1" "${A}2"

# mounted several times, bound, hidden, bound as a file
mount "${A}1" /m/c
mkdir /m/a/sub
mount --bind /m/a/sub /m/d
frozen '/m/d' "${A}1"
frozen '/m/d' /m/d
refused 2 'it lies on /m/a' /m/a/sub
umount /m/c /m/d
touch /m/a/file /m/f.txt
mount --bind /m/a/file /m/f.txt
umount /m/a
frozen '/m/f.txt' "${A}1"
made /m/f.txt
umount /m/f.txt
mount "${A}1" /m/a
mount -t tmpfs none /m/a
refused 4 'tmpfs file system' /m/a
refused 4 'another mount hides it' "${A}1"
mount "${A}1" /m/c
frozen '/m/c' "${A}1"
umount /m/c /m/a /m/a
mount "${A}1" "/m/e"
mkdir "/m/e/with space"
mount --bind "/m/e/with space" /m/d
mkdir "/m/x y"
mount "${A}1" "/m/x y"
umount /m/e /m/d
frozen '/m/x y' "${A}1"
made "/m/x y"
umount "/m/x y"

# md: a leg is refused, the array and its partitions are not
must mdadm --create /dev/md5 --run --level=1 --raid-devices=2 --metadata=1.2 \
	"$B" "$C" < /dev/null 2> /dev/null
udevadm settle
mkfs.ext4 -q /dev/md5
mount /dev/md5 /m/c
refused 4 'leg of the array md5' "$B"
refused 4 'leg of the array md5' "$C"
frozen '/m/c' "$B" "$C"
made /m/c
umount /m/c
must mdadm --stop /dev/md5 2> /dev/null
wipefs -qa "$B" "$C"
udevadm settle

# loop: a file on another member; a loop in a loop
mkfs.ext4 -q -F "$B"
mount "$B" /m/c
truncate -s 64M /m/c/disk
L=$(losetup -f --show /m/c/disk)
mkfs.ext4 -q "$L"
mount "$L" /m/d
refused 4 'is a loop device with its file on' "$B" "$L"
refused 4 'is a loop device with its file on' "$L" /m/c
frozen '/m/d' "$L"
frozen '/m/c' "$B"
made /m/d
made "$L"
truncate -s 32M /m/d/disk
LL=$(losetup -f --show /m/d/disk)
refused 4 'loop device in a file on a loop device' "$LL"
losetup -d "$LL"
LL=$(losetup -f --show "$L")
refused 4 'loop' "$LL"
losetup -d "$LL"
# they go when udev has let them go
wait_for 60 umount /m/d || fail "it is still in use: $(cat /proc/mounts)"
losetup -d "$L"
# it goes when udev has let it go
wait_for 60 umount /m/c || fail "it is still in use: $(cat /proc/mounts)"

# btrfs: a mount point stands for all of its devices, and none of them for itself
mkfs.btrfs -q -f "$B"
mount "$B" /m/c
btrfs -q subvolume create /m/c/sub 2> /dev/null || btrfs subvolume create /m/c/sub > /dev/null
mount -o subvol=sub "$B" /m/d
frozen '/m/d' "$B"
frozen '/m/d' /m/c
refused 2 'is in the set already' /m/c /m/d
refused 2 'it lies on /m/c' /m/c/sub
made /m/c
umount /m/c /m/d
wipefs -qa "$B" "$C"
mkfs.btrfs -q -f "$B" "$C"
btrfs device scan > /dev/null 2>&1
must mount -o device="$B",device="$C" "$B" /m/c
made /m/c
made "$B" "$C"
frozen '/m/c' "$B" "$C"
refused 4 'which is not in the set' "$C"
refused 2 'is in the set already' /m/c "$C"
umount /m/c

# an image, and a store
mount "${A}1" /m/a
snapset create /m/a > /dev/null
refused 4 'is itself the image of a snapshot' /dev/snapset0
dmsetup create onimage --readonly --table "0 2048 linear /dev/snapset0 0"
refused 4 'is the image of a snapshot' /dev/mapper/onimage
dmsetup remove onimage
snapset delete --all
# a store must be nobody's
wipefs -qa "$C" "${A}3"
refused 4 'is the store of the set' --store "$C" "$C"
refused 4 'the store' --store "${A}3" "$A"
made --store "${A}3" "${A}1"
touch /m/plain
refused 2 'is not a block device' --store /m/plain /m/a
refused 4 'cannot allocate a file and keep it where it lies' --store /m /m/a
refused 3 'No such file' --store /dev/nothing /m/a
umount /m/a

# what is no volume
refused 4 'no block device below it' /proc
mkdir /dev/shm/u /dev/shm/w
must mount -t overlay -o lowerdir=/m/a,upperdir=/dev/shm/u,workdir=/dev/shm/w none /m/d
refused 4 'overlay' /m/d
umount /m/d
refused 2 'neither a mount point nor a block device' /dev/null
[ $failed = 0 ] || exit 1
finish
