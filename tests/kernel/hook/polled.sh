#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Polled writes (RWF_HIPRI, a ring with IOPOLL) complete under a snapshot and while
# sets are taken, which park some of them. The queue does poll: its driver is asked
# for completions when nothing is tracked.
#
# about: release
# vm: --smp 1 --mem 1G --disk 8M --nvme 32M --append nvme.poll_queues=1
. "$(dirname "$0")/../lib.sh"

# since 6.0 only a ring polls
engines="direct uring" polling="uring"
[ "$KERNEL" != 5.10 ] || polling="direct uring"
disk=/dev/nvme0n1
must modprobe nvme
must wait_for 60 test -b $disk
[ "$(cat "/sys/block/$(basename $disk)/queue/io_poll")" = 1 ] || fail "$disk does not poll"
trace=/sys/kernel/tracing
echo "p:polled nvme_poll" >>$trace/kprobe_events || fail "no probe of nvme_poll()"
on_exit sh -c "echo -:polled >>$trace/kprobe_events"
on_exit sh -c "echo 0 >$trace/events/kprobes/polled/enable"
echo 1 >$trace/events/kprobes/polled/enable

polls() { awk '$1 == "polled" { print $2 }' $trace/kprobe_profile; }

load
fill $disk model
fill "$SCRATCH0" other
hanging slow "$SCRATCH0"
for engine in $engines; do
	polls=$(polls)
	must blk churn $disk model --engine "$engine" --hipri --depth 4 --writes 100 >churn.out
	polls=$(($(polls) - polls))
	note "$engine: $polls polls for 100 writes"
	case " $polling " in
	*" $engine "*) [ $polls -gt 0 ] || fail "$engine: nobody polled: nothing is proved" ;;
	esac

	# who polls takes all of a processor, and a hold has its limit: what lets go comes first
	nice -n 19 blk churn $disk model --engine "$engine" --hipri --depth 4 --seconds 3600 >churn.out &
	churn=$!
	for _ in 1 2; do
		take $disk
		must snapraw delete "$SET"
	done
	# a slow write to the other member makes the hold long
	hang slow
	blk put /dev/mapper/slow other 1M 4K >put.out &
	put=$!
	must wait_for 60 waits_for_io $put
	let_go_held slow 1 &
	snapraw take --keep $disk /dev/mapper/slow >out || fail "$(cat out)"
	taken out
	must wait $put
	must snapraw delete "$SET"
	kill -TERM $churn
	must wait $churn
	note "$engine: held for $(ms_of hold out) ms, parked $(ms_of parked out) writes, $(cat churn.out)"
	[ "$(ms_of parked out)" -gt 0 ] || fail "$engine: no polled write was parked: $(cat out)"

	cp model model.then
	take $disk
	must blk churn $disk model --engine "$engine" --hipri --cover --min 4K --max 64K --depth 4 >churn.out
	note "$engine: under a snapshot $(cat churn.out)"
	must blk verify "${IMAGE[0]}" model.then
	must blk verify $disk model
	must snapraw delete "$SET"
done
finish
