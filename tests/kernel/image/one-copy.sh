#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A first write of 1 MiB costs one read and one write to the store, and does not
# wait for the store: the old data is in RAM when it returns, and the image reads
# it from there. The second write to the same place costs nothing.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 16M --disk 16M
. "$(dirname "$0")/../lib.sh"

load
# before there is the member: udev looks into what was written, some time later
fill "$SCRATCH0" model
# device-mapper counts bios, not what a driver makes of them
dm member "0 $(sectors "$SCRATCH0") linear $SCRATCH0 0"
# what is written to the store stays on its way until it is let go; the upper one counts it
delayed() { echo "0 $(sectors "$SCRATCH1") delay $SCRATCH1 0 0 $SCRATCH1 0 $1"; }
dm below "$(delayed 0)"
dm store "0 $(sectors "$SCRATCH1") linear /dev/mapper/below 0"
member=/dev/mapper/member
# the labels of the store are written at once
take --stall-timeout 60000 --store /dev/mapper/store $member
must dmsetup reload below --table "$(delayed 600000)"
must dmsetup suspend --nolockfs below
must dmsetup resume below
# it looks into what is new, and would look into what is written, and be counted
udev_stands

copies() { awk '$1 == "copy" { print $3 }' /sys/kernel/debug/snapset/counters; }

io_of() { # DEVICE FIELD
	awk -v f="$2" '{ print $f }' "/sys/block/$(basename "$(readlink -f "$1")")/stat"
}

snap_field() { snapraw snap "${SNAP[0]}" | awk -v f="$1" '{ print $f }'; }

all_stored() { [ "$(snap_field 7)" = "$(snap_field 5)" ]; }

# first OFFSET LENGTH BYTES: a first write that has to keep so many bytes
first() {
	local was copied in_ram ms made reads writes

	was=$(snap_field 5) made=$(copies)
	reads=$(io_of $member 1) writes=$(io_of /dev/mapper/store 5)
	must blk put $member model "$1" "$2" >put.out
	in_ram=$(snap_field 9) copied=$(($(snap_field 5) - was)) ms=$(cat put.out)
	reads=$(($(io_of $member 1) - reads))
	note "$2 at $1: $ms ms, $(($(copies) - made)) copies, $copied bytes"
	[ "$copied" = "$3" ] || fail "$copied bytes were copied instead of $3"
	# a write that waits for the store comes back when that has been given up
	[ "$in_ram" = "$3" ] || fail "$in_ram bytes are in RAM instead of $3 when the write returns"
	[ "$reads" = 1 ] || fail "$reads reads instead of 1"
	must blk verify "${IMAGE[0]}" model.then
	# suspending sends what is delayed, but not what comes to it just then; and udev would be
	# waited for
	wait_for 60 in_flight /dev/mapper/store 1 || fail "nothing is on its way to the store"
	must dmsetup suspend --nolockfs below
	must dmsetup resume --noudevsync below
	must wait_for 60 all_stored
	[ $(($(copies) - made)) = 1 ] || fail "$(($(copies) - made)) copies instead of 1"
	[ $(($(io_of /dev/mapper/store 5) - writes)) = 1 ] ||
		fail "$(($(io_of /dev/mapper/store 5) - writes)) writes to the store instead of 1"
	must blk verify "${IMAGE[0]}" model.then
}

first 4M 1M $((1 << 20))
first 9M 512 4096
first $(((12 << 20) + 3584)) 8192 12288

made=$(copies)
must blk put $member model 4M 1M >put.out
must blk put $member model 9M 4096 >put.out
[ "$(copies)" = "$made" ] || fail "what was kept has been copied again"
must blk verify "${IMAGE[0]}" model.then
must blk verify $member model
finish
