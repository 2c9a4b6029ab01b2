#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What is in RAM on its way to the store stays under the set's budget, which its
# members share, while writers are faster than the store; and the images stay
# frozen. The most there can be is what there is when the store completes nothing:
# then the first member has used all that is shared, not a byte more, the other one
# what is kept for it, and writers wait.
#
# about: interface
# vm: --smp 1 --mem 1G --disk 8M --disk 8M --disk 24M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" one
fill "$SCRATCH1" two
dm store "0 $(sectors "$SCRATCH2") delay $SCRATCH2 0 0 $SCRATCH2 0 100"
budget=$((1 << 20)) share=$((64 << 10))
shared=$((budget - 2 * share))
take --store /dev/mapper/store --budget $budget --stall-timeout 60000 "$SCRATCH0" "$SCRATCH1"

in_ram() { snapraw snap "$1" | awk '{ print $9 }'; }
# all pages of the module: those of copies, since the store is a device
pages() { awk '$1 == "page" { print $2 * 4096 }' /sys/kernel/debug/snapset/counters; }

must dmsetup suspend --nolockfs --noflush store
on_exit dmsetup resume store
blk churn "$SCRATCH0" one --engine aio --depth 32 --threads 2 --cover --min 4K --max 128K >one.out &
first=$!
budget_used() { [ "$(pages)" -ge $shared ]; }
wait_for 60 budget_used || fail "only $(pages) bytes in pages"
# the second member finds only its own share, and waits as well
blk churn "$SCRATCH1" two --engine aio --depth 32 --threads 2 --cover --min 4K --max 128K >two.out &
second=$!
# until nothing changes any more: the writers have the processor now and then while so many
# programs are started, which is not so of a time during which the machine stood still
looks() { echo "$(in_ram "${SNAP[0]}") $(in_ram "${SNAP[1]}") $(pages)"; }
settled() {
	local look

	look=$(looks)
	[[ $look != *" 0 "* ]] || return
	for _ in 1 2 3 4 5; do
		[ "$(looks)" = "$look" ] || return
	done
}
wait_for 60 settled || fail "the writers do not come to wait: $(looks)"
a=$(in_ram "${SNAP[0]}") b=$(in_ram "${SNAP[1]}")
note "without a store $a and $b bytes in RAM, $(pages) in pages"
[ "$a" = $shared ] || fail "$a bytes in RAM, $shared are shared"
[ "$b" -gt 0 ] || fail "the second member got nothing"
[ "$b" -le $share ] || fail "$b bytes in RAM of the second member, its share is $share"
[ "$(pages)" = $((a + b)) ] || fail "$(pages) bytes in pages, $((a + b)) are told"
gone $first && fail "a writer did not wait for the budget"
gone $second && fail "a writer of the other member did not wait for the budget"
must dmsetup resume store

most=$a looks=1		# on a slow machine the writers may be through before another
until gone $first && gone $second; do
	for id in "${SNAP[@]}"; do
		a=$(in_ram "$id")
		[ "$a" -le "$most" ] || most=$a
	done
	looks=$((looks + 1))
done
must wait $first
must wait $second
note "at most $most bytes of one in RAM in $looks looks; $(cat one.out); $(cat two.out)"
[ "$most" -le $budget ] || fail "$most bytes in RAM, the budget is $budget"
must blk verify "${IMAGE[0]}" one.then
must blk verify "${IMAGE[1]}" two.then
must blk verify "$SCRATCH0" one
must blk verify "$SCRATCH1" two
for id in "${SNAP[@]}"; do
	[ "$(snapraw snap "$id" | awk '{ print $7 }')" -ge $((8 << 20)) ] || fail "$(snapraw snap "$id")"
done
finish
