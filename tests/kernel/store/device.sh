#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A block device holds what the snapshots keep: it is claimed, used, and let go; and
# a store that is in use is refused.
#
# about: release
# vm: --smp 1 --mem 1G --disk 8M --disk 16M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
# a set for each: what is kept already is not copied
for engine in aio buffered; do
	cp model model.then
	take --store "$SCRATCH1" "$SCRATCH0"
	must_not mkfs.ext4 -qF "$SCRATCH1"
	must blk churn "$SCRATCH0" model --engine $engine --cover --min 512 --max 1M --threads 2 --depth 4 >churn.out
	must blk verify "${IMAGE[0]}" model.then
	must blk verify "$SCRATCH0" model
	snapraw snap "${SNAP[0]}" >snap.out
	stored=$(awk '{ print $7 }' snap.out)
	[ "$stored" -ge $((8 << 20)) ] || fail "only $stored bytes are in the store: $(cat snap.out)"
	must snapraw delete "$SET"
done

# what was written to it before through the page cache, where it is kept by whoever has it
# open, does not come over what is in the store
exec 8<"$SCRATCH1"
must flock 8	# udev has it written otherwise, when it looks for partitions
must dd if=/dev/zero of="$SCRATCH1" bs=1M count=16 conv=notrunc status=none
cp model model.then
take --store "$SCRATCH1" "$SCRATCH0"
must blk churn "$SCRATCH0" model --engine aio --cover --min 512 --max 1M --threads 2 --depth 4 >churn.out
sync
exec 8<&-
must blk verify "${IMAGE[0]}" model.then
must snapraw delete "$SET"

must mkfs.ext4 -qF "$SCRATCH1"
mkdir m
must mount "$SCRATCH1" m
on_exit umount m
must_not snapraw take --store "$SCRATCH1" "$SCRATCH0"
must umount m
# a member is no store, and a store no member
must_not snapraw take --store "$SCRATCH0" "$SCRATCH0"
take --store "$SCRATCH1" "$SCRATCH0"
must_not snapraw take "$SCRATCH1"
finish
