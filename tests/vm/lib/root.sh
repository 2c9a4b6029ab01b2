# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # the parts share variables
#
# Roots: a chroot per kernel to build in, a squashfs per suite for the guest.
# Each is made in a temporary place and renamed, so a half-made one is never used.

ROOT_REVISION=1	# raise it to have every root made anew

packages_for() { # ROLE SUITE
	sed 's/#.*//' "$VM_DIR/packages" |
		awk -v r="$1" -v s="$2" '$1 == r && ($2 == "*" || $2 == s) {
			for (i = 3; i <= NF; i++) print $i }'
}

# make_root SUITE EXTRA TARGET SETUP FILE...: a minimal Debian, then the commands
# SETUP inside of it, with the files in its /, which install the rest while the
# package lists are still there
make_root() {
	local suite=$1 extra=$2 target=$3 setup=$4 line
	local -a options=() sources=() names=()

	shift 4
	names=("${@##*/}")

	# A kernel's modules are laid over the guest's /usr, so /lib must be a link;
	# from bookworm on Debian sees to that, with mmdebstrap's help.
	if [ "$suite" = bullseye ]; then
		options+=("--setup-hook=cd \"\$1\" && mkdir -p usr/bin usr/sbin usr/lib usr/lib64 &&
			ln -s usr/bin usr/sbin usr/lib usr/lib64 .")
	else
		options+=(--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr)
	fi
	while read -r line; do
		options+=("--aptopt=$line")
	done < <(mirror_aptopts)
	mapfile -t sources < <(mirror_sources "$suite" "$extra")
	[ "${#sources[@]}" -gt 0 ] || return
	mmdebstrap --quiet --mode=root --variant=minbase \
		--aptopt='Acquire::Languages "none"' \
		--aptopt='APT::Install-Recommends "false"' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt=force-unsafe-io \
		"${options[@]}" \
		--customize-hook="cp$(quote "$@") \"\$1/\"" \
		--customize-hook="chroot \"\$1\" sh -euc 'cd /; $setup; rm ${names[*]}'" \
		"$suite" "$target" "${sources[@]}" >"$target.log" 2>&1 || {
		tail -n 30 "$target.log" >&2
		return 1
	}
	rm -f "$target.log"
}

# build_root SERIES: sets ROOT: the chroot that SERIES is built in
build_root() {
	local series=$1 suite extra packages setup inputs

	suite=$(kernel_field "$series" 2)
	extra=$(kernel_field "$series" 3)
	packages=$(packages_for build "$suite" | tr '\n' ' ')
	inputs=("$VM_DIR/lib/root-packages")
	if [ "$series" = debug ]; then
		packages="$packages $(packages_for debug "$suite" | tr '\n' ' ')"
		inputs+=("$VM_DIR/lib/root-debug" "$VM_DIR/debug.config")
		setup="sh /root-packages $packages; sh /root-debug"
	else
		inputs+=("$VM_DIR/lib/root-kernel")
		setup="sh /root-packages $packages; sh /root-kernel $series"
	fi
	if [ "$series" = "$(kernel_default)" ]; then
		inputs+=("$VM_DIR/lib/root-lint")
		setup="$setup; sh /root-lint $series"
	fi
	ROOT=$CACHE/build-$series-$(echo "$suite $extra $packages $ROOT_REVISION" | hash_of "${inputs[@]}")
	[ -e "$ROOT/.ready" ] ||
		with_lock "build-$series" make_build_root "$series" "$suite" "$extra" "$setup" "${inputs[@]}"
	touch -c "$ROOT"
}

make_build_root() {
	local series=$1 suite=$2 extra=$3 setup=$4

	shift 4
	[ ! -e "$ROOT/.ready" ] || return 0
	need_tools mmdebstrap
	say "making the build root for $series from $suite (once)"
	forget_old "build-$series-*"
	rm -rf "$ROOT" "$ROOT.tmp"
	make_root "$suite" "$extra" "$ROOT.tmp" "$setup" "$@" ||
		die "could not make the build root for $series"
	touch "$ROOT.tmp/.ready"
	mv "$ROOT.tmp" "$ROOT"
}

# guest_root SERIES: sets GUEST: the squashfs that the guest runs from
guest_root() {
	local suite packages key

	suite=$(kernel_field "$1" 2)
	packages=$(packages_for guest "$suite" | tr '\n' ' ')
	key=$(echo "$suite $packages $ROOT_REVISION" | hash_of "$VM_DIR/lib/root-packages")
	GUEST=$CACHE/guest-$suite-$key.squashfs
	[ -e "$GUEST" ] || with_lock "guest-$suite" make_guest_root "$suite" "$packages"
	touch -c "$GUEST"
}

make_guest_root() {
	local suite=$1 packages=$2 tree=${GUEST%.squashfs}.tmp

	[ ! -e "$GUEST" ] || return 0
	need_tools mmdebstrap mksquashfs
	say "making the guest root of $suite (once)"
	forget_old "guest-$suite-*"
	rm -rf "$tree" "$GUEST.tmp"
	make_root "$suite" - "$tree" "sh /root-packages $packages" \
		"$VM_DIR/lib/root-packages" ||
		die "could not make the guest root of $suite"
	mksquashfs "$tree" "$GUEST.tmp" -comp lz4 -no-progress -quiet >&2 ||
		die "could not pack the guest root of $suite"
	rm -rf "$tree"
	mv "$GUEST.tmp" "$GUEST"
}

# in_root ROOT DIR COMMAND...: runs COMMAND in the chroot ROOT, which it cannot
# change, with DIR as /build; a namespace of its own keeps mounts and processes
# from leaking into the host
in_root() {
	local root=$1 dir=$2

	shift 2
	unshare --mount --propagation private --pid --fork --kill-child \
		"$VM_DIR/lib/in-root" "$root" "$dir" "$TOP" "$@"
}
