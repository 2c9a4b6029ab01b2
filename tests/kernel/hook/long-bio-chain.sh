#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# 2 GiB zeroed or discarded in one call are thousands of chained bios. When the first
# of them completes last, nothing may call back through the whole chain: while a
# set is being made, when all writes are counted, and under a snapshot, when all
# are copied: discards, too, because the member is in somebody's exclusive use.
#
# about: interface
# vm: --smp 1 --mem 1G --disk 32M
. "$(dirname "$0")/../lib.sh"

load
# on a slow machine the first bio may stand still for long
may_hang
# nothing is kept of what is written to these: only completions matter
null_disk big size=4096
modprobe scsi_debug virtual_gb=4 dev_size_mb=8 fake_rw=1 lbpu=1 unmap_max_blocks=2048 \
	unmap_max_desc=1 delay=0 || fail "there is no scsi_debug"
on_exit rmmod scsi_debug
udevadm settle
trimmed=/dev/$(ls /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block)
must test -b "$trimmed"
echo unmap | tee /sys/class/scsi_disk/*/provisioning_mode >/dev/null
echo 1048576 >"/sys/block/${trimmed#/dev/}/queue/discard_max_bytes"
head=2048 total=$((4096 * 2048))

# writes to the first MiB come back when we say so; reads at once
slow_head() { # NAME DISK
	dm "$1-head" "0 $head delay $SCRATCH0 0 0 $SCRATCH0 0 600000"
	dm "$1" "$(printf '%s\n' "0 $head linear /dev/mapper/$1-head 0" \
		"$head $((total - head)) linear $2 $head")"
}
# suspending sends what is delayed
let_head_go() { # NAME
	must dmsetup suspend --nolockfs "$1-head"
	must dmsetup resume "$1-head"
}
slow_head zeroed "$NULL_DISK"
slow_head discarded "$trimmed"
null_disk hole size=8192
store=$NULL_DISK
# since 6.9 what is set below does not come up
queue=/sys/block/$(basename "$(readlink -f /dev/mapper/discarded)")/queue
echo 1048576 >"$queue/discard_max_bytes"
most=$(cat "$queue/discard_max_bytes")
[ "$most" = 1048576 ] || fail "a discard of 2 GiB is not cut into 1 MiB, but $most bytes: nothing is proved"

# somebody holds it, as md holds its legs: discards must be passed down
dm holder "0 $total linear /dev/mapper/discarded 0"

ios() { # DISK FIELD: of its statistics
	awk -v f="$2" '{ print $f }' "/sys/block/$(basename "$(readlink -f "$1")")/stat"
}

# it sleeps in ioctl(): when nothing comes back any more, it waits for the first bio
waits() { # PID
	local call stat

	read -r call _ <"/proc/$1/syscall" && read -r stat <"/proc/$1/stat" &&
		[ "$call" = 16 ] && [[ $stat = *") D "* ]]
}

# what has come back since SEEN is nothing
settled() { # DISK FIELD
	local was=$SEEN

	SEEN=$(ios "$1" "$2")
	if [ "$SEEN" -le "$BEGUN" ] || [ "$SEEN" != "$was" ]; then
		pause 1
		return 1
	fi
}

# one call, of which the first bio comes back last
long() { # WHAT DISK FIELD OPTIONS OF blkdiscard...
	local what=$1 disk=$2 field=$3 n pid

	shift 3
	n=$(ios "$disk" "$field")
	blkdiscard "$@" --offset 0 --length 2G "$disk" &
	pid=$!
	SEEN=-1 BEGUN=$n
	wait_for 300 settled "$disk" "$field" || fail "$what: it does not come to an end"
	wait_for 60 waits $pid || fail "$what: the first bio was not late: nothing is proved"
	let_head_go "${disk##*/}"
	must wait $pid
	n=$(($(ios "$disk" "$field") - n))
	note "$what: $n bios"
	bios=$n
}

chain() { # WHAT
	long "$1, zeroed" /dev/mapper/zeroed 5 -z
	# newer kernels have larger pages of zeroes; then the discards must do
	[ "$bios" -ge 2048 ] || [ "$big_zeroes" = 1 ] || fail "$1: a chain of $bios bios only: nothing is proved"
	long "$1, discarded" /dev/mapper/discarded 12 --force
	[ "$bios" -ge 2048 ] || fail "$1: a chain of $bios bios only: nothing is proved"
}

# since 6.18 a bio of zeroes is made of pages of 2 MiB
big_zeroes=0
case $KERNEL in
7*) big_zeroes=1 ;;
esac

rm -f added
snapraw take --stay --touch added --until never /dev/mapper/zeroed /dev/mapper/discarded >out 2>&1 &
taker=$!
must wait_for 60 test -e added
chain counted
kill -9 $taker
wait_for 60 no_objects || fail "objects are left"

take --store "$store" /dev/mapper/zeroed /dev/mapper/discarded
chain copied
snapraw snap "${SNAP[0]}" >snap.out
grep -q '^live' snap.out || fail "$(cat snap.out)"
[ "$(awk '{ print $5 }' snap.out)" -ge $((2 << 30)) ] || fail "not all was kept: $(cat snap.out)"
must snapraw snap "${SNAP[1]}" >snap.out
grep -q '^live' snap.out || fail "$(cat snap.out)"
[ "$(awk '{ print $5 }' snap.out)" -ge $((2 << 30)) ] || fail "not all was kept of what was discarded: $(cat snap.out)"
must snapraw delete "$SET"
finish
