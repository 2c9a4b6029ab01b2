#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A path of a multipath is no volume: what is written to the map reaches it past the hook, or
# by another path. It is refused with the map's name, the map is taken.
#
# about: library
# vm: --smp 1 --mem 1G --disk 64M --disk 32M
. "$(dirname "$0")/../lib.sh"

need snapset
load
{ modprobe -q dm-multipath && modprobe -q dm-service-time; } || skip "no dm-multipath"
P=$SCRATCH0
n=$(sectors "$P")
for mode in rq bio; do
	printf '%s\n' "0 $n multipath 2 queue_mode $mode 0 1 1 service-time 0 1 2 $P 1 1" |
		must dmsetup create "map$mode" --uuid "mpath-test$mode"
	on_exit dmsetup remove --force --retry "map$mode"
	udevadm settle --timeout=10
	snapset create --store memory "$P" >out 2>&1 && fail "$mode: a path was taken"
	grep -q "is a path of the multipath map mapper/map$mode: add that instead" out ||
		fail "$mode: $(cat out)"
	fill "/dev/mapper/map$mode" model
	must snapset create --keep --store memory --json "/dev/mapper/map$mode" >created
	image=$(json created 'd["snapshots"][0]["device"]')
	before=$(blk digest "$image")
	must dd if=/dev/urandom of="/dev/mapper/map$mode" bs=64k count=64 oflag=direct status=none
	[ "$(blk digest "$image")" = "$before" ] || fail "$mode: the image of the map has changed"
	matrix virtio "multipath, $([ $mode = rq ] && echo requests || echo bios)" - direct right
	matrix virtio "a path of that ($mode)" - any "DISK is a path of the multipath map MAP: add that instead"
	must snapset delete --all >/dev/null
	must dmsetup remove --retry "map$mode"
done
# one without multipathd's name: requests tell
printf '%s\n' "0 $n multipath 2 queue_mode rq 0 1 1 service-time 0 1 2 $P 1 1" |
	must dmsetup create plain
on_exit dmsetup remove --force --retry plain
udevadm settle --timeout=10
snapset create --store memory "$P" >out 2>&1 && fail "a path was taken"
grep -q 'multipath map mapper/plain' out || fail "$(cat out)"
must dmsetup remove --retry plain
must snapset create --store memory "$P" --exec true >out
finish
