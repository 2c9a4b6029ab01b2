# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # the parts share variables
#
# The product built for one kernel, in build/<series>.  What runs in user space (library,
# tools, programs of tests) does not depend on the kernel: it is built once for all kernels
# of a suite, in build/user-<suite>.

# product SERIES [sync]: brings build/SERIES, or only its copy of the sources, up
# to date; sets OUT
product() {
	local user

	kernel "$1"
	OUT=$BUILD/$1
	user=$BUILD/user-$(kernel_field "$1" 2)
	mkdir -p "$OUT" "$user"
	[ "${NO_BUILD:-0}" = 0 ] || [ ! -e "$OUT/stage.cpio" ] || return 0
	if [ "${2:-}" != sync ]; then
		(
			flock 9
			renew "$user" "$(cat "$ROOT/.base" 2>/dev/null || echo "$ROOT")"
			in_root "$ROOT" "$user" sh /mnt/top/tests/vm/lib/build-product user >&2
		) 9>"$user/.lock" || die "what runs in user space does not build for $1"
	fi
	(
		flock 9
		renew "$OUT" "$KVER $ROOT"
		if [ "${2:-}" != sync ]; then
			flock 8
			if ! cmp -s "$user/.packed" "$OUT/.user"; then
				rm -rf "$OUT/.ok" "$OUT/user"
				cp -a "$user/stage" "$OUT/user" && cp "$user/.packed" "$OUT/.user" || exit
			fi
			flock -u 8
		fi
		in_root "$ROOT" "$OUT" sh /mnt/top/tests/vm/lib/build-product "${2:-module}" "$KVER" >&2
	) 9>"$OUT/.lock" 8>"$user/.lock" || die "the product does not build for $1"
}

# renew DIRECTORY TEXT: nothing in DIRECTORY holds that was built with another TEXT
# (kernel, root), or by another recipe
renew() {
	local stamp

	stamp="$2 $(hash_of "$VM_DIR/lib/build-product" </dev/null)"
	[ "$(cat "$1/.stamp" 2>/dev/null)" != "$stamp" ] || return 0
	find "$1" -mindepth 1 -maxdepth 1 ! -name .lock -exec rm -rf {} +
	printf '%s\n' "$stamp" >"$1/.stamp"
}
