#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A thin volume whose pool is full keeps a write until the pool grows. A set with it may be
# made or refused, at once; afterwards the volume does what it did before, the pool can be
# grown, the write ends, other disks are not touched, and the image is right.
#
# about: release
# vm: --smp 2 --mem 1G --disk 48M --disk 8M
. "$(dirname "$0")/../lib.sh"

modprobe dm-thin-pool 2>/dev/null || skip "no dm-thin-pool here"
load
may_hang
echo 0 >/sys/module/dm_thin_pool/parameters/no_space_timeout
size=32768	# of 512 bytes: 16 MiB
table() { echo "0 $size thin-pool /dev/mapper/meta /dev/mapper/data 128 0 1 skip_block_zeroing"; }
dm meta "0 8192 linear $SCRATCH0 0"
dm data "0 $size linear $SCRATCH0 8192"
must dd if=/dev/zero of=/dev/mapper/meta bs=4K count=1 oflag=direct status=none
dm pool "$(table)"
must dmsetup message pool 0 'create_thin 0'
dm thin "0 131072 thin /dev/mapper/pool 0"
thin=/dev/mapper/thin
load_part() { dd if="$1" bs=64K count=64 skip=$((64 * $2)) iflag=direct status=none; }
store() { dd of=$thin bs=64K count=64 seek=$((64 * $1)) oflag=direct iflag=fullblock status=none; }
for i in 0 1 2 3; do
	head -c 4M /dev/urandom >part.$i
	must store $i <part.$i
done
full() { dmsetup status --noflush pool | grep -q out_of_data_space; }
dd if=/dev/urandom of=$thin bs=64K seek=512 count=8 oflag=direct iflag=fullblock status=none &
writer=$!
wait_for 60 full || fail "the pool is not full: $(dmsetup status --noflush pool)"
works() { # what has its place is read and written
	load_part $thin "$1" >read.out &
	local reader=$!
	wait_for 60 gone $reader || fail "$2: reads hang"
	cmp -s read.out "part.$1" || fail "$2: it reads what was not written"
	head -c 4M /dev/zero | store "$1" &
	local other=$!
	wait_for 60 gone $other || fail "$2: writes hang"
}
works 0 before

snapset create --keep --json --store memory:64M --hold-timeout 3000 $thin "$SCRATCH1" >made.out 2>&1
made=$?
gone $writer && fail "nothing was kept: nothing is proved"
works 1 after
if [ $made = 0 ]; then
	image=$(json made.out 'd["snapshots"][0]["device"]')
	load_part "$image" 1 >image.out
	cmp -s image.out part.1 || fail "the image is another"
	snapset delete --all >/dev/null || fail "delete: exit $?"
fi
snapset create --keep --json --store memory "$SCRATCH1" >other.out 2>&1 || fail "no set of another disk: $(cat other.out)"
snapset delete --all >/dev/null || fail "delete: exit $?"

grow() {
	size=$((size + 32768))
	dmsetup suspend data && dmsetup load data --table "0 $size linear $SCRATCH0 8192" && dmsetup resume data &&
		dmsetup suspend pool && dmsetup load pool --table "$(table)" && dmsetup resume pool
}
grow &
growth=$!
wait_for 60 gone $growth || fail "the pool cannot be grown"
wait_for 60 gone $writer || fail "the write does not end"
works 2 grown
snapset create --keep --json --store memory:64M $thin "$SCRATCH1" >made.out 2>&1 || fail "no set when there is room: $(cat made.out)"
image=$(json made.out 'd["snapshots"][0]["device"]')
works 3 snapshotted
load_part "$image" 3 >image.out
cmp -s image.out part.3 || fail "the image is another when there is room"
matrix virtio "dm thin, its pool full and grown" - direct right
snapset delete --all >/dev/null || fail "delete: exit $?"
finish
