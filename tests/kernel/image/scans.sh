#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# An image has the labels and UUIDs of its origin, and yet programs that look for disks by what
# is on them find the origin: libblkid's search (blkid, findfs, mount, swapon, btrfs device
# scan), LVM, udev's links; and an image mounts though it does not say what is on it.
#
# about: tool
# vm: --smp 1 --mem 1G --disk 32M --disk 128M --disk 32M --disk 320M --disk 16M --disk 16M --disk 16M
. "$(dirname "$0")/../lib.sh"

need snapset btrfs mkfs.xfs pvs mdadm
E4=$(readlink -f "$SCRATCH0") BT=$(readlink -f "$SCRATCH1") SW=$(readlink -f "$SCRATCH2") XF=$(readlink -f "$SCRATCH3")
load
must mkfs.ext4 -q -L four "$E4"
must mkfs.btrfs -q -f -L tree "$BT" >/dev/null
must mkswap -L swap "$SW" >/dev/null
must mkfs.xfs -q -L ten "$XF"
must pvcreate -qq -f -y "$SCRATCH4"
on_exit wipefs -qa "$SCRATCH4"
LEG0=$(readlink -f "$SCRATCH5") LEG1=$(readlink -f "$SCRATCH6")
must mdadm --create /dev/md8 --run --level=1 --raid-devices=2 --metadata=1.2 --assume-clean \
	"$LEG0" "$LEG1" </dev/null >out 2>&1
must mdadm --stop /dev/md8 >out 2>&1
on_exit wipefs -qa "$LEG0" "$LEG1"
udevadm settle
mkdir e b x at
must mount "$E4" e
on_exit umount e
must mount "$BT" b
on_exit umount b
must mount "$XF" x
on_exit umount x
for d in e b x; do echo old >$d/file; done
udevadm trigger --subsystem-match=block --action=change --settle
# what udev has put together of the array meanwhile
for md in /sys/block/md*; do
	[ ! -e "$md" ] || mdadm --stop "/dev/${md##*/}" 2>out
done
udevadm settle
must snapset create --store memory --json e b "$SW" x "$SCRATCH4" "$LEG0" "$LEG1" >created
mapfile -t IMAGE < <(json created '"\n".join(s["device"] for s in d["snapshots"])')
on_exit snapset delete --all --force
udevadm settle
for d in e b x; do echo new >$d/file; done
sync

uuid() { blkid -p -s UUID -o value "$1"; }
found() { # DEVICE WHAT COMMAND...
	local device=$1 what=$2 is

	shift 2
	is=$("$@") || fail "$what of $device: exit $?"
	[ "$is" = "$device" ] || fail "$what of $device finds $is"
}
one=0
for pair in "$E4 four" "$BT tree" "$SW swap" "$XF ten"; do
	read -r disk label <<<"$pair"
	rm -f /run/blkid/blkid.tab
	found "$disk" "blkid -U" blkid -U "$(uuid "$disk")"
	found "$disk" "blkid -L" blkid -L "$label"
	found "$disk" "findfs" findfs "UUID=$(uuid "$disk")"
	found "$disk" "blkid -t" blkid -c /dev/null -t UUID="$(uuid "$disk")" -o device
	found "$disk" "udev's link" readlink -f "/dev/disk/by-uuid/$(uuid "$disk")"
	one=$((one + 1))
done
[ $one = 4 ] || fail "not all were looked for"
[ -z "$(find /dev/disk -lname '*snapset*')" ] || fail "udev's links lead to images"
must pvs >out 2>&1
! grep -qi 'snapset\|duplicate' out || fail "pvs: $(cat out)"

# with the images there the origin of a btrfs is found, and by its own name
must umount b
must btrfs device scan >out 2>&1
! grep -q snapset out || fail "btrfs device scan finds an image: $(cat out)"
must mount UUID="$(uuid "$BT")" b
[ "$(findmnt -no SOURCE b)" = "$BT" ] || fail "what is mounted is $(findmnt -no SOURCE b)"
[ "$(cat b/file)" = new ] || fail "the origin of a btrfs shows its image"
must umount b
must swapon -L swap
[ "$(awk 'NR == 2 { print $1 }' /proc/swaps)" = "$SW" ] || fail "swap is on $(cat /proc/swaps)"
must swapoff "$SW"

# mount goes by what kinds of file systems there are
for i in 0,noload 1,norecovery 3,norecovery,nouuid; do
	image=${IMAGE[${i%%,*}]}
	must mount -o "ro,${i#*,}" "$image" at
	[ "$(cat at/file)" = old ] || fail "the image of ${i%%,*} shows another file"
	must umount at
done
must btrfs device scan --forget
must mount "$BT" b

# mdadm reads each device that there is, unless it is told which to read; and then it finds the legs
echo "DEVICE $LEG0 $LEG1" >mdadm.conf
must mdadm --assemble --scan -c mdadm.conf >out 2>&1
udevadm settle
md=$(sed -n 's/^\(md[0-9]*\) :.*/\1/p' /proc/mdstat)
[ -n "$md" ] || fail "no array: $(cat out)"
on_exit mdadm --stop "/dev/$md"
legs=("/sys/block/$md/slaves"/*)
[ "${legs[*]##*/}" = "${LEG0#/dev/} ${LEG1#/dev/}" ] || fail "of ${legs[*]##*/}"
must mdadm --stop "/dev/$md" >out 2>&1

# whom it pleases: images that libblkid reads
must snapset delete --all
echo 0 >/sys/module/snapset/parameters/hide_images
on_exit sh -c 'echo 1 >/sys/module/snapset/parameters/hide_images'
must snapset create --store memory --json "$SW" >created
[ "$(blkid -p -s TYPE -o value "$(json created 'd["snapshots"][0]["device"]')")" = swap ] || fail "it is not read"
must snapset delete --all
finish
