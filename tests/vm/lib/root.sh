# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # the parts share variables
#
# Roots, made of Debian's packages:
#
#	base	a suite's compiler and libraries
#	build	a base, and one kernel's headers and image: what that kernel is built in
#	guest	a squashfs of what a suite's guest runs
#
# A root that is made from another one shares its files.  Each is made in a temporary
# place and renamed, so a half-made one is never used.

ROOT_REVISION=1	# raise it to have every root made anew
ROOT_AGAIN=${ROOT_AGAIN:-0}	# 1: what an archive did not give the last time is asked for again

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

	mirror_sources "$suite" "$extra" || return
	# shellcheck disable=SC2153 # mirror_sources sets it
	mapfile -t sources <<<"$SOURCES"

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
	apart --mount-proc mmdebstrap --quiet --mode=root --variant=minbase \
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

# layer_root FROM SUITE EXTRA TARGET SETUP FILE...: like make_root, but TARGET begins as
# FROM.  Of /usr, which packages change by putting new files in the place of old ones,
# it has links to the files.
layer_root() {
	local from=$1 suite=$2 extra=$3 target=$4 setup=$5 status
	local -a names=()

	shift 5
	names=("$VM_DIR/lib/root-update" "$@")
	mirror_sources "$suite" "$extra" || return
	mkdir "$target" && cp -al "$from/usr" "$target/" &&
		find "$from" -mindepth 1 -maxdepth 1 ! -name usr -exec cp -a -t "$target" {} + &&
		cp "${names[@]}" "$target/" && echo "$SOURCES" >"$target/etc/apt/sources.list" ||
		return 1
	names=("${names[@]##*/}")
	in_new_root "$target" sh -euc "cd /; sh /root-update; $setup
		rm ${names[*]}; rm -rf /var/lib/apt/lists/* /var/cache/apt/*" >"$target.log" 2>&1 || {
		status=$?
		WHY=$(sed -n 's/^root: //p' "$target.log")
		[ -n "$WHY" ] || tail -n 30 "$target.log" >&2
		return "$status"
	}
	rm -f "$target.log"
}

# obtain LOCK PATH COMMAND...: PATH, which COMMAND makes.  If an archive does not give what
# that takes, an older one does, from before its recipe changed: a link to it stands for PATH,
# which "vm fetch" replaces as soon as it can.
obtain() {
	local lock=$1 path=$2

	shift 2
	obtained "$path" || with_lock "$lock" obtain_now "$path" "$@"
	touch -c "$path"
}

obtained() { # PATH
	[ "$ROOT_AGAIN" = 0 ] || [ ! -L "$1" ] || return 1
	[ -e "$1/.ready" ] || [ -f "$1" ]
}

obtain_now() {
	local path=$1 status older

	shift
	! obtained "$path" || return 0
	WHY=
	"$@" && return
	status=$?
	drop "${path%.squashfs}.tmp" "${path%.squashfs}.tmp.log"
	older=$(older_than "$path")
	case $status in
	"$EXIT_GONE" | "$EXIT_INFRA") [ -n "$WHY" ] || WHY="an archive does not give what ${path##*/} takes" ;;
	*) die "could not make ${path##*/}${WHY:+: $WHY}" ;;
	esac
	if [ -n "$older" ]; then
		say "$WHY: ${older##*/} of $(date -r "$older/.ready" +%F 2>/dev/null ||
			date -r "$older" +%F) is used instead"
		ln -sfn "${older##*/}" "$path"
		return
	fi
	# the reason is the last thing that is said
	wait
	path=${path##*/}
	say "$WHY, and the cache has no ${path%-*} either"
	exit "$status"
}

# older_than PATH: the newest that is like it but for the name of its recipe
older_than() {
	local hash=${1##*-} stem=${1##*/} end=

	case $hash in
	*.*) end=.${hash#*.} ;;
	esac
	stem=${stem%-*}
	find "$CACHE" -mindepth 1 -maxdepth 1 ! -type l ! -name "${1##*/}" -printf '%T@ %p\n' |
		grep -E "/$stem-[0-9a-f]{12}$end\$" | sort -rn | while read -r _ path; do
		[ -e "$path/.ready" ] || [ -f "$path" ] || continue
		echo "$path"
		break
	done
}

# base_root SUITE: sets BASE
base_root() {
	local packages

	packages=$(packages_for build "$1" | tr '\n' ' ')
	BASE=$CACHE/base-$1-$(echo "$1 $packages $ROOT_REVISION" | hash_of "$VM_DIR/lib/root-packages")
}

need_base_root() { # SUITE
	[ -e "$BASE/.ready" ] || with_lock "base-$1" make_base_root "$1" || return
	touch -c "$BASE"
}

make_base_root() {
	[ ! -e "$BASE/.ready" ] || return 0
	say "making the root that is built in, of $1 (once)"
	forget_old "base-$1-*"
	drop "$BASE" "$BASE.tmp"
	make_root "$1" - "$BASE.tmp" "sh /root-packages $(packages_for build "$1" | tr '\n' ' ')" \
		"$VM_DIR/lib/root-packages" || return
	echo "${BASE##*/}" >"$BASE.tmp/.base"
	touch "$BASE.tmp/.ready"
	mv "$BASE.tmp" "$BASE"
}

# build_root SERIES: sets ROOT: the chroot that SERIES is built in
build_root() {
	local series=$1 suite extra packages setup inputs

	suite=$(kernel_field "$series" 2)
	extra=$(kernel_field "$series" 3)
	base_root "$suite"
	if [ "$series" = debug ]; then
		packages=$(packages_for debug "$suite" | tr '\n' ' ')
		inputs=("$VM_DIR/lib/root-packages" "$VM_DIR/lib/root-debug" "$VM_DIR/debug.config")
		setup="sh /root-packages $packages; sh /root-debug"
	else
		inputs=("$VM_DIR/lib/root-kernel")
		setup="sh /root-kernel image $series"
	fi
	if [ "$series" = "$(kernel_default)" ]; then
		inputs+=("$VM_DIR/lib/root-lint")
		setup="$setup; sh /root-lint $series"
	fi
	ROOT=$CACHE/build-$series-$(echo "$suite $extra ${BASE##*/} $setup" | hash_of "${inputs[@]}")
	obtain "build-$series" "$ROOT" make_build_root "$series" "$suite" "$extra" "$setup" "${inputs[@]}"
}

make_build_root() {
	local series=$1 suite=$2 extra=$3 setup=$4

	shift 4
	need_tools mmdebstrap
	need_base_root "$suite" || return
	say "making the build root for $series from $suite (once)"
	forget_old "build-$series-*"
	drop "$ROOT" "$ROOT.tmp"
	layer_root "$BASE" "$suite" "$extra" "$ROOT.tmp" "$setup" "$@" || return
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
	obtain "guest-$suite" "$GUEST" make_guest_root "$suite" "$packages"
}

make_guest_root() {
	local suite=$1 packages=$2 tree=${GUEST%.squashfs}.tmp

	need_tools mmdebstrap mksquashfs
	say "making the guest root of $suite (once)"
	forget_old "guest-$suite-*"
	drop "$tree" "$GUEST" "$GUEST.tmp"
	make_root "$suite" - "$tree" "sh /root-packages $packages" \
		"$VM_DIR/lib/root-packages" || return
	mksquashfs "$tree" "$GUEST.tmp" -comp lz4 -no-progress -quiet >&2 || return 1
	drop "$tree"
	mv "$GUEST.tmp" "$GUEST"
}

# in_new_root ROOT COMMAND...: runs COMMAND in the chroot ROOT, which it may change
in_new_root() {
	apart "$VM_DIR/lib/in-new-root" "$@"
}

# in_root ROOT DIR COMMAND...: runs COMMAND in the chroot ROOT, which it cannot
# change, with DIR as /build
in_root() {
	local root=$1 dir=$2

	shift 2
	apart "$VM_DIR/lib/in-root" "$root" "$dir" "$TOP" "$@"
}

# apart COMMAND...: runs COMMAND in namespaces of its own, so that neither mounts nor
# processes leak into the host, also when it is killed
apart() {
	unshare --mount --propagation private --pid --fork --kill-child "$@"
}

# drop PATH...: removes trees in the cache, and first what is mounted in them
drop() {
	local path point

	for path; do
		findmnt --raw --noheadings --output TARGET | grep -F "$path/" | sort -r |
			while read -r point; do umount --lazy "$point"; done || :
		rm -rf --one-file-system "$path"
	done
}
