#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A device that is a store looks like a store and like nothing else, while it is one and
# afterwards, whatever the origin was: what looks for file systems, volume groups, arrays and
# partitions finds the origin only. And what carries somebody's data does not become a store.
#
# about: library
# long: 7
# kernels: 6.1 7
# vm: --smp 1 --mem 1G --disk 320M --disk 16M
. "$(dirname "$0")/../lib.sh"

need snapset blkid wipefs mdadm pvs btrfs sfdisk python3
load
O=$(readlink -f "$SCRATCH0") S=$(readlink -f "$SCRATCH1")

nothing() { # WHEN
	local status=0

	blkid -p "$S" >found 2>&1 || status=$?
	[ $status = 2 ] || fail "$1: blkid: $(cat found)"
	[ -z "$(wipefs -n "$S")" ] || fail "$1: wipefs: $(wipefs -n "$S")"
	! mdadm --examine "$S" >found 2>&1 || fail "$1: mdadm: $(cat found)"
	pvs --noheadings -o pv_name >found 2>&1 || fail "$1: pvs: $(cat found)"
	! grep -q "$S\|duplicate" found || fail "$1: pvs: $(cat found)"
	! btrfs device scan "$S" >found 2>&1 || fail "$1: btrfs: $(cat found)"
	! sfdisk -d "$S" >found 2>&1 || fail "$1: sfdisk: $(cat found)"
}
labels() { # SET: at both ends
	python3 -c 'import sys, uuid
with open(sys.argv[1], "rb") as f:
    end = f.seek(0, 2)
    for at in 0, end - 4096:
        f.seek(at)
        page = f.read(4096)
        for i in range(0, 4096, 512):
            assert page[i:i + 16] == b"snapset store\n\0\0", (at, i)
            assert page[i + 16:i + 32] == page[16:32] and any(page[16:32])
            assert int.from_bytes(page[i + 32:i + 40], "little") == (at + i) // 512
        assert int.from_bytes(page[40:44], "little") == 1
        assert str(uuid.UUID(bytes=page[44:60])) == sys.argv[2], page[44:60]
        assert int.from_bytes(page[64:72], "little") == end // 512
        assert page[72:].startswith(b"old data of other disks, kept for their snapshots\n\0")' "$S" "$1" 2>err ||
		fail "labels: $(cat err)"
}

fresh() {
	udevadm settle
	mdadm --stop --scan >made 2>&1
	must wipefs -qa "$O"
	must blkdiscard -f "$O" 2>made
	udevadm settle
}

# as NAME UUID-TAG COMMAND...: the origin is what the command makes of it
as() {
	local name=$1 tag=$2 uuid='' set

	shift 2
	fresh
	"$@" >made 2>&1 </dev/null || fail "$name: $(cat made)"
	udevadm settle
	mdadm --stop --scan >made 2>&1	# udev may have put it together
	udevadm settle
	[ -z "$tag" ] || uuid=$(blkid -p -s "$tag" -o value "$O")
	must snapset create --keep --store "$S" --json "$O" >created 2>&1
	set=$(json created 'd["id"]')
	labels "$set"
	nothing "$name, new"
	# all that tells what it is goes to the store
	must dd if=/dev/zero of="$O" bs=1M count=6 oflag=direct status=none
	must dd if=/dev/zero of="$O" bs=1M seek=318 count=2 oflag=direct status=none
	udevadm trigger --action=change --name-match="$O" --name-match="$S"
	udevadm settle
	nothing "$name"
	[ -z "$uuid" ] || [ "$(readlink -f "/dev/disk/by-uuid/$uuid")" != "$S" ] ||
		fail "$name: by-uuid leads to the store"
	snapset show --json "$set" >shown || fail "$(cat shown)"
	[ "$(json shown 'd["store"]["used"]')" -ge $((8 << 20)) ] ||
		fail "$name: not all is in the store: $(cat shown)"
	must snapset delete --set "$set" >/dev/null
	nothing "$name, afterwards"
	labels "$set"
}
as ext4 UUID mkfs.ext4 -qF "$O"
as xfs UUID mkfs.xfs -qf "$O"
as btrfs UUID mkfs.btrfs -qf "$O"
as vfat UUID mkfs.vfat "$O"
as swap UUID mkswap "$O"
as LVM UUID pvcreate -qq -f -y "$O"
arrayed() { # METADATA
	mdadm --create /dev/md9 --run --force --level=1 --raid-devices=2 --metadata="$1" --assume-clean "$O" missing &&
		mdadm --stop /dev/md9
}
as "md, 1.2" UUID arrayed 1.2
as "md, at the end" UUID arrayed 1.0
partitioned() { echo ,100M | sfdisk -q --label "$1" --no-reread "$O"; }
as gpt '' partitioned gpt
as mbr '' partitioned dos

fresh

# somebody's data
refuses() { # WHAT
	snapset create --store "$S" "$O" >out 2>&1 && fail "$1 becomes a store"
	grep -q "cannot be a store: it carries $1, which would be overwritten.*wipefs -a $S" out || fail "$(cat out)"
}
must mkfs.ext4 -qF "$S"
refuses ext4
must fsck.ext4 -fn "$S" >/dev/null 2>&1
must wipefs -qa "$S"
must sfdisk -q "$S" <<<,8M
udevadm settle
refuses 'a partition table (dos)'
must wipefs -qa "$S"
udevadm settle
must snapset create --store "$S" "$O" --exec true >out 2>&1
finish
