#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The member is an md raid1: its image stays frozen, the array stays whole and in
# sync, and an active leg is refused as a member.
#
# about: interface
# vm: --smp 1 --mem 1G --disk 8M --disk 8M
. "$(dirname "$0")/../lib.sh"

need mdadm
load
must mdadm --create /dev/md7 --run --level=1 --raid-devices=2 --metadata=1.2 --assume-clean \
	--bitmap=none "$SCRATCH0" "$SCRATCH1" 2>err
on_exit mdadm --zero-superblock "$SCRATCH0" "$SCRATCH1"
on_exit mdadm --stop /dev/md7
udevadm settle
member=/dev/md7
if [[ $KERNEL = 5.10* ]]; then
	# md accounts nothing there, so writes from before the member was added cannot be seen
	# out. Device-mapper above it can be asked.
	refused E_PROVIDER_VETO /dev/md7
	dm upper "0 $(sectors /dev/md7) linear /dev/md7 0"
	member=/dev/mapper/upper
fi
fill $member model
# a set for each: what is kept already is not copied
for engine in aio direct buffered; do
	cp model model.then
	take $member
	must blk churn $member model --engine $engine --cover --min 512 --max 1M --threads 2 --depth 4 >churn.out
	must blk verify "${IMAGE[0]}" model.then
	must blk verify $member model
	must snapraw delete "$SET"
done
grep -q '\[UU\]' /proc/mdstat || fail "a leg was kicked: $(cat /proc/mdstat)"
must_not snapset create "$SCRATCH0"
must_not snapset create /dev/md7 "$SCRATCH0"
echo check >/sys/block/md7/md/sync_action
wait_for 60 grep -q idle /sys/block/md7/md/sync_action || fail "the check does not end"
[ "$(cat /sys/block/md7/md/mismatch_cnt)" = 0 ] || fail "the legs differ"
finish
