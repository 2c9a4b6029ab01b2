#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# guest.sh [CONFIGURATIONS [WORKLOADS [SAY [DISK]]]]: runs in the guest. Every configuration gets
# the same requests for the same kind of device, idle for a moment before each row.
# The floor row is what copying must move through the origin at least: a plain
# half-and-half mix of reads and writes, of which the writes are shown.
set -eu
# shellcheck source=/dev/null
. "$(dirname "$0")/configs.sh"
# shellcheck disable=SC2034 # configs.sh uses them
[ -z "${4:-}" ] || read -r DISK_US DISK_MBPS <<<"$4"
OUT=/share/out
BW="64k-random-qd8 64k-seq-qd8 1m-seq-qd4"
FIRST="4k-sparse-qd1 4k-sparse-qd16 4k-dense-qd1 4k-dense-qd16 $BW"
AGAIN="4k-again-qd1 4k-again-qd16 1m-again-qd4"
READS="4k-read-qd1 4k-read-qd16 1m-read-qd4"
CONFIGS=${1:-raw floor loaded hooked counted linear dm4k dm64k thin memory device device8 device64 file plainfile samefile image kept_image busy busy_image}
WORKLOADS=${2:-$FIRST $AGAIN $READS}

# Sets ARGS; WRITTEN, the bytes that are written at least once; BEFORE, what is to be
# done before the row.
# shellcheck disable=SC2034 # configs.sh looks at WRITTEN
workload() { # NAME
	BEFORE=()
	case $1 in
	4k-sparse-*) ARGS=(--bs=4k --rw=randwrite --size=512m --io_size=32m --norandommap) WRITTEN=$((30 << 20)) ;;
	4k-dense-*) ARGS=(--bs=4k --rw=randwrite --size=16m) WRITTEN=$((16 << 20)) ;;
	64k-random-*) ARGS=(--bs=64k --rw=randwrite --size=2g --io_size=1g) WRITTEN=$((1 << 30)) ;;
	64k-seq-*) ARGS=(--bs=64k --rw=write --size=1g) WRITTEN=$((1 << 30)) ;;
	1m-seq-*) ARGS=(--bs=1m --rw=write --size=1g) WRITTEN=$((1 << 30)) ;;
	4k-again-*) ARGS=(--bs=4k --rw=randwrite --size=16m --loops=2) WRITTEN=$((16 << 20))
		BEFORE=(--bs=1m --rw=write --size=16m --iodepth=4) ;;
	1m-again-*) ARGS=(--bs=1m --rw=write --size=1g) WRITTEN=$((1 << 30))
		BEFORE=(--bs=1m --rw=write --size=1g --iodepth=4) ;;
	4k-read-*) ARGS=(--bs=4k --rw=randread --size=512m --io_size=32m --norandommap) WRITTEN=0 ;;
	1m-read-*) ARGS=(--bs=1m --rw=read --size=1g) WRITTEN=0 ;;
	*) echo "no workload $1" >&2; exit 2 ;;
	esac
	ARGS+=(--iodepth="${1##*-qd}")
}

# A file beside its store is shorter than a device, so the row is, too.
shorten() {
	ARGS=("${ARGS[@]/%--size=[12]g/--size=${ROW_MIB}m}") ARGS=("${ARGS[@]/%--io_size=1g/--io_size=${ROW_MIB}m}")
	BEFORE=("${BEFORE[@]/%--size=1g/--size=${ROW_MIB}m}")
	[ "$WRITTEN" -le $((ROW_MIB << 20)) ] || WRITTEN=$((ROW_MIB << 20))
}

# which rows of a configuration there are
applies() { # CONFIGURATION WORKLOAD
	case $1:$2 in
	*image:*-read-* | linear:*-read-* | busy:*-read-*) ;;
	*image:* | busy:*) return 1 ;;
	floor:64k-* | floor:1m-seq-*) ;;
	floor:*) return 1 ;;
	raw:* | loaded:* | hooked:* | counted:* | memory:4k-again-* | device:*-again-*) ;;
	plainfile:*-again-* | samefile:*-again-*) ;;
	*:*-again-* | *:*-read-*) return 1 ;;
	esac
}

FIO="fio --name=bench --ioengine=libaio --direct=1 --randrepeat=1"
fio_quiet() { $FIO "$@" >/dev/null; }

row() { # CONFIGURATION WORKLOAD [SAY: when it begins and ends]
	local name=$1:$2 status=0

	echo "$1 $2"
	workload "$2"
	case $1 in plainfile | samefile) shorten ;; esac
	# what is looked at for its instructions should be long
	[ -z "${3:-}" ] || case $2 in 4k-sparse-*) ARGS+=(--io_size=160m) ;; 4k-read-*) ARGS+=(--io_size=640m) ;; 4k-again-*) ARGS+=(--loops=30) ;; esac
	[ "$1" != floor ] || ARGS=("${ARGS[@]/#--rw=rand*/--rw=randrw}") ARGS=("${ARGS[@]/#--rw=write/--rw=rw}")
	"take_${1/floor/raw}"
	[ ${#BEFORE[@]} = 0 ] || fio_quiet --filename="$TARGET" "${BEFORE[@]}"
	sleep 0.1
	[ -z "${3:-}" ] || { cp /proc/kallsyms "$OUT"; grep -E "^ctxt" /proc/stat; grep LOC: /proc/interrupts; echo "row begins"; }
	$FIO --filename="$TARGET" --output-format=json --output="$OUT/$name.json" \
		--exec_prerun="busy $OUT/$name.busy" --exec_postrun="busy $OUT/$name.busy" \
		"${ARGS[@]}" >/dev/null
	[ -z "${3:-}" ] || { echo "row ends"; grep -E "^ctxt" /proc/stat;  grep LOC: /proc/interrupts; }
	"drop_${1/floor/raw}" || status=1
	[ $status = 0 ] || { echo "bench: $name is no figure" >&2; exit 1; }
}

mkdir -p "$OUT"
devices ${3:+600}
for config in $CONFIGS; do
	for workload in $WORKLOADS; do
		! applies "$config" "$workload" || row "$config" "$workload" "${3:-}"
	done
done
"$(dirname "$0")/table.py" "$OUT" >"$OUT/bench.tsv"
"$(dirname "$0")/draw.py" "$OUT/bench.tsv" >"$OUT/bench.svg"
