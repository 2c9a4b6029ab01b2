#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs in the guest: every configuration writes the same requests to the same kind of
# device, idle for a moment before each row. The floor row is what copying must move
# through the origin at least: a plain half-and-half mix of reads and writes, of which
# the writes are shown.
set -eu
OUT=/share/out/bench.tsv
ORIGIN=/dev/nullb0
STORE=/dev/nullb1

device() { # NAME MIB
	local d=/sys/kernel/config/nullb/$1

	mkdir "$d"
	echo "$2" >"$d/size"
	echo 1 >"$d/memory_backed"
	echo 2 >"$d/irqmode"
	echo 50000 >"$d/completion_nsec"
	echo 1000 >"$d/mbps"
	echo 4096 >"$d/blocksize"
	echo 1 >"$d/submit_queues"
	echo 64 >"$d/hw_queue_depth"
	echo 1 >"$d/power"
}

# row CONFIGURATION WORKLOAD TARGET FIO-ARGUMENTS...
row() {
	local config=$1 workload=$2 target=$3

	shift 3
	sleep 0.05
	fio --name="$workload" --filename="$target" --ioengine=libaio --direct=1 \
		--randrepeat=1 --minimal "$@" |
		awk -F';' -v OFS='\t' -v w="$workload" -v c="$config" '{
			printf "%s\t%s\t%d\t%.1f\t%.1f\n", w, c, $49, $48 / 1024, $81 }' >>"$OUT"
}

# a figure of a snapshot that did not live through its row means nothing
alive() {
	snapset list --json | grep -q '"live"' || { snapset list; echo "the snapshot died"; exit 1; } >&2
}

WORKLOADS="4k-sparse-qd1 4k-sparse-qd16 4k-dense-qd1 4k-dense-qd16 64k-random-qd8 64k-seq-qd8 1m-seq-qd4"
workload() { # NAME: sets ARGS
	case $1 in
	4k-sparse-qd1) ARGS=(--bs=4k --rw=randwrite --size=512m --io_size=32m --iodepth=1) ;;
	4k-sparse-qd16) ARGS=(--bs=4k --rw=randwrite --size=512m --io_size=32m --iodepth=16) ;;
	4k-dense-qd1) ARGS=(--bs=4k --rw=randwrite --size=16m --io_size=16m --iodepth=1) ;;
	4k-dense-qd16) ARGS=(--bs=4k --rw=randwrite --size=16m --io_size=16m --iodepth=16) ;;
	64k-random-qd8) ARGS=(--bs=64k --rw=randwrite --size=512m --io_size=128m --iodepth=8) ;;
	64k-seq-qd8) ARGS=(--bs=64k --rw=write --size=256m --iodepth=8) ;;
	1m-seq-qd4) ARGS=(--bs=1m --rw=write --size=256m --iodepth=4) ;;
	esac
	case $1 in
	*sparse* | *random*) ARGS+=(--norandommap) ;;	# dense: every block once
	esac
}

take_none() { TARGET=$ORIGIN; }
drop_none() { :; }
take_loaded() { modprobe snapset; TARGET=$ORIGIN; }
take_memory() { snapset create --store memory:1G "$ORIGIN" >/dev/null; TARGET=$ORIGIN; }
take_device() { snapset create --store "$STORE" "$ORIGIN" >/dev/null; TARGET=$ORIGIN; }
drop_snap() { alive; snapset delete --all >/dev/null; }
dm_take() { # CHUNK in sectors
	local n

	n=$(blockdev --getsz "$ORIGIN")
	dmsetup create o --table "0 $n linear $ORIGIN 0"
	dmsetup suspend o
	dmsetup load o --table "0 $n snapshot-origin $ORIGIN"
	dmsetup create s --table "0 $n snapshot $ORIGIN $STORE N $1"
	# only a resume makes the origin know that it has a snapshot
	dmsetup resume o
	TARGET=/dev/mapper/o
}
take_dm4k() { dm_take 8; }
take_dm64k() { dm_take 128; }
drop_dm() {
	# used/total: an origin that does not know of its snapshot copies nothing
	dmsetup status s | awk '{ split($4, u, "/"); exit !(u[1] > 20000) }' || {
		echo "dm-snapshot has kept too little: $(dmsetup status s)" >&2
		exit 1
	}
	dmsetup remove s
	dmsetup remove o
}

measure() { # CONFIGURATION TAKE DROP
	local w

	for w in $WORKLOADS; do
		workload "$w"
		"$2"
		row "$1" "$w" "$TARGET" "${ARGS[@]}"
		"$3"
	done
}

mkdir -p /share/out
modprobe null_blk nr_devices=0
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
device nullb0 512
device nullb1 1024
# what a memory-backed device allocates on the first write is not to be measured
dd if=/dev/zero of="$ORIGIN" bs=1M count=512 oflag=direct status=none
dd if=/dev/zero of="$STORE" bs=1M count=1024 oflag=direct status=none

printf 'workload\tconfiguration\tIOPS\tMiB/s\tlatency_us\n' >"$OUT"
measure raw take_none drop_none
for w in 64k-random-qd8 64k-seq-qd8 1m-seq-qd4; do
	workload "$w"
	ARGS=("${ARGS[@]/%=randwrite/=randrw}")
	row floor "$w" "$ORIGIN" "${ARGS[@]/%=write/=rw}"
done
measure dm-snapshot-4k take_dm4k drop_dm
measure dm-snapshot-64k take_dm64k drop_dm
measure module-loaded take_loaded drop_none
measure snapset-memory take_memory drop_snap
measure snapset-device take_device drop_snap
