#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A machine that sleeps while it has snapshots, and while programs write: it wakes, and the
# images are what they were, whatever their store, and so are the disks.
#
# about: interface
# vm: --smp 2 --mem 1G --wake --disk 16M --disk 16M --disk 32M
. "$(dirname "$0")/../lib.sh"

[ -n "${SNAPSET_KERNEL:-}" ] || skip "a machine of somebody is not put to sleep"
grep -qw mem /sys/power/state || skip "this kernel does not sleep"
load
fill "$SCRATCH0" a
fill "$SCRATCH1" b
take "$SCRATCH0" "$SCRATCH1"
one=("${IMAGE[@]}")
cp a a.one
cp b b.one
must blk churn "$SCRATCH0" a --engine aio --min 512 --align 512 --max 64K --writes 200 >churn.out
cp a a.two
take --store "$SCRATCH2" "$SCRATCH0"
two=${IMAGE[0]}

churn_on() { # MODEL DISK ENGINE
	blk churn "$2" "$1" --engine "$3" --min 512 --align 512 --max 64K --threads 2 --depth 4 --cover --on \
		>"churn-$1.out" 2>&1 &
}
covered() { [ -e a.covered ] && [ -e b.covered ]; }
for round in 1 2; do
	rm -f a.covered b.covered
	churn_on a "$SCRATCH0" aio
	churn_a=$!
	churn_on b "$SCRATCH1" direct
	churn_b=$!
	wait_for 120 covered || fail "they do not write: $(cat churn-a.out churn-b.out)"
	before=$(cat /sys/power/suspend_stats/success)
	echo mem >/sys/power/state || fail "it does not sleep: $(cat /sys/power/suspend_stats/last_failed_dev)"
	[ "$(cat /sys/power/suspend_stats/success)" -gt "$before" ] || fail "it has not slept"
	kill -TERM $churn_a $churn_b
	wait $churn_a || fail "$(cat churn-a.out)"
	wait $churn_b || fail "$(cat churn-b.out)"
	blk verify "${one[0]}" a.one || fail "round $round: the first image has changed"
	blk verify "${one[1]}" b.one || fail "round $round: the second image has changed"
	blk verify "$two" a.two || fail "round $round: the image of the second set has changed"
	blk verify "$SCRATCH0" a || fail "round $round: the disk is not what was written"
	blk verify "$SCRATCH1" b || fail "round $round: the other disk is not what was written"
done
# and a set can be made
take "$SCRATCH0"
blk verify "${IMAGE[0]}" a
finish
