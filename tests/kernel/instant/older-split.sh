#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Writes that were cut before the member was added: the first part waits in the queue for
# a tag, what is left lies on a list of its task, where neither queue nor hook knows of
# it. It is in the image, or there is none: the image does not change.
#
# Two processors: the drain and the writers' tasks race for the queue.
#
# about: interface
# vm: --smp 2 --mem 1G --disk 32M
. "$(dirname "$0")/../lib.sh"

load
may_hang
# below the loop device: a gate that can be shut, and behind it two blocks of 4 KiB whose
# writes stay on their way until they are let go; they are the second parts
dm below "0 $(sectors "$SCRATCH0") delay $SCRATCH0 0 0 $SCRATCH0 0 600000 $SCRATCH0 0 0"
dm parts "0 8 linear $SCRATCH0 0
8 8 linear /dev/mapper/below 8
16 8 linear $SCRATCH0 16
24 8 linear /dev/mapper/below 24
32 $(($(sectors "$SCRATCH0") - 32)) linear $SCRATCH0 32"
dm door "0 $(sectors "$SCRATCH0") linear /dev/mapper/parts 0"
let_go() { dmsetup suspend --nolockfs below && dmsetup resume --noudevsync below; }
on_exit let_go
on_exit dmsetup resume --noudevsync door
loop=$(losetup -f --show --direct-io=on /dev/mapper/door) || fail "losetup"
on_exit losetup -d "$loop"
queue=/sys/block/${loop#/dev/}/queue
echo none >"$queue/scheduler"
echo 4 >"$queue/nr_requests" || skip "the queue cannot be made this short"
echo 4 >"$queue/max_sectors_kb"
head -c 8192 /dev/zero | tr '\0' B >new
# it would look into the new device, and its reads have the tags
udev_stands
must dmsetup suspend --nolockfs --noflush door
# how many writes have completed
written() {
	local -a stat

	read -ra stat <"/sys/block/${loop#/dev/}/stat"
	echo "${stat[4]}"
}
base=$(written)
put() { # BLOCK KIB
	dd if=new of="$loop" bs="$2k" count=1 seek="$1" oflag=direct conv=notrunc 2>/dev/null &
	writers+=($!)
}
writers=()
for i in 0 1 2 3; do	# these have all the tags
	put $((1024 + i)) 4
done
for i in "${writers[@]}"; do
	wait_for 60 waits_for_io "$i" || fail "it does not write"
done
# and these wait for one, with half of what they write on their list; when they have one
# there are two more, for what the take and the test itself send
for i in 0 1; do
	put $i 8
done
for i in "${writers[@]:4}"; do
	wait_for 60 waits_for_io "$i" || fail "it does not write"
done
snapraw take --keep --hold-timeout 10000 "$loop" >out &
taker=$!
in_the_making() { snapraw list | grep -q ' state [123] '; }
wait_for 60 in_the_making || fail "no set is being made: $(cat out)"
pause 1
in_the_making || fail "the set did not wait for the writes: $(cat out)"
must dmsetup resume --noudevsync door
# device-mapper does not account what delays have
second_parts() { [ "$(written)" -ge $((base + 6)) ] && in_flight "$loop" 2; }
wait_for 60 second_parts || fail "the second parts are not on their way"
pause 1
in_the_making || fail "the set did not wait for the second parts: $(cat out)"
must let_go
if must wait $taker; then
	taken out
	must dd if="${IMAGE[0]}" of=image bs=4k count=4 iflag=direct status=none
	for i in "${writers[@]}"; do
		must wait "$i"
	done
	must dd if="${IMAGE[0]}" of=later bs=4k count=4 iflag=direct status=none
	cmp image later || fail "the image has changed"
	must dd if="$loop" of=disk bs=4k count=4 iflag=direct status=none
	must cmp image disk
fi
finish
