#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The module comes and goes under load, with and without a set in between, and the
# load notices nothing.
#
# about: interface
# rounds: 6, or 3: with a set, with one whose owner goes, and with none. What goes wrong at a
# hook that comes or goes is seen by chance, and how often is not known; what goes wrong with
# those who sleep below it is seen each time by unload-sleepers.
# Two processors, for the writers are to be inside of what comes and goes.
# vm: --smp 2 --mem 1G --disk 32M --disk 32M --timeout 900
. "$(dirname "$0")/../lib.sh"

need fio
rounds=$(often 6 3)
fill "$SCRATCH0" model
blk churn "$SCRATCH0" model --engine aio --depth 8 --threads 2 --min 512 --max 128K --seconds 3600 >churn.out &
churn=$!
fio --name=load --filename="$SCRATCH1" --direct=1 --ioengine=libaio --iodepth=16 --rw=randrw \
	--bs=4k --verify=crc32c --verify_backlog=64 --time_based --runtime=3600 >fio.out 2>&1 &
fio=$!
on_exit kill $fio $churn

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
	local disk

	for disk in "$SCRATCH0" "$SCRATCH1"; do
		written "$disk"
		wait_for 100 has_written "$disk" $((WRITTEN + 64)) ||
			fail "nothing is written to $disk $1: $(cat churn.out fio.out)"
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
kill $churn
must wait $churn
must blk verify "$SCRATCH0" model
gone $fio && fail "fio has ended: $(cat fio.out)"
kill -INT $fio
wait $fio
grep -q 'err= 0' fio.out || fail "fio: $(cat fio.out)"
! grep -qi 'verify: bad' fio.out || fail "fio: $(cat fio.out)"
exit 0
