# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # lib.sh has the rest
#
# The disks of a test: what its line "# vm:" asks for, as zeros, in SCRATCH0, SCRATCH1 ...
# and all of them in SCRATCH.  They come from the disks that the user names in SCRATCH: one
# of just the size and block size that is asked for is used as it is; of others a piece is
# cut by device-mapper, and the test says so, for then its member is a dm device.

# To start a program takes an emulated processor longer than most of what is done here, and
# it is done for each test: so what is read is read by the shell.

# scratch_wants FILE: sets WANTS, of "BYTES:BLOCKSIZE", to what a test asks for
scratch_wants() {
	local n=0 line word size last=
	local -a words

	WANTS=()
	while [ $n -lt 15 ] && IFS= read -r line; do
		n=$((n + 1))
		[[ $line = "# vm: "* ]] || continue
		read -ra words <<<"${line#"# vm: "}"
		for word in "${words[@]}"; do
			if [ "$last" = --disk ]; then
				size=${word%%:*}
				case $size in
				*K) size=$((${size%K} << 10)) ;;
				*M) size=$((${size%M} << 20)) ;;
				*G) size=$((${size%G} << 30)) ;;
				esac
				[[ $word = *:* ]] || word=$word:512
				WANTS+=("$size:${word#*:}")
			fi
			last=$word
		done
	done <"$1"
}

# scratch_refusal DISK: why nobody should write to it; nothing if all is well
scratch_refusal() {
	local disk name status=0

	disk=$(readlink -f "$1") name=${disk##*/}
	[ -b "$disk" ] || { echo "$1 is no block device"; return; }
	blkid -p "$disk" >/dev/null 2>&1 || status=$?
	if grep -q "^${disk}[0-9p]* " /proc/mounts /proc/swaps; then
		echo "$1 is in use (mounted, or swap)"
	elif [ -n "$(ls "/sys/class/block/$name/holders" 2>/dev/null)" ]; then
		echo "$1 is held by $(ls "/sys/class/block/$name/holders")"
	elif [ "$(lsblk -nro MOUNTPOINT "$disk" 2>/dev/null | tr -d '[:space:]')" ]; then
		echo "something on $1 is mounted"
	elif [ $status != 2 ] && [ "${FORCE:-0}" != 1 ]; then
		echo "$1 carries a signature: $(wipefs -n "$disk" | tail -n +2 | tr -s ' ' | tr '\n' ' ')(FORCE=1 writes over it)"
	fi
}

# scratch_check: each disk of SCRATCH may be written to; once for a whole run of tests
scratch_check() {
	local disk why

	# those of tests/vm are nobody's
	[ -z "${SNAPSET_KERNEL:-}" ] || return 0
	[ "${SNAPSET_SCRATCH_CHECKED:-}" != "$SCRATCH" ] || return 0
	for disk in $SCRATCH; do
		why=$(scratch_refusal "$disk")
		[ -z "$why" ] || { echo "$why"; return 1; }
	done
	export SNAPSET_SCRATCH_CHECKED=$SCRATCH
}

# scratch_geometry DISK: sets GEOMETRY, "BYTES:BLOCKSIZE"; DISK by the kernel's name
scratch_geometry() {
	local dir=/sys/class/block/${1##*/} sectors block

	read -r sectors <"$dir/size"
	[ -d "$dir/queue" ] || dir=$dir/..
	read -r block <"$dir/queue/logical_block_size"
	GEOMETRY=$((sectors * 512)):$block
}

# scratch_zero DISK: makes zeros of it; a disk of tests/vm has them where it was discarded
scratch_zero() {
	local said

	if [ -n "${SNAPSET_KERNEL:-}" ]; then
		blkdiscard "$1" || return
		# what another test made there may still be known
		set -- "$1" "/sys/class/block/${1##*/}/${1##*/}"*
		[ ! -e "$2" ] || partx -d "$1" 2>/dev/null	# udev may have been there first
		return 0
	fi
	# it warns of what it is told to do
	said=$(blkdiscard -fz "$1" 2>&1) || { echo "$said"; return 1; }
}

# what a test leaves is no file system that is found later
scratch_forget() { [ -n "${SNAPSET_KERNEL:-}" ] || wipefs -qaf "$1" 2>/dev/null || :; }

# scratch_cut SIZE:BLOCKSIZE N: a piece of a disk that has room; sets PIECE
scratch_cut() {
	local disk name size=${1%:*}

	for disk in "${all[@]}"; do
		scratch_geometry "$disk"
		[ "${GEOMETRY#*:}${used[$disk]:-}" = "${1#*:}" ] || continue
		[ $((${cut[$disk]:-0} + size)) -le "${GEOMETRY%:*}" ] || continue
		name=snapset-scratch$2
		# before it is there: a test may be ended at any moment
		on_exit dmsetup remove --retry "$name"
		printf '0 %d linear %s %d\n' $((size / 512)) "$disk" $((${cut[$disk]:-0} / 512)) |
			dmsetup create "$name" || return
		cut[$disk]=$((${cut[$disk]:-0} + size))
		PIECE=/dev/mapper/$name
		on_exit scratch_forget "$PIECE"
		note "$PIECE is ${1%:*} bytes of $disk"
		return
	done
	return 1
}

# scratch FILE: sets SCRATCH0, SCRATCH1 ... for the test FILE, and SCRATCH
scratch() {
	local want disk n=0 why mine='' PIECE GEOMETRY
	local -A cut=() used=()
	local -a WANTS all

	scratch_wants "$1"
	[ ${#WANTS[@]} -gt 0 ] || return 0
	[ -n "${SCRATCH:-}" ] || skip "wants scratch disks: SCRATCH=\"/dev/sdX ...\""
	why=$(scratch_check) || fail "$why"
	# shellcheck disable=SC2086 # words on purpose
	mapfile -t all < <(readlink -f $SCRATCH)
	for want in "${WANTS[@]}"; do
		PIECE=
		for disk in "${all[@]}"; do
			[ -z "${used[$disk]:-}${cut[$disk]:-}" ] || continue
			scratch_geometry "$disk"
			[ "$GEOMETRY" = "$want" ] || continue
			PIECE=$disk
			used[$disk]=used
			on_exit scratch_forget "$disk"
			break
		done
		[ -n "$PIECE" ] || scratch_cut "$want" "$n" ||
			skip "no disk of SCRATCH has ${want%:*} bytes left in blocks of ${want#*:}"
		scratch_zero "$PIECE" || fail "$PIECE cannot be zeroed"
		export "SCRATCH$n=$PIECE"
		mine="$mine $PIECE"
		n=$((n + 1))
	done
	export SCRATCH=${mine# }
	udevadm settle
}
