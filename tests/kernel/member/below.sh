#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The member is below: what comes down from device-mapper and md is seen, and its
# image stays frozen. A raid0 that does not account sends the very bio that it was
# given on to a leg: it is a new write there, also if array and leg are in one set,
# which only the tool refuses.
#
# about: interface
# long: 6.12 7
# vm: --smp 1 --mem 1G --disk 8M --disk 8M --disk 8M
. "$(dirname "$0")/../lib.sh"

need mdadm snapset
load

# accounting 0|1: without, no set of a raw array can be made, and a raid0 sends on what it got
RAID0=
accounting() { [ -z "$RAID0" ] || echo "$1" >/sys/block/md7/queue/iostats; }

# upper_writes UPPER LOWER... -- ENGINE...: a set of all LOWER for each engine
upper_writes() {
	local upper=$1 engine i
	local -a lower=() before=()

	shift
	while [ "$1" != -- ]; do
		lower+=("$1")
		shift
	done
	shift
	for engine; do
		for i in "${!lower[@]}"; do
			before[i]=$(blk digest "${lower[i]}")
		done
		accounting 1
		take "${lower[@]}"
		accounting 0
		must blk churn "$upper" model --engine "$engine" --cover --min 512 --max 1M \
			--threads 2 --depth 4 --seed $((RANDOM)) >churn.out
		for i in "${!lower[@]}"; do
			[ "$(blk digest "${IMAGE[i]}")" = "${before[i]}" ] ||
				fail "$upper, $engine: the image of ${lower[i]} has changed"
			[ "$(blk digest "${lower[i]}")" != "${before[i]}" ] ||
				fail "$upper, $engine: ${lower[i]} has not: nothing is proved"
		done
		must blk verify "$upper" model
		must snapraw delete "$SET"
	done
}

tool_refuses() {
	snapset create "$@" >out 2>&1 && fail "the tool takes $*"
	grep -q 'E_NESTED_VOLUME_LIMIT' out || fail "$*: $(cat out)"
}

# two extents, in the other order, like an LV
total=$(sectors "$SCRATCH0")
half=$((total / 2 - 2049))
dm upper "$(printf '%s\n' "0 $half linear $SCRATCH0 $((total - half))" "$half $half linear $SCRATCH0 2048")"
fill /dev/mapper/upper model
upper_writes /dev/mapper/upper "$SCRATCH0" -- aio buffered uring

array() { # OPTIONS...: /dev/md7 of the other two disks
	must mdadm --create /dev/md7 --run --raid-devices=2 --metadata=1.2 "$@" \
		"$SCRATCH1" "$SCRATCH2" 2>err
	udevadm settle
}
on_exit mdadm --stop /dev/md7

array --level=0 --chunk=16
RAID0=1
accounting 0
refused E_PROVIDER_VETO /dev/md7
fill /dev/md7 model
upper_writes /dev/md7 "$SCRATCH1" -- aio
accounting 1
if [[ $KERNEL = 5.10* ]]; then	# where md never accounts
	refused E_PROVIDER_VETO /dev/md7
else
	upper_writes /dev/md7 /dev/md7 -- aio buffered
	upper_writes /dev/md7 /dev/md7 "$SCRATCH1" "$SCRATCH2" -- aio buffered
	accounting 1
	take /dev/md7
	tool_refuses "$SCRATCH1"
	must snapraw delete "$SET"
fi
tool_refuses /dev/md7 "$SCRATCH1"
tool_refuses "$SCRATCH2" /dev/md7
[ "$(snapraw sets)" = 0 ] || fail "a set is left"
must mdadm --quiet --stop /dev/md7
RAID0=

array --level=1 --assume-clean --bitmap=none
# it does not write its superblock by itself any more
echo 0 >/sys/block/md7/md/safe_mode_delay
fill /dev/md7 model
upper_writes /dev/md7 "$SCRATCH1" -- aio buffered
upper_writes /dev/md7 "$SCRATCH1" "$SCRATCH2" -- aio
grep -q '\[UU\]' /proc/mdstat || fail "a leg was kicked: $(cat /proc/mdstat)"
echo check >/sys/block/md7/md/sync_action
wait_for 60 grep -q idle /sys/block/md7/md/sync_action || fail "the check does not end"
[ "$(cat /sys/block/md7/md/mismatch_cnt)" = 0 ] || fail "the legs differ"
must mdadm --quiet --stop /dev/md7
finish
