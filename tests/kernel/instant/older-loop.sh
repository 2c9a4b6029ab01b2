#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A file system that is frozen does not vouch for every write to its device: a loop device
# with direct I/O writes to its file without asking the file system (before 6.12), and so do
# others. Such a write, on its way since before the member was added, is waited for; where
# the loop device asks, the freeze waits. The member is once one of device-mapper, which is
# asked, once one with requests, whose queue is closed, and once an array, which accounts.
#
# about: interface
# vm: --smp 1 --mem 1G --disk 64M
. "$(dirname "$0")/../lib.sh"

need mdadm
load
may_hang
n=$(sectors "$SCRATCH0")
head -c 4096 /dev/zero | tr '\0' B >new
let_go() { dmsetup suspend --nolockfs below && dmsetup resume below; }
waits() { snapraw list | grep -Eq ' state [23] '; }

# one_way KIND
one_way() {
	local member=/dev/mapper/member at loop writer taker before

	dm member "0 $n linear $SCRATCH0 0"
	if [ "$1" = requests ]; then
		member=$(losetup -f --show --direct-io=on /dev/mapper/member) || fail "losetup"
		on_exit losetup -d "$member"
	fi
	if [ "$1" = array ]; then
		member=/dev/md8
		must mdadm --create $member --run --force --level=1 --raid-devices=1 --metadata=1.0 \
			--bitmap=none --assume-clean /dev/mapper/member 2>err
		on_exit mdadm --stop $member
		udevadm settle --timeout=10
	fi
	mounted ext4 "$member" /mnt/a
	must dd if=/dev/zero of=/mnt/a/f bs=1M count=8 oflag=direct conv=fsync status=none
	loop=$(losetup -f --show --direct-io=on /mnt/a/f) || fail "losetup"
	on_exit losetup -d "$loop"
	[ "$(cat "/sys/block/${loop#/dev/}/loop/dio")" = 1 ] || skip "no direct I/O on this kernel"
	at=$(($(filefrag -v -b512 /mnt/a/f | awk '$1 == "0:" { sub(/\.\.$/, "", $4); print $4; exit }') + 1024))
	# writes stay there until it is suspended; flushes, which go everywhere, do not
	dm below "0 $n delay $SCRATCH0 0 0 $SCRATCH0 0 600000 $SCRATCH0 0 0"
	on_exit let_go
	# 64 KiB of the file go that way
	printf '%s\n' "0 $at linear $SCRATCH0 0" "$at 128 linear /dev/mapper/below $at" \
		"$((at + 128)) $((n - at - 128)) linear $SCRATCH0 $((at + 128))" | must dmsetup load member
	must dmsetup suspend --nolockfs member
	must dmsetup resume member
	dd if=new of="$loop" bs=4k count=1 seek=128 oflag=direct conv=notrunc 2>dd.out &
	writer=$!
	wait_for 60 waits_for_io $writer || fail "it does not write"
	on_its_way() { in_flight "$member" 1; }
	wait_for 60 on_its_way || fail "the write is not on its way to the member"

	snapraw take --keep --freeze-timeout 60000 --freeze /mnt/a "$member" >out 2>&1 &
	taker=$!
	wait_for 60 waits || fail "nothing waits: $(cat out)"
	pause 1
	waits || fail "$1: the set did not wait for the write: $(cat out)"
	must let_go
	must wait $taker
	taken out
	look() { dd if="${IMAGE[0]}" bs=512 skip="$at" count=8 iflag=direct status=none | sha256sum; }
	before=$(look)
	must wait $writer
	[ "$(look)" = "$before" ] || fail "$1: the image has changed"
	[ "$before" = "$(sha256sum <new)" ] ||
		fail "$1: a write that was over before the instant is not in the image"
	must snapraw delete "$SET"
	must losetup -d "$loop"
	must umount /mnt/a
	[ "$1" != requests ] || must losetup -d "$member"
	[ "$1" != array ] || must mdadm --stop "$member" 2>err
	must dmsetup remove --retry member
	must dmsetup remove --retry below
}

one_way device-mapper
one_way requests
# before 5.14 md does not account
[[ $KERNEL = 5.10* ]] || one_way array
finish
