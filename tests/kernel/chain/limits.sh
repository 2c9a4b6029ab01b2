#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A disk has many snapshots, to a limit (512, set lower here). Who dies takes the older ones along, and newer
# ones are not concerned. What an older one needs of a deleted one's store keeps that.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 16M --disk 8M --disk 32M
. "$(dirname "$0")/../lib.sh"

need snapset
load
disk=$SCRATCH0

# one more is refused, by the module and through the library
limit=$(often 64 12)
cat >full <<'EOT'
. "$2/lib.sh"
limit=$(cat /sys/module/snapset/parameters/debug_max_snaps)
refused EDQUOT "$1"
snapset create "$1" >out 2>&1 && fail "one more than $limit"
grep -qi '0x80042317' out || fail "another code: $(cat out)"
grep -q "$limit snapshots" out || fail "no sentence: $(cat out)"
[ "$(snapraw sets)" = "$limit" ] || fail "$(snapraw sets) sets"
EOT
echo "$limit" >/sys/module/snapset/parameters/debug_max_snaps
must many "$limit" "$disk" "bash $TMP/full $disk $TESTS"
wait_for 60 no_objects || fail "objects are left: $(grep -v ' 0 ' /sys/kernel/debug/snapset/counters)"

# churned NAME: some of the disk is overwritten
churned() {
	must blk churn "$disk" model --engine aio --depth 8 --threads 2 --min 512 --max 256K "$@" >churn.out
}

# the newest one's store is too small
fill "$disk" model
snapraw events 3600 >events.out &
events=$!
wait_for 60 grep -q ready events.out || fail "no listener: $(cat events.out)"
ids=() images=()
for store in "" "" "--store $SCRATCH1"; do
	# shellcheck disable=SC2086 # two words or none
	take $store "$disk"
	ids+=("${SNAP[0]}") images+=("${IMAGE[0]}")
	cp model "model.${#ids[@]}"
	[ -n "$store" ] || churned --writes 20
done
for i in 0 1 2; do
	must blk verify "${images[i]}" "model.$((i + 1))"
done
churned --cover
for i in 0 1 2; do
	wait_for 60 dead "${ids[i]}" || fail "$i is not dead: $(snapraw snap "${ids[i]}")"
	must blk eio "${images[i]}"
	snapraw snap "${ids[i]}" >snap.out
	grep -q 'code E_INSUFFICIENT_STORAGE' snap.out || fail "dead for another reason: $(cat snap.out)"
done
grep -q 'newer one' snap.out && fail "the newest blames a newer one: $(cat snap.out)"
snapraw snap "${ids[0]}" | grep -q 'newer one' || fail "the oldest does not say who is lost"
must blk verify "$disk" model
take "$disk"
cp model model.then
churned --cover
must blk verify "${IMAGE[0]}" model.then
all_told() { [ "$(grep -c snap-dead events.out)" -ge 3 ]; }
wait_for 60 all_told || fail "not one event for each: $(cat events.out)"
kill $events
wait $events
[ "$(grep -c snap-dead events.out)" = 3 ] || fail "not one event for each: $(cat events.out)"
for id in "${ids[@]}"; do
	must snapraw delete --snap "$id"
done
must wait_for 60 mkfs.ext4 -qF "$SCRATCH1"
churned --writes 100
must blk verify "${IMAGE[0]}" model.then
must_not dead "${SNAP[0]}"
must snapraw delete "$SET"

# a deleted set's store, of which an older snapshot needs what it has kept
take "$disk"
older=$SET older_image=${IMAGE[0]}
cp model model.then
churned --writes 50
take --store "$SCRATCH2" "$disk"
churned --cover
must snapraw delete "$SET"
must_not mkfs.ext4 -qF "$SCRATCH2"
must_not snapraw take --store "$SCRATCH2" "$disk"
must_not snapraw take "$SCRATCH2"
must blk verify "$older_image" model.then
churned --cover
must blk verify "$older_image" model.then
sleep 1
must_not mkfs.ext4 -qF "$SCRATCH2"
must snapraw delete "$older"
must wait_for 60 mkfs.ext4 -qF "$SCRATCH2"

# and one of which it needs nothing, since it has everything itself
take "$disk"
cp model model.then
churned --cover
older_image=${IMAGE[0]}
take --store "$SCRATCH2" "$disk"
churned --cover
must_not mkfs.ext4 -qF "$SCRATCH2"
must snapraw delete "$SET"
must wait_for 60 mkfs.ext4 -qF "$SCRATCH2"
must blk verify "$older_image" model.then
must blk verify "$disk" model
finish
