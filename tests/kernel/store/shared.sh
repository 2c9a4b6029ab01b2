#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Several sets keep old data in one store: it lives until the last of them has gone, is
# told of under one number, and lets a volume that holds its own store have a second
# snapshot.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 16M --disk 32M --disk 16M
. "$(dirname "$0")/../lib.sh"

load
room() { snapraw room "$1" | awk -v f="$2" '{ for (i = 1; i < NF; i += 2) if ($i == f) print $(i + 1) }'; }
used() { snapraw store "$1" | awk '{ print $6 }'; }

write() { # DISK MODEL OFFSET LENGTH
	must blk churn "$1" "$2" --cover --from "$3" --len "$4" --min 4K --max 64K --depth 4 --engine aio >churn.out
}

fill "$SCRATCH0" a
fill "$SCRATCH2" b
snapraw events 300 >events.out &
events=$!
on_exit kill $events
wait_for 60 grep -q ready events.out || fail "no listener: $(cat events.out)"

take --store "$SCRATCH1" "$SCRATCH0"
one=$SET image_one=${IMAGE[0]}
id=$(room "$one" id)
write "$SCRATCH0" a 0 4M
cp a a.two
take --share "$id" "$SCRATCH0" "$SCRATCH2"
two=$SET image_a=${IMAGE[0]} image_b=${IMAGE[1]}
[ "$(room "$two" id)" = "$id" ] || fail "the second set has another store"
write "$SCRATCH0" a 2M 4M
write "$SCRATCH2" b 0 4M
[ "$(used "$one")" = "$(used "$two")" ] || fail "one store has two sizes"
[ "$(used "$one")" -ge $((12 << 20)) ] || fail "12 MiB were kept, the store has $(used "$one")"
must blk verify "$image_one" a.then
must blk verify "$image_a" a.two
must blk verify "$image_b" b.then

# it is low: the event has numbers
write "$SCRATCH2" b 4M 8M
wait_for 60 grep -q 'store-low .* 50 %' events.out || fail "not told: $(cat events.out)"
# but for the labels at its ends, and three places where disks are looked at
grep -q "^store $id size $(((30 << 20) - 3 * 4096)) used [1-9][0-9]* rate [1-9]" events.out ||
	fail "no numbers: $(cat events.out)"

# the first set goes, its store does not; what the second needs is there
must snapraw delete "$one"
must blk verify "$image_a" a.two
must blk verify "$image_b" b.then
cp a a.three
take --share "$id" "$SCRATCH0"
three=$SET image_three=${IMAGE[0]}
must snapraw delete "$two"
write "$SCRATCH0" a 0 8M
must blk verify "$image_three" a.three
must blk verify "$SCRATCH0" a
must snapraw delete "$three"

# nobody has it any more
refused ENOENT --share "$id" "$SCRATCH0"
refused ENOENT --share 987654 "$SCRATCH0"
wait_for 60 blockdev --rereadpt "$SCRATCH1" || fail "the store is not let go"
kill $events

# a volume that holds its own store: the second set of it shares that
mkdir m i
mounted ext4 "$SCRATCH1" m
store_file m/s 16
echo one >m/state
snapraw take --keep --store-file m/s --freeze m "$SCRATCH1" >out || fail "no set: $(cat out)"
taken out
one=$SET image_one=${IMAGE[0]}
id=$(room "$one" id)
echo two >m/state
sync -f m
snapraw take --keep --share "$id" --freeze m "$SCRATCH1" >out || fail "no second set: $(cat out)"
taken out
two=$SET image_two=${IMAGE[0]}
echo three >m/state
sync -f m
for pair in "$image_one one" "$image_two two"; do
	must mount -o ro,noload "${pair% *}" i
	[ "$(cat i/state)" = "${pair#* }" ] || fail "${pair% *} has $(cat i/state)"
	must umount i
done
must snapraw delete "$one"
[ -e m/s ] || fail "the file went with the first of two sets"
must mount -o ro,noload "$image_two" i
[ "$(cat i/state)" = two ] || fail "alone, $image_two has $(cat i/state)"
must umount i
must snapraw delete "$two"
[ ! -e m/s ] || fail "the file is left"
must umount m
must e2fsck -fn "$SCRATCH1" >fsck.out 2>&1
finish
