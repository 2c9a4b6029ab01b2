#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Which sets "snapset delete" takes: those of a volume, those of an age, the oldest, and what
# these words mean together; and that a dry run says the same, and deletes nothing.
#
# about: tool
# vm: --smp 1 --mem 1G --disk 64M --disk 32M
. "$(dirname "$0")/../lib.sh"

load
mounted ext4 "$SCRATCH0" /m/a
on_exit snapset delete --all --force
A=/m/a B=$SCRATCH1

# made NAME VOLUME...: its id is in NAME
made() {
	must snapset create --store memory --json "${@:2}" >created
	printf -v "$1" %s "$(json created 'd["id"]')"
}

# are ID...: these sets are there, and no others
are() {
	local have

	have=$(snapset list --json | json /dev/stdin '" ".join(s["id"] for s in d["sets"])')
	[ "$have" = "$*" ] || fail "there is $have, not $*"
}

# finds 'ID...' FILTER...: a dry run says these, as words and in JSON, and deletes nothing
finds() {
	must snapset delete --dry-run "${@:2}" >out
	[ "$(sed -En 's/^set ([0-9a-f-]{36}), [0-9]+(s|min) old: .*/\1/p' out | xargs)" = "$1" ] ||
		fail "delete --dry-run ${*:2}: $(cat out), not $1"
	must snapset delete --dry-run --json "${@:2}" >out
	[ "$(json out '" ".join(d["would_delete"])')" = "$1" ] || fail "${*:2}: $(cat out), not $1"
	are "${ALL[@]}"
}

# none FILTER...
none() {
	local status=0

	snapset delete "$@" >out 2>&1 || status=$?
	[ $status = 3 ] || fail "delete $*: exit $status: $(cat out)"
	grep -q 'there is no such set (SNAP_E_OBJECT_NOT_FOUND' out || fail "delete $*: $(cat out)"
	are "${ALL[@]}"
}

ALL=() first='' both='' second='' third=''
none --oldest
none --older-than 1s --dry-run
must snapset delete --all --dry-run >out
[ ! -s out ] || fail "of nothing: $(cat out)"

made first "$A"
made both "$A" "$B"
made second --label "nightly 'x'" --expire 1h "$B"
snapset show "$second" >out
grep -qx "label  nightly 'x'" out || fail "show: $(cat out)"
grep -q '^owner  snapset (process [0-9]*)$' out || fail "show: $(cat out)"
grep -q '^until  ' out || fail "show: $(cat out)"
[ "$(json created 'd["expires_ns"] - d["created_ns"]')" = 3600000000000 ] || fail "$(cat created)"
for wrong in 0 1y -1 367d 99999999999; do
	snapset create --store memory --expire $wrong "$A" >out 2>&1 && fail "--expire $wrong"
done
ALL=("$first" "$both" "$second")
finds "$first $both $second" --all
finds "$second" --label "nightly 'x'"
none --label nightly
none --label "nightly 'x'" --volume "$A"
finds "$first $both" --volume "$A"
finds "$both $second" --volume "$B"
finds "$first" --oldest
finds "$both" --oldest --volume "$B"
finds "$both" --set "$both"
must snapset delete --dry-run --oldest --volume "$B" >out
grep -q ": $A $B\$" out || fail "not which volumes: $(cat out)"
snap=$(snapset list -n -o id "$B" | tail -n 1)
must snapset delete --dry-run "$snap" snapset0 >out
grep -Eq "^snapshot $snap, [0-9]+(s|min) old: $B\$" out || fail "of snapshots: $(cat out)"
[ "$(wc -l <out)" = 2 ] || fail "of snapshots: $(cat out)"
are "${ALL[@]}"
none --older-than 2h
none --older-than 1d --oldest
none --volume "$A" --older-than 1w --dry-run
must_not snapset delete --volume /nowhere
# so old that the next one is younger, on whichever machine, when it is looked for
begin=$(now_ms)
finds "$second" --set "$second"
age=$((3 + 10 * ($(now_ms) - begin) / 1000))
old() { snapset delete --dry-run --older-than "${age}s" | grep -q "$second"; }
wait_for 60 old || fail "a set does not get $age s old: $(snapset list)"
made third "$A"
ALL+=("$third")
finds "$first $both $second" --older-than "$age"

# one in use is in nobody's way but its own
exec 9</dev/snapset0
snapset delete --volume "$A" --older-than "${age}s" --json >out 2>err
[ $? = 7 ] || fail "one is in use: $(cat out err)"
[ "$(json out 'd["deleted"]')" = 2 ] || fail "$(cat out)"
are "$first" "$second" "$third"
exec 9<&-
must snapset delete --oldest
are "$second" "$third"
must snapset delete --volume "$A" --oldest
are "$second"
must snapset delete --older-than 1s --volume "$B"
are
finish
