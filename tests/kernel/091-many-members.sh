#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A set of 64 members works, and each image is of its own member; the 65th is
# refused, and the set can be made without it.
#
# vm: --smp 2 --mem 1G --timeout 200
. "$(dirname "$0")/lib.sh"

load
modprobe brd rd_nr=65 rd_size=1024 || skip "there is no brd"
on_exit rmmod brd
disks=()
for ((i = 0; i < 65; i++)); do
	disks+=("/dev/ram$i")
	must blk fill "/dev/ram$i" "model$i" $((i + 1))
done

refused E2BIG "${disks[@]}"
wait_for 10 no_objects || fail "objects are left"
take "${disks[@]:0:64}"
[ ${#IMAGE[@]} = 64 ] || fail "${#IMAGE[@]} images"
note "$(grep ^ms take)"
for ((i = 0; i < 64; i++)); do
	cp "model$i" model
	must blk churn "/dev/ram$i" model --writes 10 >churn.out
	must blk verify "${IMAGE[i]}" "model$i"
done
finish
