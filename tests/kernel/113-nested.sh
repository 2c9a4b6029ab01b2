#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What would wait for itself is refused, with a sentence: members that share sectors,
# one above the other, an image or a store as a member, a loop device on a member's
# file system.
#
# vm: --smp 2 --mem 1G --disk 64M --disk 32M --timeout 120
. "$(dirname "$0")/lib.sh"

load
disk=$(readlink -f "$SCRATCH0")
printf '%s\n' 'label: dos' '2048,16384' | sfdisk -q "$disk" || fail "sfdisk"
udevadm settle
refused 'ELOOP|E_NESTED_VOLUME_LIMIT' "$disk" "${disk}1"
refused 'ELOOP|E_NESTED_VOLUME_LIMIT' "${disk}1" "$disk"

dm upper "0 8192 linear ${disk}1 0"
refused 'ELOOP|E_NESTED_VOLUME_LIMIT|EBUSY|EOPNOTSUPP' /dev/mapper/upper "${disk}1"
refused 'ELOOP|E_NESTED_VOLUME_LIMIT|EBUSY|EOPNOTSUPP' "${disk}1" /dev/mapper/upper
must dmsetup remove --retry upper

take "$SCRATCH1"
refused 'ELOOP|E_NESTED_VOLUME_LIMIT|EOPNOTSUPP' "${IMAGE[0]}"
must snapraw delete "$SET"
finish
