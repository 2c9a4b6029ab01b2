#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What would wait for itself is refused, with a sentence: members that share sectors,
# an image or a store as a member; and by the tool, which knows what stands on what,
# also members one above the other by device-mapper, md or a loop device.
#
# about: tool
# vm: --smp 1 --mem 1G --disk 64M --disk 32M --disk 32M
. "$(dirname "$0")/../lib.sh"

need snapset
load
disk=$(readlink -f "$SCRATCH0")
printf '%s\n' 'label: dos' '2048,16384' '18432,65536' | sfdisk -q "$disk" || fail "sfdisk"
udevadm settle

tool_refuses() {
	snapset create "$@" >out 2>&1 && fail "the tool takes $*"
	grep -q 'E_NESTED_VOLUME_LIMIT\|E_VOLUME_NOT_SUPPORTED' out || fail "$*: $(cat out)"
	[ "$(snapraw sets)" = 0 ] || fail "$*: a set is left"
}

refused 'ELOOP|E_NESTED_VOLUME_LIMIT' "$disk" "${disk}1"
refused 'ELOOP|E_NESTED_VOLUME_LIMIT' "${disk}1" "$disk"
tool_refuses "$disk" "${disk}1"

dm upper "0 8192 linear ${disk}1 0"
tool_refuses /dev/mapper/upper "${disk}1"
tool_refuses "${disk}1" /dev/mapper/upper
tool_refuses /dev/mapper/upper "$disk"
dm uppermost "0 4096 linear /dev/mapper/upper 0"
tool_refuses /dev/mapper/uppermost "${disk}1"
must dmsetup remove --retry uppermost
must dmsetup remove --retry upper

mounted ext4 "${disk}2" "$TMP/e"
truncate -s 8M "$TMP/e/file"
loop=$(losetup -f --show "$TMP/e/file") || fail "losetup"
on_exit losetup -d "$loop"
tool_refuses "$TMP/e" "$loop"
tool_refuses "$loop" "${disk}2"
must losetup -d "$loop"
must umount "$TMP/e"

take "$SCRATCH1"
refused 'ELOOP|E_NESTED_VOLUME_LIMIT|EOPNOTSUPP' "${IMAGE[0]}"
must snapraw delete "$SET"
take --store "$SCRATCH2" "$SCRATCH1"
must_not snapraw take "$SCRATCH2"
finish
