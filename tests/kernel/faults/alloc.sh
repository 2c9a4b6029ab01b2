#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Every place that reserves memory on the way of a set, of its copies and of its
# delete fails: once at its first pass, and then for a while. The answer is "out of
# memory" or there is none; no write fails; an image is right or dead; nothing is left.
#
# row dead E_OUTOFMEMORY - "no memory for old data or for its place" "no memory for old data*"
#
# rounds: each place fails once, surely, and on the default kernel once more for a while.
# about: engine
# vm: --smp 1 --mem 1G --disk 4M --disk 40M --disk 16M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
mounted ext4 "$SCRATCH1" "$TMP/e"
ENOMEM=12
# a round starts no program that it can do without: there are some fifty of them
store_file "$TMP/e/store" 4
must cp "$TMP/e/store" store.new

no_objects() {
	local name alive rest

	while read -r name alive rest; do
		[ "$alive" = 0 ] || return 1
	done </sys/kernel/debug/snapset/counters
}

# word FILE NAME N: the Nth of what follows NAME in the first line that begins with it
word() {
	local -a words

	while read -ra words; do
		[ "${words[0]}" != "$2" ] || { echo "${words[$3]}"; return; }
	done <"$1"
}

said() { # FILE PATTERN
	local line

	while read -r line; do
		[[ ! $line =~ $2 ]] || return 0
	done <"$1"
	return 1
}

# try NAME ARGUMENTS OF 'snapraw take'...: a set, or "out of memory"
try() {
	local name=$1 status=0

	shift
	snapraw take --keep "$@" >"$name.out" 2>"$name.err" || status=$?
	[ $status = 0 ] && return
	[ $status = 3 ] || fail "exit $status: $(cat "$name.out" "$name.err")"
	said "$name.out" '^(errno ENOMEM|code E_OUTOFMEMORY) .* text [^ ]+' ||
		fail "another reason than memory: $(cat "$name.out")"
	return 1
}

check_image() { # OUT MODEL
	local image snap

	image=$(word "$1" image 1)
	snap=$(word "$1" image 2)
	must snapraw snap "$snap" >snap.out
	if said snap.out '^dead '; then
		said snap.out E_OUTOFMEMORY || fail "dead: $(cat snap.out)"
		must blk eio "$image"
		lost=$((lost + 1))
	else
		must blk verify "$image" "$2"
	fi
}

churn() { must blk churn "$SCRATCH0" model --engine aio --depth 4 --writes 40 --max 32K >churn.out; }

whole_life() {
	local a=0 b=0

	# it goes with its set, and not with a refusal
	[ -e "$TMP/e/store" ] || must cp store.new "$TMP/e/store"
	cp model model.a
	try a --store-file "$TMP/e/store" --freeze "$TMP/e" "$SCRATCH0" "$SCRATCH1" && a=1
	churn
	try m "$SCRATCH0"
	churn
	cp model model.b
	try b --store "$SCRATCH2" --freeze "$TMP/e" "$SCRATCH0" "$SCRATCH1" && b=1
	churn
	must dd if=/dev/urandom of="$TMP/e/file" bs=64k count=8 conv=fsync status=none
	if [ $a = 1 ]; then
		dd if="$(word a.out image 1)" of=/dev/null bs=64k 2>/dev/null
	fi
	# the newer one's blocks go to the older
	[ $b = 0 ] || snapraw delete --force "$(word b.out set 1)" >/dev/null 2>&1
	fault_hits "$POINT" >hits
	[ "$POINT" != none ] || must cp "$FAULTS" points
	fault off
	[ $a = 0 ] || check_image a.out model.a
	[ $a = 1 ] || refusals=$((refusals + 1))
	must blk verify "$SCRATCH0" model
	snapraw clear >/dev/null || fail "clear"
	wait_for 60 no_objects || fail "objects are left: $(grep -v ' 0 ' /sys/kernel/debug/snapset/counters)"
}

lost=0 refusals=0
fault on
POINT=none whole_life
# what is passed often fails often, too
awk '$1 != "point" { next }
	$2 ~ /^(alloc|reserve):/ { print $2, "1 1" }
	$2 ~ /^alloc:/ && $3 > 10 && often { print $2, "2 40" }' often="$(often 1 0)" points >sites
places=$(grep -c ' 1 1$' sites)
note "$places places: $(sed -n 's/ 1 1$//p' sites | tr '\n' ' ')"
[ "$places" -ge 35 ] || fail "so few"

missed=()
while read -r POINT first count; do
	fault "$POINT $first $count 0 $ENOMEM"
	whole_life
	[ "$first" != 1 ] || [ "$(<hits)" -gt 0 ] || missed+=("$POINT")
done <sites
note "$refusals times refused, $lost snapshots lost"
[ ${#missed[@]} -le 3 ] || fail "these did not come by: ${missed[*]}"
[ $refusals -ge 15 ] || fail "refused only $refusals times"
must umount "$TMP/e"
must fsck.ext4 -fn "$SCRATCH1" >/dev/null 2>&1
finish
