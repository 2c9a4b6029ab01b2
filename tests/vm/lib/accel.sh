# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # the parts share variables
#
# KVM or not.  A machine may have /dev/kvm and still not be able to boot with it
# (nested, forbidden, broken), so one short boot decides, once per boot of the host.

# 5-level page tables only make an emulated walk longer.  Copying by "rep movsb" is
# the fastest that a real processor has, and the slowest here, byte by byte: a kernel
# that sees no ERMS copies words, which also is nearer to a real one in virtual time.
CPU_EMULATED=max,la57=off,-erms,-fsrm

accel() { # sets ACCEL, CPU
	local known

	CPU=$CPU_EMULATED
	ACCEL=tcg,thread=multi,tb-size=256
	[ "${VM_ACCEL:-}" != tcg ] || return 0
	[ -r /dev/kvm ] && [ -w /dev/kvm ] || return 0
	known=$CACHE/kvm-$(cat /proc/sys/kernel/random/boot_id)
	[ -e "$known" ] || with_lock kvm accel_probe "$known"
	if [ "$(cat "$known")" = yes ]; then
		ACCEL=kvm
		CPU=host
	fi
}

accel_probe() {
	local known=$1 status answer=no

	[ ! -e "$known" ] || return 0
	rm -f "$CACHE"/kvm-*
	qemu_program
	status=$(mktemp)
	# in a shell of its own, which keeps its death to itself
	(
		timeout -k 1 10 "${QEMU_PROGRAM[@]}" -nodefaults -no-user-config -display none -no-reboot \
			-M q35 -accel kvm -cpu host -m 256M \
			-kernel "$KERNEL/vmlinuz" -initrd "$KERNEL/initramfs.cpio" \
			-append 'quiet panic=-1 snapset.probe' -device virtio-serial-pci \
			-chardev file,id=status,path="$status" \
			-device virtserialport,chardev=status,name=snapset.status </dev/null
		:
	) >/dev/null 2>&1
	[ "$(cat "$status")" != 0 ] || answer=yes
	rm -f "$status"
	say "KVM usable here: $answer"
	echo "$answer" >"$known"
}
