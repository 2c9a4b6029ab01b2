#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Many snapshots of a disk, of sets over one disk or two, on memory and on devices:
# the images of all of them stay frozen while others are made and deleted in any
# order under load, and when all have gone nothing is left and no store is claimed.
#
# about: engine
# vm: --smp 2 --mem 1G --disk 8M --disk 12M --disk 88M --disk 24M --timeout 900
. "$(dirname "$0")/../lib.sh"

load
disk=$(readlink -f "$SCRATCH2")
printf '%s\n' 'label: gpt' 'size=28M' 'size=28M' 'size=28M' | sfdisk -q "$disk" || fail "sfdisk"
udevadm settle
stores=("${disk}1" "${disk}2" "${disk}3" "$SCRATCH3")
must chain --ops "${CHAIN_OPS:-$(often 400 60)}" "${stores[@]/#/--store=}" "$SCRATCH0" "$SCRATCH1"
for store in "${stores[@]}"; do
	must mkfs.ext4 -qF "$store"
done
finish
