# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # the parts share variables
#
# What a VM boots: a kernel image, its modules as a squashfs, and an initramfs
# that finds the roots.  Made from the build root, which holds the kernel.

# kernel SERIES: sets ROOT, KERNEL (a directory with vmlinuz, modules.squashfs,
# initramfs.cpio, version) and KVER
kernel() {
	local series=$1 key

	build_root "$series"
	KVER=$(cat "$ROOT/kernel/version")
	# the same version may come from another root: with another configuration, or revision
	key=$(echo "$KVER $(basename "$(readlink -f "$ROOT")")" | hash_of "$VM_DIR/lib/pack-initramfs" "$VM_DIR/guest/initramfs-init")
	KERNEL=$CACHE/kernel-$series-$key
	[ -e "$KERNEL/version" ] || with_lock "kernel-$series" make_kernel
	touch -c "$KERNEL"
}

make_kernel() {
	[ ! -e "$KERNEL/version" ] || return 0
	forget_old "kernel-$series-*"
	drop "$KERNEL" "$KERNEL.tmp"
	mkdir -p "$KERNEL.tmp"
	cp "$ROOT/kernel/boot/vmlinuz" "$KERNEL.tmp/vmlinuz" || die "no image in the build root"
	mksquashfs "$ROOT/kernel/usr" "$KERNEL.tmp/modules.squashfs" -comp lz4 -no-progress -quiet \
		-keep-as-directory >&2 || die "could not pack the modules of $KVER"
	in_root "$ROOT" "$KERNEL.tmp" sh /mnt/top/tests/vm/lib/pack-initramfs "$KVER" >&2 ||
		die "could not pack the initramfs of $KVER"
	echo "$KVER" >"$KERNEL.tmp/version"
	mv "$KERNEL.tmp" "$KERNEL"
}
