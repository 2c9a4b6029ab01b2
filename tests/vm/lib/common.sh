# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # the parts share variables
#
# Words that every part of the VM harness uses: messages, the cache, locks and
# the list of kernels.

EXIT_SPLAT=99		# the kernel complained
EXIT_GONE=123		# no archive serves the kernel any more, and no cache has it
EXIT_TIMEOUT=124	# the host's watchdog ended the VM
EXIT_INFRA=125		# the VM, the build or the machine failed, not the test

VM_DIR=$TOP/tests/vm
CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/snapset
BUILD=$TOP/build

say() { printf '%s\n' "vm: $*" >&2; }

die() {
	printf '%s\n' "vm: $*" >&2
	exit "$EXIT_INFRA"
}

# with_lock NAME COMMAND...: two runs at once must not make the same thing twice
with_lock() {
	local name=$1 fd

	shift
	mkdir -p "$CACHE/lock"
	exec {fd}>"$CACHE/lock/$name"
	flock "$fd"
	"$@"
	local status=$?
	exec {fd}>&-
	return "$status"
}

# hash_of FILE...: short name for some contents; text comes on standard input
hash_of() {
	{ cat; cat -- "$@"; } | sha256sum | cut -c 1-12
}

# forget_old PATTERN: drops what nobody has used for a month, before something like
# it is made; what is in use is touched each time
forget_old() {
	find "$CACHE" -mindepth 1 -maxdepth 1 -name "$1" -mtime +30 -exec rm -rf {} +
}

kernel_lines() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$VM_DIR/kernels"; }

# kernels_with FLAG: their series
kernels_with() {
	kernel_lines | awk -v flag="$1" '{ for (i = 5; i <= NF; i++) if ($i == flag) print $1 }'
}

# those that tests run on unless another one is asked for
kernel_list() {
	kernel_lines | awk '{ for (i = 5; i <= NF; i++) if ($i ~ /^(source|build)$/) next; print $1 }'
}

kernel_default() { kernels_with default | head -n 1; }

# kernel_field SERIES N: the Nth column of tests/vm/kernels
kernel_field() {
	kernel_lines | awk -v k="$1" -v n="$2" '$1 == k { print $n; exit }'
}

kernel_known() {
	[ -n "$(kernel_field "$1" 1)" ] ||
		die "kernel '$1' is not in tests/vm/kernels ($(kernel_list | tr '\n' ' ')or debug)"
}

need_root() {
	[ "$(id -u)" = 0 ] ||
		die "roots and VMs are made with mount namespaces: run this as root"
}

# need_tools TOOL...: say which package is missing rather than fail half way
need_tools() {
	local tool missing=

	for tool; do
		command -v "$tool" >/dev/null || missing="$missing $tool"
	done
	[ -z "$missing" ] ||
		die "missing on this machine:$missing (scripts/host-deps installs what is needed)"
}

quote() { # words for a POSIX shell
	local word

	for word; do
		printf " '%s'" "${word//\'/\'\\\'\'}"
	done
}
