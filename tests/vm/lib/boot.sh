# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # the parts share variables
#
# One VM: what it is sent, the machine itself, and the verdict.

# pack_run SCRIPT ARGS...: the last part of the initramfs, made for this run
pack_run() {
	local script=$1 there root=$RUN/pack/payload name

	shift
	mkdir -p "$root/usr/lib/snapset/vm"
	if [ -n "$script" ]; then
		name=$(realpath -- "$script")
		if [ "${name#"$TOP/tests/"}" != "$name" ]; then
			there=/usr/lib/snapset/tests/${name#"$TOP/tests/"}
		else
			there=/usr/lib/snapset/script/${name##*/}
			mkdir -p "$root/usr/lib/snapset/script"
			cp -- "$name" "$root$there"
			chmod 755 "$root$there"
		fi
		{
			printf 'set --%s\n' "$(quote "$there" "$@")"
			# shellcheck disable=SC2016 # for the guest
			printf '[ -x "$1" ] || set -- /bin/bash "$@"\nexec "$@"\n'
		} >"$root/usr/lib/snapset/vm/run"
	fi
	{
		printf 'DISKS=%d\nSHELL_WANTED=%d\nTIMEOUT=%d\n' "${#DISKS[@]}" "$SHELL_WANTED" \
			"$TIMEOUT"
		printf 'export SNAPSET_KERNEL=%s SNAPSET_ICOUNT=%s\n' "$SERIES" "$ICOUNT"
		# rounds of chance are fewer on kernels that are not the default one
		[ "$SERIES" = "$(kernel_default)" ] || : "${SNAPSET_OFTEN:=0}"
		printf 'export SNAPSET_OFTEN=%s\n' "${SNAPSET_OFTEN:-1}"
		[ ! -t 0 ] || printf 'ROWS=%s COLS=%s\n' "$(tput lines)" "$(tput cols)"
	} >"$root/usr/lib/snapset/vm/run.env"
	if [ -n "$SHARE" ]; then
		mkdir -p "$root/share"
		cp -a -- "$SHARE/." "$root/share/" || die "cannot read $SHARE"
		rm -rf "$root/share/out"
	fi
	mkdir -p "$root/share/out"
	(cd "$RUN/pack" && find . | cpio --quiet -o -H newc -R 0:0) >"$RUN/run.cpio" ||
		die "cannot pack the run"
	cat "$KERNEL/initramfs.cpio" "$OUT/${VM_STAGE:-stage.cpio}" "$RUN/run.cpio" >"$RUN/initrd"
	rm -rf "$RUN/pack" "$RUN/run.cpio"
}

# pci_place N: where the Nth scratch disk is plugged in: eight share a slot, of which there are few
pci_place() { printf 'multifunction=on,addr=%02x.%x' $((16 + $1 / 8)) $(($1 % 8)); }

# The channels of guest/init.
channels_virtio() {
	local name

	for name in out status files $([ "$STDIN" = 0 ] || echo in); do
		QEMU+=(-device "virtserialport,chardev=$name,name=snapset.$name")
	done
}

# Linux 7.3 does not hear again that the host has a virtio port open when it has slept: what a
# machine that sleeps says then goes by plain serial ports. They know no end of input: see boot().
channels_serial() {
	local name i=0

	for name in out status files $([ "$STDIN" = 0 ] || echo in); do
		QEMU+=(-device "pci-serial,chardev=$name,multifunction=on,addr=1c.$i")
		i=$((i + 1))
	done
}

# qemu_args: sets QEMU, the whole command
qemu_args() {
	local i size block cmdline

	cmdline='console=ttyS0 loglevel=5 mitigations=off panic_on_warn=1 oops=panic panic=-1 no_timer_check'
	# what an emulated processor on a busy host does not keep to is no fault
	cmdline="$cmdline rcupdate.rcu_cpu_stall_timeout=120 watchdog_thresh=30 tsc=reliable"
	cmdline="$cmdline workqueue.watchdog_thresh=120 log_buf_len=4M printk.devkmsg=on net.ifnames=0 $APPEND"
	if [ "$ICOUNT" = 1 ]; then
		# time is the number of instructions, whatever the host does meanwhile
		ACCEL=tcg,thread=single,tb-size=256
		# of a family for which the kernel copies by "rep movsq", eight bytes an
		# instruction; a real one is faster yet
		CPU=$CPU_EMULATED,family=15,model=107,stepping=1
		SMP=1
	fi
	[ "$WAKE" = 0 ] || cmdline="$cmdline 8250.nr_uarts=8"
	# shellcheck disable=SC2054 # the commas are QEMU's
	qemu_program
	# shellcheck disable=SC2054 # the commas are QEMU's
	QEMU=("${QEMU_PROGRAM[@]}" -nodefaults -no-user-config -display none -no-reboot
		-M "${VM_MACHINE:-q35}" -accel "$ACCEL" -cpu "${VM_CPU:-$CPU}" -smp "$SMP" -m "$MEM"
		-kernel "$KERNEL/vmlinuz" -initrd "$RUN/initrd" -append "$cmdline"
		-serial "file:$CONSOLE"
		-device virtio-serial-pci
		-chardev "file,id=out,path=$RUN/out"
		-chardev "file,id=status,path=$RUN/status"
		-chardev "file,id=files,path=$RUN/files.tar")
	# shellcheck disable=SC2054
	[ "$STDIN" = 0 ] || QEMU+=(-chardev stdio,id=in,signal=off)
	if [ "$WAKE" = 1 ]; then
		channels_serial
	else
		channels_virtio
	fi
	[ -z "${VM_PLUGIN:-}" ] || QEMU+=(-plugin "$VM_PLUGIN")
	[ "$ICOUNT" = 0 ] || QEMU+=(-icount "shift=0,sleep=off" -rtc clock=vm)
	# shellcheck disable=SC2054
	[ "$SHELL_WANTED" = 0 ] || QEMU+=(-chardev stdio,id=tty,signal=off
		-device virtconsole,chardev=tty)

	# shellcheck disable=SC2054
	[ "$WAKE" = 0 ] || QEMU+=(-chardev "pipe,id=monitor,path=$RUN/monitor" -mon chardev=monitor)
	i=0
	for size in ${DISKS[@]+"${DISKS[@]}"}; do
		block=512
		[ "${size#*:}" = "$size" ] || block=${size#*:}
		truncate -s "${size%%:*}" "$RUN/scratch$i" || die "bad disk size '$size'"
		QEMU+=(-drive "file=$RUN/scratch$i,format=raw,if=none,id=scratch$i,cache=unsafe,discard=unmap"
			-device "virtio-blk-pci,$(pci_place $i),drive=scratch$i,serial=scratch$i,logical_block_size=$block,physical_block_size=$block")
		i=$((i + 1))
	done
	if [ -n "$NVME" ]; then
		truncate -s "$NVME" "$RUN/nvme" || die "bad disk size '$NVME'"
		# shellcheck disable=SC2054
		QEMU+=(-drive "file=$RUN/nvme,format=raw,if=none,id=nvme,cache=unsafe"
			-device nvme,drive=nvme,serial=nvme)
	fi
	for i in root modules; do
		size=$GUEST
		[ $i = root ] || size=$KERNEL/modules.squashfs
		QEMU+=(-drive "file=$size,format=raw,if=none,id=$i,readonly=on,file.locking=off"
			-device "virtio-blk-pci,drive=$i,serial=snapset-$i")
	done
}

# Nothing of ours runs before the guest has come up: what fails until then is the
# kernel's own start under emulation. QEMU 10 sometimes dies of an assertion
# (iotlb_to_section) or stands still when the guest maps its PCI devices while a
# second processor runs. On a busy host a kernel may also measure its clock against
# one that stands still for a moment, and then run forty times too fast. It is said,
# and the machine is started again.
BOOTS=3

boot_limit() { if [ "$SERIES" = debug ]; then echo 900; else echo 150; fi; }

# machine: starts QEMU and waits for its end or for a deadline; sets ENDED to
# "by itself", "no boot" or "late", and STATUS
machine() {
	local since=$SECONDS limit up=0

	limit=$(boot_limit)
	ENDED='by itself'
	: >"$RUN/status"
	# in the background, for a shell handles no signal while it waits for a
	# program in the foreground
	"${QEMU[@]}" <&6 >&2 7>&- 8>&- 9>&- &
	RUNNING=$!
	while kill -0 "$RUNNING" 2>/dev/null; do
		# not "read -t": before bash 5.2 it may never return (tests/kernel/pause.sh)
		sleep 0.2
		# one that is awake takes no notice
		[ "$WAKE" = 0 ] || echo system_wakeup >&8
		if [ "$up" = 0 ] && [ -s "$RUN/status" ]; then
			up=1 since=$SECONDS limit=$TIMEOUT
			if grep -aq 'PIT calibration deviates' "$CONSOLE"; then
				say "the guest's clock is wrong"
				ENDED='no boot'
				stop_machine
				break
			fi
		fi
		[ $((SECONDS - since)) -ge "$limit" ] || continue
		if [ "$up" = 1 ]; then ENDED=late; else ENDED='no boot'; fi
		stop_machine
		break
	done
	wait "$RUNNING"
	STATUS=$?
	RUNNING=
	if [ "$up" = 0 ] && [ ! -s "$RUN/status" ] && [ "$STATUS" != 0 ]; then
		ENDED='no boot'
	fi
}

stop_machine() {
	local i

	kill "$RUNNING" 2>/dev/null
	for ((i = 0; i < 50; i++)); do
		kill -0 "$RUNNING" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL "$RUNNING" 2>/dev/null
}

feed_serial() {
	local line

	until [ -s "$RUN/status" ]; do
		sleep 0.1
	done
	while IFS= read -r line; do
		printf '%s\n' "$line"
	done
	echo
}

# boot SCRIPT ARGS...: runs it in a fresh VM; the status is the verdict
boot() {
	local code lines reader answers i begun

	RUNNING='' FEEDER=''
	RUN=$(mktemp -d "${TMPDIR:-/tmp}/snapset-vm.XXXXXX") || die "no room for a VM"
	CONSOLE=$(realpath -m -- "${LOG:-$RUN/console.log}")
	exec 6</dev/null
	if [ "$STDIN" = 1 ] && [ "$WAKE" = 1 ]; then
		# a serial port loses what comes before it is opened; an empty line is the end
		exec 5<&0 6< <(feed_serial <&5)
		FEEDER=$!
	elif [ "$STDIN" = 1 ]; then
		exec 6<&0
	fi
	trap 'boot_over' EXIT
	trap 'exit 130' INT TERM HUP
	pack_run "$@"
	qemu_args
	: >"$RUN/status"
	if [ "$SHELL_WANTED" = 1 ]; then
		: >"$RUN/out"
		say "the guest's kernel log: $CONSOLE"
		shell_boot
		return
	fi
	# Our own end of the pipe keeps cat alive until QEMU has opened its
	# one, and lets it go if QEMU never does.
	mkfifo "$RUN/out"
	exec 7<>"$RUN/out"
	cat "$RUN/out" 7>&- &
	reader=$!
	if [ "$WAKE" = 1 ]; then
		mkfifo "$RUN/monitor.in" "$RUN/monitor.out"
		exec 8<>"$RUN/monitor.in" 9<>"$RUN/monitor.out"
		cat "$RUN/monitor.out" >/dev/null 7>&- 8>&- 9>&- &
		answers=$!
	fi
	for ((i = 1; i <= BOOTS; i++)); do
		begun=$SECONDS
		machine
		[ "$ENDED" = 'no boot' ] || break
		say "the guest did not come up in $((SECONDS - begun)) s, qemu: $STATUS (start $i of $BOOTS)"
	done
	exec 7>&-
	wait "$reader"
	if [ "$WAKE" = 1 ]; then
		kill $answers
		exec 8>&- 9>&-
	fi
	[ ! -s "$RUN/files.tar" ] || [ -z "$SHARE" ] || tar -C "$SHARE" -xf "$RUN/files.tar" ||
		say "the guest's /share/out did not arrive whole"

	# "up", when the script is started, then its exit status
	code=$(sed '/^up$/d' "$RUN/status")
	if lines=$(splats "$CONSOLE"); then
		say "the kernel complained:"
		printf '%s\n' "$lines" | head -n 20 | sed 's/^/    /' >&2
		say "the kernel's log from there on:"
		tail -n "+${lines%%:*}" "$CONSOLE" | head -n 50 | tr -d '\r' | sed 's/^/    /' >&2
		return "$EXIT_SPLAT"
	fi
	if [ "$ENDED" = 'no boot' ]; then
		log_tail 60
		return "$EXIT_INFRA"
	fi
	if [ "$ENDED" = late ]; then
		say "no end after $TIMEOUT s: the VM was stopped"
		log_tail 120
		return "$EXIT_TIMEOUT"
	fi
	if [ -z "$code" ]; then
		say "the VM ended without a word (qemu: $STATUS)"
		log_tail 60
		return "$EXIT_INFRA"
	fi
	return "$code"
}

boot_over() {
	[ -z "$RUNNING" ] || { stop_machine && wait "$RUNNING"; }
	[ -z "$FEEDER" ] || kill "$FEEDER" 2>/dev/null
	rm -rf "$RUN"
}

log_tail() {
	[ -z "$QUIET" ] || return 0
	say "the end of the kernel's log:"
	tail -n "$1" "$CONSOLE" | tr -d '\r' | sed 's/^/    /' >&2
}

shell_boot() {
	local old status

	old=$(stty -g 2>/dev/null)
	[ -z "$old" ] || stty raw -echo
	"${QEMU[@]}"
	status=$?
	[ -z "$old" ] || stty "$old"
	return "$status"
}
