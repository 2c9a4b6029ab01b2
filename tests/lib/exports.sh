#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The shared library exports what the map names, the header declares the same,
# and nothing of the inside shows.
#	exports.sh libsnap.so libsnap.map libsnap.h
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
sed -n 's/^[[:space:]]*\(snap_[a-z0-9_]*\);$/\1/p' "$2" | sort > "$tmp/map"
nm -D --defined-only "$1" | sed -n 's/.* T \([a-z0-9_]*\).*/\1/p' | sort > "$tmp/lib"
# a declaration ends with ";", an inline function does not
tr '\n' ' ' < "$3" | sed 's/;/;\n/g' |
	sed -n '/^ *typedef/d;/{/d;s/.*[ *]\(snap_[a-z0-9_]*\)(.*);$/\1/p' | sort -u > "$tmp/header"
diff -u "$tmp/map" "$tmp/lib" || { echo "map and library differ"; exit 1; }
missing=$(comm -23 "$tmp/map" "$tmp/header")
[ -z "$missing" ] || { echo "not in the header: $missing"; exit 1; }
