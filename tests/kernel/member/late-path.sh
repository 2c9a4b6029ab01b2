#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A disk that becomes a path of a multipath while it has snapshots. A map with requests sends
# them to it with no bio: reads harm nothing, with the first write its snapshots are dead,
# all of them, and a set in the making is refused. Those of its other partition are not. A
# map with bios is as any other device above.
#
# row dead E_UNEXPECTED_PROVIDER_ERROR - "the first write" "* is written to by requests that no bio brings: it has become a path of a multipath"
#
# about: release
# vm: --smp 2 --mem 1G --disk 32M
. "$(dirname "$0")/../lib.sh"

need sfdisk
load
{ modprobe -q dm-multipath && modprobe -q dm-service-time; } || skip "no dm-multipath"
disk=$(readlink -f "$SCRATCH0")
printf '%s\n' 'label: gpt' 'start=2048,size=8M' 'size=8M' | sfdisk -q "$disk" || fail "sfdisk"
udevadm settle
P=${disk}1
map() { # MODE PATH
	dm late "0 $(sectors "$2") multipath 2 queue_mode $1 0 1 1 service-time 0 1 2 $2 1 1"
}
# a block of the partition, by the map of the disk
write() { must dd if=/dev/zero of=/dev/mapper/late bs=4k count=1 seek=$((256 + $1)) oflag=direct status=none; }
unmap() { must dmsetup remove --retry late; }
sentence='code E_UNEXPECTED_PROVIDER_ERROR .*requests that no bio brings: it has become a path of a multipath'

fill "$P" a
fill "${disk}2" other
take "$P" "${disk}2"
# shellcheck disable=SC2153 # take sets SNAP
old=${SNAP[0]} old_image=${IMAGE[0]} other=${SNAP[1]} other_image=${IMAGE[1]}
cp a a.old
must blk churn "$P" a --engine direct --writes 50 >churn.out
cp a a.new
take "$P"
new=${SNAP[0]} new_image=${IMAGE[0]}

map bio "$P"
must blk churn /dev/mapper/late a --engine aio --writes 50 >churn.out
blk verify "$old_image" a.old || fail "by bios: the older image has changed"
blk verify "$new_image" a.new || fail "by bios: the image has changed"
unmap

map rq "$disk"
must blk digest /dev/mapper/late >/dev/null
! dead "$new" || fail "a read has killed it: $(snapraw snap "$new")"
write 100
for snap in "$old" "$new"; do
	dead "$snap" || fail "it lives: $(snapraw snap "$snap")"
done
snapraw snap "$new" | grep -q "$sentence" || fail "dead for another reason: $(snapraw snap "$new")"
must blk eio "$old_image"
must blk eio "$new_image"
! dead "$other" || fail "the other partition's is dead: $(snapraw snap "$other")"
blk verify "$other_image" other.then || fail "the other partition's image has changed"
must snapraw clear >/dev/null

# in the making, when it has seen that no write is on its way
fault "commit 1 1 60000 0"
snapraw take --keep "$P" >made.out 2>&1 &
made=$!
wait_for 60 fault_hit commit || fail "no set in the making: $(cat made.out)"
write 200
fault go
wait $made && fail "a set was made: $(cat made.out)"
grep -q "$sentence" made.out || fail "refused for another reason: $(cat made.out)"
fault off

# one that was written to so before is no worse than others
take "$P"
! dead "${SNAP[0]}" || fail "dead: $(snapraw snap "${SNAP[0]}")"
must snapraw clear >/dev/null
unmap

# what cannot be looked at is not taken
must rmmod snapset	# it would stay there for some seconds
must modprobe snapset
fault "look 1 0 0 19"
refused EOPNOTSUPP "$P"
grep -q 'blk_insert_cloned_request() cannot be looked at' "$TMP/take" || fail "$(cat "$TMP/take")"
fault off
take "$P"
finish
