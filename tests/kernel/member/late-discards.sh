#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A discard that a snapshot would have to copy for is not passed on at once, costs no room,
# and is passed on when the last snapshot goes; but not of what has been written since, by
# whomever. A write to what is just being passed on waits, and is there afterwards.
#
# about: interface
# vm: --smp 1 --mem 1G --disk 32M
. "$(dirname "$0")/../lib.sh"

load
on_exit sh -c "echo go >$FAULTS"
null_disk nb size=64 memory_backed=1 discard=1 queue_mode=2 irqmode=0
disk=$NULL_DISK
[ "$(cat "/sys/block/${disk##*/}/queue/discard_max_bytes")" -gt 0 ] || skip "this null_blk has no discard"
dd if=/dev/zero bs=1M count=64 status=none | tr '\0' o >old
dd if=/dev/zero bs=1M count=64 status=none | tr '\0' n >new
# not by who claims the device, as blkdiscard does otherwise
discard() { blkdiscard -f "$@"; }
fill_old() { must dd if=old of="$disk" bs=1M oflag=direct status=none; }
read_disk() { must dd if="$disk" of=now bs=1M iflag=direct status=none; }
begin() { # AT LENGTH, in KiB
	dd if=new of="$disk" bs="${2}k" count=1 seek="$(($1 * 1024))" oflag=direct,seek_bytes \
		conv=notrunc status=none &
}
put() { begin "$@" && must wait $!; }
# are KIB from AT on all of this? '\0' is what the disk gives for what it has discarded
all_of() { # CHARACTER AT KIB
	[ -z "$(dd if=now bs=1k skip="$2" count="$3" status=none | tr -d "$1" | head -c 1)" ]
}
check() { # WHAT CHARACTER AT KIB
	all_of "$2" "$3" "$4" || fail "$1: KiB $3 to $(($3 + $4)) are not '$2' all through"
}

for _ in 1 2; do
	fill_old
	take "$disk"
	one=$SET shown=${IMAGE[0]} id=${SNAP[0]}
	# 16 MiB in the middle, the last granule a part of it only; twice as much far from it
	must discard -o $((4 << 20)) -l $(((16 << 20) + 2048)) "$disk"
	must discard -o $((24 << 20)) -l $((32 << 20)) "$disk"
	must discard -o $((60 << 20)) -l 2048 "$disk"
	snapraw snap "$id" >out
	grep -q '^live' out || fail "$(cat out)"
	grep -q ' copied 0 ' out || fail "discards were copied: $(cat out)"
	must cmp old "$shown"
	read_disk
	check "not passed on" o 0 65536
	# writes to a part, in the way of the copy and where it has been copied; zeroes
	put 5120 64
	put 5124 4
	must blkdiscard -f -z -o $((6 << 20)) -l $((1 << 20)) "$disk"
	must cmp old "$shown"
	# a second snapshot, whose discards count as well, and the first one goes
	take "$disk"
	two=$SET
	put 8192 4
	put 32768 1024
	# what is written and discarded again is to be passed on
	put 12288 256
	must discard -o $((12 << 20)) -l $((128 << 10)) "$disk"
	must snapraw delete "$one"
	read_disk
	check "with the second one there" o 4096 1024
	put 16384 4
	# the last one goes, and stands still with the first piece on its way
	fault 'pass-on 1 1 3600000 0'
	snapraw delete "$two" &
	deleter=$!
	on_its_way() { fault_hit pass-on; }
	wait_for 60 on_its_way || fail "nothing is passed on"
	# what is not remembered is written at once
	put 1024 4
	# the first piece lies before 5120
	begin 4096 4
	first=$!
	begin 4608 256
	second=$!
	must wait_for 60 waits_for_io $first
	must wait_for 60 waits_for_io $second
	fault go
	must wait $deleter
	must wait $first
	must wait $second
	fault off
	must wait_for 60 no_objects
	read_disk
	check "never discarded" o 0 1024
	check "written elsewhere meanwhile" n 1024 4
	check "written while it was passed on" n 4096 4
	check "passed on" '\0' 4100 508
	check "written while it was passed on" n 4608 256
	check "passed on" '\0' 4864 256
	check "written" n 5120 64
	check "passed on" '\0' 5184 960
	check "zeroed" '\0' 6144 1024
	check "passed on" '\0' 7168 1024
	check "written under the second one" n 8192 4
	check "passed on" '\0' 8196 4092
	check "written and discarded" '\0' 12288 128
	check "written" n 12416 128
	check "passed on" '\0' 12544 3840
	check "written under the last one" n 16384 4
	check "passed on" '\0' 16388 4092
	check "a part of a granule, never discarded" o 20480 4096
	check "passed on" '\0' 24576 8192
	check "written" n 32768 1024
	check "passed on" '\0' 33792 23552
	check "never discarded" o 57344 8192
done
finish
