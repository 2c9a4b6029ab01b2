# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # the parts share variables
#
# "vm package": the Debian packages, built in a suite, installed on a machine of that suite
# with one of its kernels, used in a VM that runs from that machine's files, and purged.
#
#	deb	a base, and what the packages are built with
#	system	a machine of the suite, with its kernel installed, headers and DKMS; in
#		/second the packages of a kernel with PREEMPT_RT, for which the module
#		does not build

# deb_root SUITE: sets DEB
deb_root() {
	local packages

	base_root "$1"
	packages=$(packages_for deb "$1" | tr '\n' ' ')
	DEB=$CACHE/deb-$1-$(echo "${BASE##*/} $packages" | hash_of "$VM_DIR/lib/root-packages")
	obtain "deb-$1" "$DEB" make_deb_root "$1" "$packages"
}

make_deb_root() {
	need_base_root "$1" || return
	say "adding what the packages of $1 are built with (once)"
	forget_old "deb-$1-*"
	drop "$DEB" "$DEB.tmp"
	layer_root "$BASE" "$1" - "$DEB.tmp" "sh /root-packages $2" "$VM_DIR/lib/root-packages" || return
	touch "$DEB.tmp/.ready"
	mv "$DEB.tmp" "$DEB"
}

# system_root SUITE: sets SYSTEM, with the kernel KVER
system_root() {
	local packages setup

	packages=$(packages_for system "$1" | tr '\n' ' ')
	setup="sh /root-packages $packages; sh /root-system $KVER"
	SYSTEM=$CACHE/system-$1-$(echo "$setup $ROOT_REVISION" |
		hash_of "$VM_DIR/lib/root-packages" "$VM_DIR/lib/root-system")
	obtain "system-$1" "$SYSTEM" make_system_root "$1" "$setup"
}

make_system_root() {
	need_tools mmdebstrap
	say "making a machine of $1 with its kernel (once)"
	forget_old "system-$1-*"
	drop "$SYSTEM" "$SYSTEM.tmp"
	make_root "$1" - "$SYSTEM.tmp" "$2" "$VM_DIR/lib/root-packages" "$VM_DIR/lib/root-system" || return
	touch "$SYSTEM.tmp/.ready"
	mv "$SYSTEM.tmp" "$SYSTEM"
}

# on_system COMMAND...: in the chroot of the machine that they are installed on
on_system() { apart "$VM_DIR/lib/in-new-root" "$OUT/system" "$@"; }

package() {
	local suite

	suite=$(kernel_field "$SERIES" 2)
	need_tools mksquashfs cpio
	deb_root "$suite"
	system_root "$suite"
	OUT=$BUILD/package/$suite
	mkdir -p "$OUT"
	(
		flock 9
		package_steps
	) 9>"$OUT/.lock"
}

package_steps() {
	say "$suite: building"
	in_root "$DEB" "$OUT" sh /mnt/top/tests/package/build >&2 || { say 'they do not build'; return 1; }
	say "$suite: installing"
	drop "$OUT/system"
	mkdir "$OUT/system" && cp -al "$SYSTEM/usr" "$OUT/system/" &&
		find "$SYSTEM" -mindepth 1 -maxdepth 1 ! -name usr -exec cp -a -t "$OUT/system" {} + &&
		mkdir "$OUT/system/package" &&
		cp "$OUT"/deb/*.deb "$OUT"/deb-later/*.deb "$TOP/tests/package/"* "$TOP/README.md" "$OUT/system/package/" || return
	on_system sh /package/install "$KVER" >&2 || { say 'they do not install'; return 1; }
	say "$suite: using"
	package_vm || return
	say "$suite: purging"
	on_system sh /package/purge "$KVER" >&2 || { say 'they do not go'; return 1; }
	drop "$OUT/system"
}

# The guest runs from the machine's files, with the modules that are installed there.
package_vm() {
	local kernel=$OUT/kernel

	rm -rf "$kernel" "$OUT/stage"
	mkdir -p "$kernel/none" "$OUT/stage/payload/usr/lib/snapset/vm"
	ln -s "$KERNEL/initramfs.cpio" "$kernel/"
	cp "$OUT/system/boot/vmlinuz-$KVER" "$kernel/vmlinuz" &&
		mksquashfs "$kernel/none" "$kernel/modules.squashfs" -no-progress -quiet >&2 || return
	GUEST=$OUT/system.squashfs
	rm -f "$GUEST"
	mksquashfs "$OUT/system" "$GUEST" -comp lz4 -no-progress -no-xattrs -quiet -e second >&2 || return
	cp "$VM_DIR/guest/init" "$OUT/stage/payload/usr/lib/snapset/vm/"
	(cd "$OUT/stage" && find . | cpio --quiet -o -H newc -R 0:0) >"$OUT/stage.cpio" || return
	KERNEL=$kernel DISKS=(64M 64M) SMP=2 TIMEOUT=900
	accel
	cp "$TOP/tests/package/use" "$OUT/use"	# a script of tests/ would be looked for in the guest
	boot "$OUT/use"
	local status=$?
	trap - EXIT
	boot_over
	rm -rf "$GUEST" "$kernel" "$OUT/stage" "$OUT/stage.cpio"
	return $status
}
