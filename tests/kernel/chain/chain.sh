#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Many snapshots of a disk, of sets over one disk or two, on memory and on devices:
# the images of all of them stay frozen while others are made and deleted in any
# order under load, and when all have gone nothing is left and no store is claimed.
#
# rounds: some 200 takes, deletions and comparisons of a whole image, half of them at the
# end, where all images are compared after each deletion. A build whose deletions hand
# nothing down was found by the first 12 and 27 of them, one that forgets who keeps what of
# a region by the first 7, one that loses what is kept during a deletion by the first 66
# and 91, since a deletion waits just then ("leave"); without that 600 did not find it.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 8M --disk 8M --disk 96M --disk 24M
. "$(dirname "$0")/../lib.sh"

load
disk=$(readlink -f "$SCRATCH2")
printf '%s\n' 'label: gpt' 'size=28M' 'size=28M' 'size=28M' | sfdisk -q "$disk" || fail "sfdisk"
udevadm settle
stores=("${disk}1" "${disk}2" "${disk}3" "$SCRATCH3")
# everything has been handed down, and the snapshot is still there
fault 'leave 1 0 20 0'
must chain --ops "${CHAIN_OPS:-$(often 100 60)}" "${stores[@]/#/--store=}" "$SCRATCH0" "$SCRATCH1"
fault off
for store in "${stores[@]}"; do
	must mkfs.ext4 -qF "$store"
done
finish
