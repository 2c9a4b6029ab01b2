#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The module comes and goes under load, with and without a set in between, and the
# load notices nothing.
#
# about: release
# rounds: 6, or 3: with a set, with one whose owner goes, and with none. What goes wrong at a
# hook that comes or goes is seen by chance, and how often is not known; what goes wrong with
# those who sleep below it is seen each time by unload-sleepers.
# Two processors, for the writers are to be inside of what comes and goes.
# vm: --smp 2 --mem 1G --disk 8M --disk 8M
. "$(dirname "$0")/../lib.sh"

rounds=$(often 6 3)
# nice to what the test does: it is to go on beside that, not instead of it
load_on() { # DISK MODEL ENGINE...
	fill "$1" "$2"
	nice -n 15 blk churn "$1" "$2" --engine "${@:3}" --min 512 --max 128K --seconds 36000 >"$2.out" 2>&1 &
	LOAD+=($!)
	on_exit kill $!
}
LOAD=()
load_on "$SCRATCH0" model aio --depth 8 --threads 2
load_on "$SCRATCH1" other direct --threads 4

# written DISK: sets WRITTEN, how many writes have completed
written() {
	local -a stat

	read -ra stat <"/sys/class/block/$(basename "$(readlink -f "$1")")/stat"
	WRITTEN=${stat[4]}
}
# shellcheck disable=SC2317 # wait_for calls it
has_written() { written "$1"; [ "$WRITTEN" -ge "$2" ]; }

# the load is there: on a slow machine a program takes long to begin
loaded() { # WHEN
	local -a before
	local disk

	for disk in "$SCRATCH0" "$SCRATCH1"; do
		written "$disk"
		before+=("$WRITTEN")
	done
	for disk in "$SCRATCH0" "$SCRATCH1"; do
		wait_for 100 has_written "$disk" $((before[0] + 32)) ||
			fail "nothing is written to $disk $1: $(cat ./*.out)"
		before=("${before[@]:1}")
	done
}

loaded "to begin with"
for ((i = 1; i <= rounds; i++)); do
	must modprobe snapset
	if [ $((i % 3)) = 1 ]; then
		take "$SCRATCH0" "$SCRATCH1"
		must snapraw delete "$SET"
	elif [ $((i % 3)) = 2 ]; then
		# the set goes with its owner
		must snapraw take "$SCRATCH0" "$SCRATCH1" >out
		wait_for 60 no_objects || fail "objects are left: $(cat /sys/kernel/debug/snapset/counters)"
	fi
	loaded "in round $i"
	must rmmod snapset
done
loaded "after the module has gone"
kill "${LOAD[@]}"
must wait "${LOAD[0]}"
must wait "${LOAD[1]}"
must blk verify "$SCRATCH0" model
must blk verify "$SCRATCH1" other
exit 0
