#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The table of "snapset list": it fits 80 characters, and on a terminal, too; it has the columns
# that were asked for, in their order, and its lines in the order that was asked for.
#
# about: tool
# vm: --smp 1 --mem 1G --disk 64M --disk 32M
. "$(dirname "$0")/../lib.sh"

load
need python3 script
mounted ext4 "$SCRATCH0" /m/a
on_exit snapset delete --all --force

# is LINES ARGUMENTS OF 'snapset list'...: it prints these, blanks apart
is() {
	local want=$1

	shift
	must snapset list "$@" >out
	[ "$(sed 's/  */ /g; s/^ //; s/ $//' out)" = "$want" ] || fail "list $*: $(cat out), not $want"
}

is ''
is '' -o +why -n
must snapset create --store memory:1M /m/a "$SCRATCH1" >/dev/null
must snapset create --store memory --quota 8M /m/a >/dev/null
set=$(json <(snapset list --json) 'd["sets"][0]["id"]')
must snapset list >out
[ "$(wc -L <out)" -le 80 ] || fail "wider than a terminal: $(cat out)"
grep -Eq "^${set:0:8}  snapset1 +32.0 MiB +[0-9.]+ (Ki)?B  live +[0-9]+(s|min)  $SCRATCH1\$" out || fail "$(cat out)"
grep -q '^DEVICE ' out || fail "no sums: $(cat out)"
is $'IMAGE VOLUME\nsnapset0 /m/a\nsnapset1 '"$SCRATCH1"$'\nsnapset2 /m/a' -o image,volume
is $'snapset0\nsnapset2' -n -o image /m/a
is $'- snapset0\n- snapset1\n8.0 MiB snapset2' --noheadings --output maximum,image
is $'snapset2\nsnapset1\nsnapset0' -n -o image --sort -image
is $'snapset1\nsnapset0\nsnapset2' -n -o image --sort size
is $'snapset0\nsnapset2\nsnapset1' -n -o image --sort -size
is $'snapset2\nsnapset0\nsnapset1' -n -o image --sort maximum
must snapset list --exclusive -n -o +consistency,id >out
[ "$(grep -Ec ' live .* (fs|raw) +[0-9a-f-]{36} +[0-9.]+ (Ki)?B$' out)" = 3 ] || fail "$(cat out)"

# names are as wide as they look, in every locale, and on a terminal
name=/m/$'\u00fc\u6f22'
mkdir "$name"
must mount --bind /m/a "$name"
on_exit umount "$name"
must snapset create --store memory "$name" >/dev/null
LC_ALL=C snapset list -n -o volume,state "$name" >out
{ grep -q "^$name  live\$" out && grep -q "^/m/a    live\$" out; } || fail "the width of a name: $(cat out)"
script -qec 'stty cols 40; snapset list -n -o volume,id,set,why,state' /dev/null </dev/null >out
[ "$(grep -Ec '^/.* [0-9a-f-]{36} .* live' out)" = 4 ] || fail "on a terminal: $(cat out)"

# and why one is dead; the newest one is what writes need room for
must snapset create --store memory:1M /m/a >/dev/null
dd if=/dev/urandom of=/m/a/big bs=1M count=16 oflag=direct conv=fsync status=none
is_dead() { snapset list -n -o state | grep -q dead; }
wait_for 60 is_dead || fail "a store of 1 MiB holds what it cannot: $(snapset list -o +why)"
must snapset list -n -o why,state >out
grep -Eq '^.*[a-z]+ [a-z]+ .*  dead$' out || fail "not why: $(cat out)"
! grep -Eq '[a-z] +live' out || fail "why of one that is not: $(cat out)"
must snapset delete --all >/dev/null
finish
