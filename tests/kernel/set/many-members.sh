#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A set of 64 members works, and each image is of its own member; the 65th is
# refused, and the set can be made without it.
#
# Every image is compared; written to is every fourth member, for the copies are made by
# the same code for all.
#
# about: engine
# vm: --smp 1 --mem 1G
. "$(dirname "$0")/../lib.sh"

load
disks=()
# the debug kernel takes a quarter of a minute for each that is looked at
step=1
[ "$KERNEL" != debug ] || step=9
for ((i = 0; i < 65; i++)); do
	null_disk "many$i" size=1 memory_backed=1 submit_queues=1
	disks+=("$NULL_DISK")
	[ $((i % step)) != 0 ] || must blk fill "$NULL_DISK" "model$i" $((i + 1))
done

refused E2BIG "${disks[@]}"
wait_for 60 no_objects || fail "objects are left"
take "${disks[@]:0:64}"
[ ${#IMAGE[@]} = 64 ] || fail "${#IMAGE[@]} images"
note "$(grep ^ms take)"
for ((i = 0; i < 64; i += step)); do
	if [ $((i / step % 4)) = 0 ]; then
		cp "model$i" model
		must blk churn "${disks[i]}" model --writes 10 >churn.out
	fi
	must blk verify "${IMAGE[i]}" "model$i"
done
finish
