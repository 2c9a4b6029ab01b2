#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Polled writes (RWF_HIPRI, a ring with IOPOLL) complete under a snapshot and while
# sets are taken, which park some of them. The queue does poll: its driver is asked
# for completions when nothing is tracked. On 5.10, whose null_blk cannot, it is an
# NVMe disk over TCP from this machine to itself.
#
# vm: --smp 2 --mem 1G --disk 8M --disk 32M --timeout 180 --append nvme_core.multipath=N
. "$(dirname "$0")/lib.sh"

nvme_disk() { # DISK: makes it a remote disk; sets NVME_DISK
	local target=/sys/kernel/config/nvmet

	for module in configfs nvmet nvmet_tcp nvme_tcp; do
		must modprobe $module
	done
	mountpoint -q /sys/kernel/config || must mount -t configfs configfs /sys/kernel/config
	must ip link set lo up
	must mkdir -p $target/subsystems/polled/namespaces/1 $target/ports/1
	echo 1 >$target/subsystems/polled/attr_allow_any_host
	echo -n "$1" >$target/subsystems/polled/namespaces/1/device_path
	echo 1 >$target/subsystems/polled/namespaces/1/enable
	echo ipv4 >$target/ports/1/addr_adrfam
	echo tcp >$target/ports/1/addr_trtype
	echo 127.0.0.1 >$target/ports/1/addr_traddr
	echo 4420 >$target/ports/1/addr_trsvcid
	must ln -s $target/subsystems/polled $target/ports/1/subsystems/polled
	must wait_for 10 test -c /dev/nvme-fabrics
	echo "nqn=polled,transport=tcp,traddr=127.0.0.1,trsvcid=4420,nr_io_queues=1,nr_poll_queues=1" \
		>/dev/nvme-fabrics || fail "no connection to the NVMe target"
	NVME_DISK=/dev/nvme0n1
	must wait_for 10 test -b $NVME_DISK
	udevadm settle
}

# since 6.0 only a ring polls
engines="direct uring" polling="uring"
if [ "$KERNEL" = 5.10 ]; then
	nvme_disk "$SCRATCH1"
	disk=$NVME_DISK asked=nvme_tcp_poll polling="direct uring"
else
	null_disk polled size=32 memory_backed=1 submit_queues=1 poll_queues=1
	disk=$NULL_DISK asked=null_poll
fi
[ "$(cat "/sys/block/$(basename "$disk")/queue/io_poll")" = 1 ] || fail "$disk does not poll"
trace=/sys/kernel/tracing
echo "p:polled $asked" >$trace/kprobe_events || fail "no probe of $asked()"
echo 1 >$trace/events/kprobes/polled/enable

polls() { awk '$1 == "polled" { print $2 }' $trace/kprobe_profile; }

load
fill "$disk" model
fill "$SCRATCH0" other
dm slow "0 $(sectors "$SCRATCH0") delay $SCRATCH0 0 0 $SCRATCH0 0 3000"
for engine in $engines; do
	polls=$(polls)
	must blk churn "$disk" model --engine "$engine" --hipri --depth 4 --writes 100 >churn.out
	polls=$(($(polls) - polls))
	note "$engine: $polls polls for 100 writes"
	case " $polling " in
	*" $engine "*) [ $polls -gt 0 ] || fail "$engine: nobody polled: nothing is proved" ;;
	esac

	blk churn "$disk" model --engine "$engine" --hipri --depth 4 --seconds 60 >churn.out &
	churn=$!
	for _ in 1 2; do
		take "$disk"
		must snapraw delete "$SET"
	done
	# a slow write to the other member makes the hold long
	rm -f added
	snapraw take --keep --pause-add 500 --touch added "$disk" /dev/mapper/slow >out &
	taker=$!
	must wait_for 10 test -e added
	must blk put /dev/mapper/slow other 1M 4K >put.out
	must wait $taker
	taken out
	must snapraw delete "$SET"
	kill -TERM $churn
	must wait $churn
	note "$engine: held for $(ms_of hold out) ms, parked $(ms_of parked out) writes, $(cat churn.out)"
	[ "$(ms_of parked out)" -gt 0 ] || fail "$engine: no polled write was parked: $(cat out)"

	cp model model.then
	take "$disk"
	must blk churn "$disk" model --engine "$engine" --hipri --cover --min 4K --max 64K --depth 4 >churn.out
	note "$engine: under a snapshot $(cat churn.out)"
	must blk verify "${IMAGE[0]}" model.then
	must blk verify "$disk" model
	must snapraw delete "$SET"
done
echo 0 >$trace/events/kprobes/polled/enable
finish
