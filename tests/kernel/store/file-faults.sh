#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What can befall the disk below a store in a file: it fails there, it gets shorter, it
# stands still, it is taken out. The snapshots die, the origin does not fail one write and
# no writer waits for longer than the stall bound, the set can be deleted and the file
# system unmounted, and what is left there is an ordinary file.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 16M --disk 320M
. "$(dirname "$0")/../lib.sh"

need filefrag
load
fill "$SCRATCH0" model
size=$(sectors "$SCRATCH1")

# What of its disk an ext4 needs itself is at the beginning; the store lies behind that.
store_on() { # KIND DEVICE
	local options=()

	[ "$1" != ext4 ] || options=(-b 4096 -O ^has_journal -E lazy_itable_init=0)
	mounted "$1" "$2" m "${options[@]}"
	store_file m/filler 150
	store_file m/s 32
	sync -f m
	# first sector and number of sectors of each piece
	filefrag -b512 -e m/s | awk -F '[ .:]+' '/^ *[0-9]+:/ { print $5, $7 }' | sort -n >pieces
	[ "$(awk '{ n += $2 } END { print n }' pieces)" = $((32 << 11)) ] || fail "not all of it: $(cat pieces)"
	cp model model.then
	take --store-file m/s --stall-timeout 1500 --budget 1M "$SCRATCH0"
	must blk churn "$SCRATCH0" model --engine aio --depth 8 --writes 100 --max 64K >churn.out
	must blk verify "${IMAGE[0]}" model.then
}

lost() { # WHAT
	local slowest

	must blk churn "$SCRATCH0" model --engine aio --depth 8 --threads 2 --cover --min 4K --max 256K >churn.out
	# by the guest's clock: 1.5 s is the bound, the rest is for a machine that stands still
	slowest=$(awk '{ print $8 }' churn.out)
	[ "$slowest" -lt 8000 ] || fail "$1: a writer waited for $slowest ms, the bound is 1500 and 6500 for a slow machine"
	must blk verify "$SCRATCH0" model
	wait_for 60 dead "${SNAP[0]}" || fail "$1: not dead: $(snapraw snap "${SNAP[0]}")"
	must blk eio "${IMAGE[0]}"
	note "$1: $(snapraw snap "${SNAP[0]}" | grep -o 'code .*')"
	must snapraw delete "$SET"
}

table() { # TABLE: what the disk is from now on
	dmsetup load store <<<"$1" || fail "no such table: $1"
	must dmsetup suspend --nolockfs --noflush store
	must dmsetup resume store
}

bad() { # the disk, with what lies in the file in error
	awk -v disk="$SCRATCH1" -v size="$size" '
		BEGIN { at = 0 }
		function good(to) { if (to > at) print at, to - at, "linear", disk, at }
		{ good($1); print $1, $2, "error"; at = $1 + $2 }
		END { good(size) }' pieces
}

ordinary() { # and what is there when the disk is well again
	must umount m
	must mount /dev/mapper/store m
	[ ! -e m/s ] || fail "the file is left"
	must dd if=/dev/zero of=m/filler bs=4k count=1 conv=notrunc,fsync status=none
	must umount m
}

dm store "0 $size linear $SCRATCH1 0"
for fs in ext4 xfs; do
	store_on $fs /dev/mapper/store
	table "$(bad)"
	lost "$fs on a disk that is bad there"
	table "0 $size linear $SCRATCH1 0"
	ordinary
done

store_on ext4 /dev/mapper/store
table "0 $(head -n 1 pieces | cut -d ' ' -f 1) linear $SCRATCH1 0"
lost "a disk that got shorter"
table "0 $size linear $SCRATCH1 0"
ordinary

store_on xfs /dev/mapper/store
must dmsetup suspend --nolockfs --noflush store
on_exit dmsetup resume store
{
	wait_for 60 dead "${SNAP[0]}"
	dmsetup resume store
} &
lost "a disk that stands still"
wait $!
ordinary

# a file system complains of a disk that is gone; that is left out of the verdict by its name
null_disk doomed size=320 memory_backed=1
if [ "$NULL_DISK" = /dev/doomed ]; then
	store_on ext4 "$NULL_DISK"
	echo 0 >/sys/kernel/config/nullb/doomed/power || fail "it cannot be taken out"
	lost "a disk that is gone"
	must umount m
fi
finish
