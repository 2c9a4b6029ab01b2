#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# several.sh NAME...: tests of this directory, one after another in one VM: to boot takes
# longer than most of them. Each sees those of the scratch disks that it asks for, as
# zeros; after one that fails, or leaves the machine other than it was, the others are not
# run here. The host reads the lines that begin with "===": a test's begin, and its status,
# seconds, and the clock ticks in which a processor was busy.
dir=$(dirname "$0")

# what a test may change and should not
machine() {
	cat /proc/mounts /proc/sys/vm/dirty_* /proc/sys/kernel/ftrace_enabled
	cat /proc/sys/kernel/hung_task_timeout_secs
	dmsetup ls
	losetup --list --noheadings --output NAME
	grep '^md' /proc/mdstat
	ls -d /sys/module/snapset /sys/kernel/config/nullb/*
	cat /sys/kernel/tracing/kprobe_events /sys/block/vd*/queue/scheduler
} 2>/dev/null

read -ra all <<<"$SCRATCH"
unset "${!SCRATCH@}"
declare -A size=()
for disk in "${all[@]}"; do
	size[$disk]=$(blockdev --getsize64 "$disk"):$(blockdev --getss "$disk")
done

# disks_for NAME: SCRATCH, SCRATCH0 ...: what its line "# vm:" says, of what there is
disks_for() {
	local want disk mine='' n=0

	unset "${!SCRATCH@}"
	while read -r _ want; do
		[ "${want#*:}" != "$want" ] || want=$want:512
		want=$(numfmt --from=iec "${want%:*}"):${want#*:}
		for disk in "${all[@]}"; do
			[ "${size[$disk]}" = "$want" ] && [[ " $mine " != *" $disk "* ]] && break
			disk=
		done
		[ -n "$disk" ] || { echo "$1: no disk is left of $want bytes"; exit 1; }
		blkdiscard "$disk" || exit
		export "SCRATCH$n=$disk"
		mine="$mine $disk"
		n=$((n + 1))
	done < <(sed -n '1,15s/^# vm: //p' "$dir/$1.sh" | grep -o -e '--disk [^ ]*')
	export SCRATCH="${mine# }"
}

# limit_of NAME: the seconds that it is given, as if it were alone
limit_of() {
	local limit

	limit=$(sed -n '1,15s/^# vm:.*--timeout \([0-9]*\).*/\1/p' "$dir/$1.sh")
	[ "${SNAPSET_KERNEL:-}" != debug ] || limit=$((${limit:-300} * 8))
	echo "${limit:-300}"
}

busy() {
	local cpu user nice system idle iowait irq softirq rest

	# shellcheck disable=SC2034 # the names say what is where
	read -r cpu user nice system idle iowait irq softirq rest </proc/stat
	echo $((user + nice + system + irq + softirq))
}

# what a first test makes and nobody removes
modprobe -q configfs && ! mountpoint -q /sys/kernel/config && mount -t configfs configfs /sys/kernel/config
modprobe -q null_blk nr_devices=0
for name; do
	disks_for "$name"
	rm -rf /tmp/snapset-test.*
	udevadm settle
	before=$(machine)
	echo "=== $name begins"
	echo "=== $name begins" >/dev/kmsg
	start=$SECONDS ticks=$(busy)
	timeout --kill-after=20 "$(limit_of "$name")" setsid bash "$dir/$name.sh" </dev/null
	status=$?
	echo "=== $name ends $status $((SECONDS - start)) $(($(busy) - ticks))"
	[ $status = 0 ] || [ $status = 77 ] || break
	udevadm settle
	after=$(machine)
	[ "$before" = "$after" ] || {
		diff <(echo "$before") <(echo "$after")
		break
	}
done
exit 0
