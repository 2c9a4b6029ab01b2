# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh and the tests have the rest
#
# One kind of disk as a member.

ways=(direct aio uring buffered mmap zeroes discards)
few=(aio buffered)

BLOCK=512
# kind DISK DEVICE STACK WAY...
kind() {
	local disk=$1 device=$2 stack=$3 way

	shift 3
	fill "$disk" model
	for way; do
		cp model model.then
		take "$disk"
		case $way in
		zeroes) must blk zero "$disk" model 65536 2097152 >/dev/null ;;
		discards) must blk discard "$disk" model 131072 2097152 >/dev/null ;;
		*) must blk churn "$disk" model --engine "$way" --cover --min $BLOCK --align $BLOCK \
			--max 256K --threads 2 --depth 4 >churn.out ;;
		esac
		blk verify "${IMAGE[0]}" model.then || fail "$device, $stack, $way: the image has changed"
		blk verify "$disk" model || fail "$device, $stack, $way: the disk is not what was written"
		must snapraw delete "$SET"
		matrix "$device" "$stack" - "$way" right
	done
}

# no DISK DEVICE STACK CODE
no() {
	refused "$4" "$1"
	matrix "$2" "$3" - any "$(sed -n "s,.* text ,,p" "$TMP/take" | sed "s,$1,DISK,g;s, phase .*,,")"
}
