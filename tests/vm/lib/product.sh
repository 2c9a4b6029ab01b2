# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # the parts share variables
#
# The product (module, library, tools, tests) built for one kernel, in build/<series>.

# product SERIES [sync]: brings build/SERIES, or only its copy of the sources, up
# to date; sets OUT
product() {
	kernel "$1"
	OUT=$BUILD/$1
	mkdir -p "$OUT"
	[ "${NO_BUILD:-0}" = 0 ] || [ ! -e "$OUT/stage.cpio" ] || return 0
	(
		flock 9
		# another kernel or another recipe: nothing that was built holds
		stamp="$KVER $ROOT $(hash_of "$VM_DIR/lib/build-product" </dev/null)"
		if [ "$(cat "$OUT/.stamp" 2>/dev/null)" != "$stamp" ]; then
			find "$OUT" -mindepth 1 -maxdepth 1 ! -name .lock -exec rm -rf {} +
			printf '%s\n' "$stamp" >"$OUT/.stamp"
		fi
		in_root "$ROOT" "$OUT" sh /mnt/top/tests/vm/lib/build-product "$KVER" "${2:-}" >&2
	) 9>"$OUT/.lock" || die "the product does not build for $1"
}
