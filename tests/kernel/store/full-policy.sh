#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What is done when the store is full: the set is given up; or writers wait, and go on
# when there is room, or the set is given up after all; or the oldest snapshots of the
# device make room. The origin fails no write. A member's quota protects the others.
#
# row dead E_INSUFFICIENT_STORAGE - "the store is full, and no room comes" "the store was full and was not extended within*"
# row dead E_INSUFFICIENT_STORAGE - "the store is full, and there is no older snapshot to delete" "the store is full, and no older snapshot can make room"
# row dead E_INSUFFICIENT_STORAGE - "a member needs more than its quota" "it needs more of the store than its quota of*"
#
# about: engine
# vm: --smp 1 --mem 1G --disk 24M --disk 32M --disk 8M
. "$(dirname "$0")/../lib.sh"

load
room() { snapraw room "$1" | awk -v f="$2" '{ for (i = 1; i < NF; i += 2) if ($i == f) print $(i + 1) }'; }

write() { # DISK MODEL OFFSET LENGTH
	must blk churn "$1" "$2" --cover --from "$3" --len "$4" --min 4K --max 64K --depth 4 --engine aio >churn.out
}

dead_of() { # SNAPSHOT TEXT
	wait_for 60 dead "$1" || fail "not dead: $(snapraw snap "$1")"
	snapraw snap "$1" | grep -q "code E_INSUFFICIENT_STORAGE .*$2" ||
		fail "dead for another reason than \"$2\": $(snapraw snap "$1")"
}

alive() {
	local one

	for one; do
		dead "$one" && fail "$one is lost: $(snapraw snap "$one")"
	done
	return 0
}

fill "$SCRATCH0" a
fill "$SCRATCH2" b

# all of the set
take --store-limit 4M "$SCRATCH0" "$SCRATCH2"
write "$SCRATCH0" a 0 8M
dead_of "${SNAP[0]}" 'the store is full'
dead_of "${SNAP[1]}" 'the store is full'
must blk eio "${IMAGE[0]}"
must blk eio "${IMAGE[1]}"
must blk verify "$SCRATCH0" a
must snapraw delete "$SET"

# of two in one store one is lost, and the other goes on with its room, at once
take --store-limit 8M "$SCRATCH0"
one=$SET snap_one=${SNAP[0]} image_one=${IMAGE[0]}
id=$(room "$SET" id)
cp a a.one
cp b b.then
take --share "$id" "$SCRATCH2"
two=$SET snap_two=${SNAP[0]} image_two=${IMAGE[0]}
fault "retire 1 100 300 0"
blk churn "$SCRATCH2" b --cover --from 0 --len 6M --min 4K --max 64K --depth 4 --engine aio >churn2.out &
churn=$!
write "$SCRATCH0" a 0 6M
must wait $churn
fault off
if dead "$snap_one"; then
	alive "$snap_two"
	must blk verify "$image_two" b.then
	must blk eio "$image_one"
	lost=$snap_one
else
	dead_of "$snap_two" 'the store is full'
	must blk verify "$image_one" a.one
	must blk eio "$image_two"
	lost=$snap_two
fi
is_kept() { [ "$(snapraw store "$one" | awk '{ print $6 }')" = $((6 << 20)) ]; }
wait_for 60 is_kept || fail "not what one of them keeps: $(snapraw store "$one")"
has_none() { [ "$(snapraw space "$lost" | awk '{ print $2, $4 }')" = "0 0" ]; }
wait_for 60 has_none || fail "the lost one has room: $(snapraw space "$lost")"
must blk verify "$SCRATCH0" a
must blk verify "$SCRATCH2" b
must snapraw delete "$one"
must snapraw delete "$two"

# writers wait until there is room: of a file, to which a store in memory spills
snapraw events 300 >events.out &
events=$!
on_exit kill $events
wait_for 60 grep -q ready events.out || fail "no listener: $(cat events.out)"
mounted ext4 "$SCRATCH1" m
store_file m/s 16
cp a a.then
take --store-limit 4M --full wait --full-wait 60000 "$SCRATCH0"
blk churn "$SCRATCH0" a --cover --from 0 --len 12M --min 4K --max 64K --depth 4 --engine aio >churn.out &
churn=$!
wait_for 60 grep -q 'store-full .* writers wait' events.out || fail "nobody waits: $(cat events.out)"
sleep 1
gone $churn && fail "the writes went on without room"
alive "${SNAP[0]}"
must snapraw extend "$SET" m/s
must wait $churn
alive "${SNAP[0]}"
[ "$(room "$SET" waits)" -ge 1 ] || fail "no wait was counted: $(snapraw room "$SET")"
must blk verify "${IMAGE[0]}" a.then
must blk verify "$SCRATCH0" a
snapraw store "$SET" >store.out
[ "$(awk '{ print $2, $8 }' store.out)" = "0 1" ] || fail "not a store in memory with a file: $(cat store.out)"
[ "$(awk '{ print $6 }' store.out)" = $((12 << 20)) ] || fail "not all is there: $(cat store.out)"
pages=$(awk '$1 == "page" { print $2 }' /sys/kernel/debug/snapset/counters)
[ "$pages" -le 1024 ] || fail "$pages pages are in memory instead of 1024"
must snapraw delete "$SET"
[ ! -e m/s ] || fail "the file is left"

# or in vain
cp a a.then
take --store-limit 4M --full wait --full-wait 500 "$SCRATCH0"
write "$SCRATCH0" a 0 8M
dead_of "${SNAP[0]}" 'was not extended within 500 ms'
must blk verify "$SCRATCH0" a
must snapraw delete "$SET"

# and who deletes another snapshot gives room, too
take --store-limit 8M "$SCRATCH2"
other=$SET
id=$(room "$SET" id)
write "$SCRATCH2" b 0 6M
cp a a.then
take --share "$id" --full wait --full-wait 60000 "$SCRATCH0"
blk churn "$SCRATCH0" a --cover --from 0 --len 6M --min 4K --max 64K --depth 4 --engine aio >churn.out &
churn=$!
waited() { [ "$(room "$SET" waits)" -ge 1 ]; }
wait_for 60 waited || fail "nobody waits"
must snapraw delete "$other"
must wait $churn
alive "${SNAP[0]}"
must blk verify "${IMAGE[0]}" a.then
must snapraw delete "$SET"

# the oldest make room: of three on one device and in one store, the first goes
cp a a.one
take --store-limit 8M --full oldest "$SCRATCH0"
one=$SET snap_one=${SNAP[0]}
id=$(room "$SET" id)
write "$SCRATCH0" a 0 4M
cp a a.two
take --share "$id" --full oldest "$SCRATCH0"
image_two=${IMAGE[0]} snap_two=${SNAP[0]}
write "$SCRATCH0" a 8M 3M
cp a a.three
take --share "$id" --full oldest "$SCRATCH0"
three=$SET image_three=${IMAGE[0]} snap_three=${SNAP[0]}
write "$SCRATCH0" a 16M 4M
snapraw snap "$snap_one" >gone.out && fail "the oldest is still there: $(cat gone.out)"
alive "$snap_two" "$snap_three"
[ "$(room "$three" dropped)" = 1 ] || fail "not one was dropped: $(snapraw room "$three")"
wait_for 60 grep -q 'store-full .* the oldest snapshot of' events.out || fail "nobody was told: $(cat events.out)"
grep -q snap-deleted events.out || fail "it went silently: $(cat events.out)"
snapraw list | grep -q "^$one" && fail "its set is left"
must blk verify "$image_two" a.two
must blk verify "$image_three" a.three
# then the second; and then there is none to give
write "$SCRATCH0" a 20M 3M
snapraw snap "$snap_two" >gone.out && fail "the second is still there: $(cat gone.out)"
alive "$snap_three"
must blk verify "$image_three" a.three
write "$SCRATCH0" a 0 12M
dead_of "$snap_three" 'no older snapshot can make room'
must blk verify "$SCRATCH0" a
must snapraw delete "$three"

# a quota is one member's
cp b b.then
take --store-limit 24M --quota 4M "$SCRATCH0" "$SCRATCH2"
write "$SCRATCH2" b 0 4M
write "$SCRATCH0" a 0 8M
dead_of "${SNAP[0]}" 'more of the store than its quota of 4 MiB'
alive "${SNAP[1]}"
must blk verify "${IMAGE[1]}" b.then
must snapraw delete "$SET"
refused EINVAL --quota 100 "$SCRATCH0"
refused EINVAL --full 7 "$SCRATCH0"
refused EINVAL --full set --full-wait 500 "$SCRATCH0"
refused EINVAL --full wait --full-wait 60001 "$SCRATCH0"
kill $events
finish
