#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A volume that something holds for itself which nobody can ask to write what it has is
# refused, and taken if that is allowed; nothing is left on it. What is known is taken:
# mounted file systems, swap, what stands above.
#
# about: library
# vm: --smp 1 --mem 1G --disk 64M --disk 16M
. "$(dirname "$0")/../lib.sh"

need snapset python3
load
A=$(readlink -f "$SCRATCH0") B=$(readlink -f "$SCRATCH1")
mkdir m
takes() { # WHAT VOLUME...
	local what=$1

	shift
	snapset create --store memory "$@" >out 2>&1 || fail "$what: $(cat out)"
	must snapset delete --all >/dev/null
}
refuses() { # WHAT VOLUME...
	local what=$1

	shift
	! snapset create --store memory "$@" >out 2>&1 || fail "$what: taken"
	grep -q 'E_VOLUME_NOT_SUPPORTED.*' out || fail "$what: $(cat out)"
	grep -q 'holds .* for itself.*--allow-held' out || fail "$what: $(cat out)"
	# no trace
	must_not test -e "/sys/block/${A#/dev/}/holders/snapset0"
	[ -z "$(snapraw list)" ] || fail "$what: a set is left: $(snapraw list)"
	takes "$what, allowed" --allow-held "$@"
}
# held by a program: HOLDER
hold() { # DEVICE
	rm -f held
	python3 -c 'import os, sys, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_EXCL)
open("held", "w").close()
time.sleep(3600)' "$1" &
	HOLDER=$!
	on_exit kill $HOLDER
	wait_for 60 test -e held || fail "$1 cannot be held"
}
let_it_go() {
	kill $HOLDER
	wait $HOLDER 2>/dev/null
}

takes "a disk of nobody" "$A"
hold "$A"
refuses "a disk that a program holds" "$A"
refuses "one of two" "$B" "$A"
let_it_go
takes "a disk of nobody again" "$A"

must mkswap "$B" >/dev/null
must swapon "$B"
on_exit swapoff "$B"
takes "swap" "$B"
must swapoff "$B"

printf 'label: gpt\n,24M\n,24M\n' | sfdisk -q "$A" >/dev/null 2>&1 || fail sfdisk
must udevadm settle
must mkfs.ext4 -qF "${A}1"
must mount "${A}1" m
on_exit umount m
takes "a mounted file system" "$PWD/m"
takes "a disk with a partition that is mounted" "$A"
dm upper "0 $(sectors "${A}2") linear ${A}2 0"
takes "and one that carries a map" "$A"
hold /dev/mapper/upper
refuses "the map is held by a program" "$A"
refuses "itself" /dev/mapper/upper
takes "its neighbour" "${A}1"
let_it_go
must dmsetup remove --retry upper
hold "${A}2"
refuses "a partition is held by a program" "$A"
let_it_go
must umount m

# a disk that is used as a whole, although it has partitions: none of them can be held then
dm upper "0 $(sectors "$A") linear $A 0"
takes "a disk with partitions that carries a map" "$A"
takes "a partition of it" "${A}1"
must dmsetup remove --retry upper
finish
