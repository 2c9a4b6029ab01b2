# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # the parts share variables
#
# Which QEMU.  The module rewrites kernel text while other processors run it, and
# QEMU before 8.1 can go on running the old text: its translator reads a page
# before it locks it, so one virtual processor's poke is lost on another, and both
# spin on the breakpoint for ever.  An older host therefore gets a newer QEMU, in a
# root of its own; the program is started with that root's libraries, from here.

qemu_is_new() { # VERSION TEXT: "QEMU emulator version 10.0.13 (...)"
	local version major minor

	version=${1##*version }
	major=${version%%.*}
	minor=${version#*.}
	minor=${minor%%.*}
	[ "$major" -gt 8 ] 2>/dev/null || { [ "$major" = 8 ] && [ "$minor" -ge 1 ]; }
}

# qemu_program: sets QEMU_PROGRAM, the first words of every QEMU command
qemu_program() {
	local root packages

	if qemu_is_new "$(qemu-system-x86_64 --version 2>/dev/null | head -n 1)"; then
		QEMU_PROGRAM=(qemu-system-x86_64)
		return
	fi
	packages=$(packages_for qemu trixie | tr '\n' ' ')
	root=$CACHE/qemu-$(echo "$packages $ROOT_REVISION" | hash_of "$VM_DIR/lib/root-packages")
	[ -e "$root/.ready" ] || with_lock qemu make_qemu_root "$root" "$packages"
	touch -c "$root"
	QEMU_PROGRAM=(env "QEMU_MODULE_DIR=$root/usr/lib/x86_64-linux-gnu/qemu"
		"$root/lib64/ld-linux-x86-64.so.2"
		--library-path "$root/usr/lib/x86_64-linux-gnu"
		"$root/usr/bin/qemu-system-x86_64"
		-L "$root/usr/share/qemu" -L "$root/usr/share/seabios"
		-L "$root/usr/lib/ipxe/qemu")
}

make_qemu_root() {
	local root=$1 packages=$2

	[ ! -e "$root/.ready" ] || return 0
	need_tools mmdebstrap
	say "making a root with a newer QEMU than this machine's (once)"
	forget_old "qemu-*"
	drop "$root" "$root.tmp"
	make_root trixie - "$root.tmp" "sh /root-packages $packages" \
		"$VM_DIR/lib/root-packages" || die "could not make the root of QEMU${WHY:+: $WHY}"
	touch "$root.tmp/.ready"
	mv "$root.tmp" "$root"
}
