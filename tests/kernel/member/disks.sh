#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# More kinds of disks, as in kinds: SCSI disks of each sector size, nbd, thin volumes, bcache.
#
# about: interface
# long: 5.10 6.1 6.12
# vm: --smp 1 --mem 1G --disk 16M --disk 16M --disk 16M
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/kernel/member/kind.bash
. "$TESTS/member/kind.bash"

need snapset lvcreate nbd-server nbd-client make-bcache bcache-super-show
load
udevadm settle
A=$SCRATCH0 B=$SCRATCH1 C=$SCRATCH2

# scsi_disk OPTION...: sets SCSI
scsi_disk() {
	modprobe scsi_debug dev_size_mb=4 ndelay=20000 "$@" || skip "there is no scsi_debug"
	udevadm settle
	found=(/sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*/block/*)
	SCSI=/dev/${found[0]##*/}
	[ -b "$SCSI" ] || fail "scsi_debug made no disk"
}
no_scsi_disk() {
	udevadm settle
	wait_for 60 modprobe -r scsi_debug || fail "scsi_debug is in use"
}
on_exit modprobe -r scsi_debug
# the driver's own memory is the disk: what was discarded reads as zeros
scsi_disk lbpu=1 lbpws=1
kind "$SCSI" SCSI - "${ways[@]}"
no_scsi_disk
scsi_disk lbpu=1 physblk_exp=3
kind "$SCSI" "SCSI, 512e" - "${few[@]}"
no_scsi_disk
scsi_disk lbpu=1 sector_size=4096
BLOCK=4096
kind "$SCSI" "SCSI, sectors of 4 KiB" - "${few[@]}"
no_scsi_disk
BLOCK=512

truncate -s 4M exported
printf '%s\n' '[generic]' "unixsock = $TMP/nbd.sock" 'allowlist = false' '[export]' "exportname = $TMP/exported" \
	'flush = true' >nbd.conf
nbd-server -C "$TMP/nbd.conf" -p "$TMP/nbd.pid" >nbd.out 2>&1 || fail "nbd-server: $(cat nbd.out)"
wait_for 60 test -S nbd.sock || fail "nbd-server does not listen: $(cat nbd.out)"
on_exit sh -c "kill $(cat nbd.pid)"
must modprobe nbd nbds_max=1
on_exit modprobe -r nbd
on_exit nbd-client -d /dev/nbd0
must nbd-client -unix "$TMP/nbd.sock" -N export /dev/nbd0 >nbd.out 2>&1
udevadm settle
kind /dev/nbd0 nbd - "${few[@]}"
must nbd-client -d /dev/nbd0 >/dev/null

n=$(sectors "$A")
dm pool "0 $n thin-pool $B $A 128 0"
must dmsetup message pool 0 'create_thin 0'
dm thin "0 8192 thin /dev/mapper/pool 0"
kind /dev/mapper/thin virtio "dm thin" "${few[@]}" zeroes discards
must dmsetup remove --retry thin
must dmsetup remove --retry pool
must wipefs -qa "$A" "$B"

bcache_there() { [ -b /dev/bcache0 ]; }
if modprobe bcache 2>/dev/null; then
	must make-bcache --block 512 --bucket 16k --writeback -C "$A" -B "$C" >bcache.out 2>&1
	set=$(bcache-super-show "$A" | awk '$1 == "cset.uuid" { print $2 }')
	stop_bcache() {
		echo 1 >/sys/block/bcache0/bcache/stop
		echo 1 >"/sys/fs/bcache/$set/unregister"
	}
	on_exit stop_bcache
	# udev may have been there before
	for part in "$A" "$C"; do
		readlink -f "$part" >/sys/fs/bcache/register 2>/dev/null
	done
	wait_for 60 bcache_there || fail "no bcache: $(cat bcache.out)"
	udevadm settle
	for part in "$A" "$C"; do
		snapset create --store memory "$part" >out 2>&1 && fail "a part of a bcache was taken"
		grep -q 'is a part of the cached device bcache0: add that instead' out || fail "$(cat out)"
	done
	matrix virtio "a part of that" - any "DISK is a part of the cached device BCACHE: add that instead"
	case $(cat /sys/block/bcache0/queue/iostats) in
	0) no /dev/bcache0 virtio bcache E_PROVIDER_VETO ;;
	*) kind /dev/bcache0 virtio bcache "${few[@]}" ;;
	esac
	mounted ext4 /dev/bcache0 m
	must dd if=/dev/urandom of=m/a bs=64k count=32 status=none
	must snapset create --keep --store memory --json "$PWD/m" >created
	image=$(json created 'd["snapshots"][0]["device"]')
	before=$(blk digest "$image")
	must dd if=/dev/urandom of=m/a bs=64k count=32 conv=notrunc,fsync status=none
	must umount m
	[ "$(blk digest "$image")" = "$before" ] || fail "bcache: the image has changed"
	must fsck.ext4 -fn "$image" >/dev/null 2>&1
	matrix virtio bcache ext4 buffered right
	must snapset delete --all >/dev/null
	stop_bcache
fi
finish
