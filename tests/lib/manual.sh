#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The manual knows every call, and its example compiles and links.
#	manual.sh libsnap.3 libsnap.map "cc -flags" "-libs"
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0
sed -n 's/^[[:space:]]*\(snap_[a-z0-9_]*\);$/\1/p' "$2" > "$tmp/calls"
while read -r f; do
	# a name, once in the synopsis, at least once in the text
	if ! grep -qE "^\.Nm $f( ,)?\$" "$1" || ! grep -qE "^\.Fn $f \"" "$1" ||
	   [ "$(grep -cE "^\.Fn $f( |\$)" "$1")" -lt 2 ]; then
		echo "libsnap(3) says too little about $f"
		failed=1
	fi
done < "$tmp/calls"
sed -n '/^\.Sh EXAMPLES/,/^\.Sh DIAGNOSTICS/!d;/^\.Bd -literal/,/^\.Ed/{/^\.[BE]d/d;s/\\e/\\/g;p}' "$1" > "$tmp/example.c"
# shellcheck disable=SC2086
$3 -o "$tmp/example" "$tmp/example.c" $4 || failed=1
exit $failed
