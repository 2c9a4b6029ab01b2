#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Discarding and zeroing the origin does not change the image, whether the blocks
# had been kept before or not; the origin then holds what was written last. So if
# discards of what is not kept are swallowed, and if they are copied like writes,
# because somebody else has the member; also those of fstrim.
#
# about: release
# vm: --smp 1 --mem 1G --disk 64M --disk 40M
. "$(dirname "$0")/../lib.sh"

discarded() { awk '{ print $14 }' "/sys/block/$(basename "$(readlink -f "$1")")/stat"; }
copied() { snapraw snap "${SNAP[0]}" | awk '{ print $5 }'; }

load
fill "$SCRATCH0" model
take "$SCRATCH0"
must blk churn "$SCRATCH0" model --engine aio --depth 8 --min 512 --max 256K --writes 100 >churn.out
was=$(discarded "$SCRATCH0")
must blk discard "$SCRATCH0" model 0 16M >ms.out
[ "$(discarded "$SCRATCH0")" = "$was" ] || fail "a discard was passed down: nothing is proved"
must blk verify "${IMAGE[0]}" model.then
must blk zero "$SCRATCH0" model 12M 16M >ms.out
must blk verify "${IMAGE[0]}" model.then
# not a whole granule at either end
must blk zero "$SCRATCH0" model $((32 * 1048576 + 512)) $((8 * 1048576 - 1024)) >ms.out
must blk discard "$SCRATCH0" model $((44 * 1048576 + 1536)) $((8 * 1048576 - 512)) >ms.out
must blk verify "${IMAGE[0]}" model.then
must blk verify "$SCRATCH0" model
# writes into what was discarded are there, also when the snapshot is gone
must blk churn "$SCRATCH0" model --engine aio --depth 8 --min 4K --max 64K --from 0 --len 16M --writes 200 >churn.out
must blk verify "${IMAGE[0]}" model.then
must blk verify "$SCRATCH0" model
must snapraw delete "$SET"
wait_for 60 no_objects || fail "objects are left: $(grep -v ' 0 ' /sys/kernel/debug/snapset/counters)"
must blk verify "$SCRATCH0" model

# device-mapper has the member
fill "$SCRATCH0" model
dm upper "0 $(sectors "$SCRATCH0") linear $SCRATCH0 0"
take "$SCRATCH0"
must blk churn /dev/mapper/upper model --engine aio --depth 8 --min 512 --max 256K --writes 50 >churn.out
was=$(discarded "$SCRATCH0")
must blk discard /dev/mapper/upper model 0 16M >ms.out
must blk verify "${IMAGE[0]}" model.then
must blk discard "$SCRATCH0" model $((44 * 1048576 + 1536)) $((8 * 1048576 - 512)) >ms.out
must blk verify "${IMAGE[0]}" model.then
[ $(($(discarded "$SCRATCH0") - was)) = $(((24 << 11) - 1)) ] ||
	fail "$(($(discarded "$SCRATCH0") - was)) sectors were discarded instead of all"
[ "$(copied)" -ge $((24 << 20)) ] || fail "only $(copied) bytes were copied"
must blk churn /dev/mapper/upper model --engine aio --depth 8 --min 4K --max 64K --from 0 --len 16M --writes 200 >churn.out
must blk verify "${IMAGE[0]}" model.then
must blk verify "$SCRATCH0" model
must snapraw delete "$SET"

# a mounted file system; it is trimmed where files are deleted after the last time
mounted ext4 "$SCRATCH1" m
for n in 1 2 3; do
	mkdir m/$n
	for i in 1 2 3; do
		must dd if=/dev/urandom of=m/$n/$i bs=3M count=1 status=none
	done
done
sync -f m
(cd m && sha256sum 3/*) >sums
for policy in swallowed copied; do
	case $policy in
	swallowed) take --freeze m "$SCRATCH1" && old=1 ;;
	copied) take "$SCRATCH1" && old=2 ;;
	esac
	before=$(blk digest "${IMAGE[0]}")
	must rm -r "m/$old"
	sync -f m
	was=$(discarded "$SCRATCH1")
	trimmed=$(fstrim -v m | sed 's/.*(\([0-9]*\) bytes.*/\1/')
	note "$policy: $trimmed bytes trimmed, $(($(discarded "$SCRATCH1") - was)) sectors discarded, $(copied) bytes copied"
	[ "$trimmed" -ge $((8 << 20)) ] || fail "only $trimmed bytes were trimmed: nothing is proved"
	case $policy in
	swallowed) [ $(($(discarded "$SCRATCH1") - was)) -lt $((8 << 11)) ] || fail "discards were passed down" ;;
	copied)
		[ $(($(discarded "$SCRATCH1") - was)) -ge $((8 << 11)) ] || fail "discards were swallowed"
		[ "$(copied)" -ge $((8 << 20)) ] || fail "only $(copied) bytes were copied"
		;;
	esac
	must dd if=/dev/urandom of=m/new bs=1M count=10 conv=fsync status=none
	[ "$(blk digest "${IMAGE[0]}")" = "$before" ] || fail "$policy: the image has changed"
	if [ $policy = swallowed ]; then
		must e2fsck -fn "${IMAGE[0]}" >fsck.out 2>&1
		mkdir image
		must mount -o ro,noload "${IMAGE[0]}" image
		(cd image && sha256sum -c --quiet ../sums && ls 1/3 2/3) >sums.out 2>&1 || fail "$(cat sums.out)"
		must umount image
	fi
	must snapraw delete "$SET"
done
(cd m && sha256sum -c --quiet ../sums) >sums.out 2>&1 || fail "$(cat sums.out)"
finish
