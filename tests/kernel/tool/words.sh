#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The command from end to end: what it says, in words and in JSON, its exit codes,
# its events, and that a set lives as long as was asked, however the command ends.
#
# about: tool
# vm: --mem 1G --disk 64M --disk 64M
. "$(dirname "$0")/../lib.sh"
# shellcheck source=/dev/null
. "$TESTS/tool/json.bash"

failed=0
out=$TMP/out

bad() {
	note "FAIL: $*"
	note "$(cat "$out")"
	failed=1
}

# gives CODE COMMAND...: its exit code; what it says is in $out
gives() {
	code=$1
	shift
	"$@" >"$out" 2>&1
	have=$?
	[ $have -eq "$code" ] || bad "$*: exit $have, not $code"
}

says() { grep -qE -- "$1" "$out" || bad "does not say \"$1\""; }

load
on_exit rm -rf --one-file-system /m
mounted ext4 "$SCRATCH0" /m/a
hanging b "$SCRATCH1"
mounted ext4 /dev/mapper/b /m/b
nothing() { [ -z "$(snapset list --all)" ]; }
on_exit wait_for 60 nothing
on_exit dmsetup resume b-below
# a set that is left holds the file system with its store
on_exit snapset delete --all --force
mkdir /m/i
on_exit umount /m/i
snapset watch >events &
on_exit kill $!
snapset watch --json >events.json &
on_exit kill $!
# they listen when they tell of something, and here is something
heard() {
	must snapset create --store memory "$SCRATCH0"
	must snapset delete --all
	[ -s events ] && [ -s events.json ]
}
wait_for 60 heard || fail "watch tells nothing"

# hold: a set of /m/b is in the making, and stays so until
# 'let_go b', as its file system cannot be synced; PID makes it
making() { snapraw list | grep -q ' state [12] '; }
hold() {
	echo $RANDOM >/m/b/dirty
	hang b
	snapset create --store memory /m/b >held 2>&1 &
	PID=$!
	on_exit kill -KILL $PID
	wait_for 60 making || fail "it is not being made: $(cat held)"
}

# done_with: it is let go, and made
done_with() {
	let_go b
	wait $PID || bad "what was held: exit $?: $(cat held)"
}

# it waits for something: that can only be its turn
polls() {
	local call

	read -r call _ <"/proc/$1/syscall" && [ "$call" = 7 ]
}

gives 0 snapset --version
says 'kernel module '
echo old > /m/a/f
gives 0 snapset create /m/a /m/b
says '^set    [0-9a-f-]{36}$'
says '^  /m/a -> /dev/snapset0  64.0 MiB'
says '^  /m/b -> /dev/snapset1  64.0 MiB'
says '^times  prepare [0-9]+ us, freeze [0-9]+ us, hold [0-9]+ us'
set=$(sed -n 's/^set    //p' "$out")
snap=$(sed -n 's/.*snapset0 .* \([0-9a-f-]\{36\}\)$/\1/p' "$out")
echo new > /m/a/f
sync
mount -o ro,noload /dev/snapset0 /m/i
[ "$(cat /m/i/f)" = old ] || bad "the image has $(cat /m/i/f)"
gives 0 snapset list
says "^${set:0:8}  snapset0 .*  live .* /m/a$"
gives 0 snapset list /m/b
says '/m/b$'
grep -q '/m/a$' "$out" && bad 'list /m/b lists /m/a'
gives 0 snapset list --json
holds "$out" "[s['id'] for s in d['sets']] == ['$set']" \
	'd["sets"][0]["state"] == "created" and d["sets"][0]["members"] == 2' \
	'not d["sets"][0]["auto_release"]' \
	'(lambda t: 0 < t["hold_ns"] < t["frozen_ns"] < t["total_ns"])(d["sets"][0]["times"])' \
	"[(s['volume'], s['device'], s['size'], s['state'], s['openers'], s['created_ns'])
		for s in d['sets'][0]['snapshots'] if s['id'] == '$snap'] ==
		[('/m/a', '/dev/snapset0', 64 << 20, 'live', 1, d['sets'][0]['created_ns'])]"
gives 0 snapset show "${snap:0:8}"
says "^snapshot   $snap"
gives 0 snapset show --json /dev/snapset1
says '"volume": ?"/m/b"'
gives 0 snapset show "$set"
for id in "${set^^}" "{$set}" "{${set^^}}" "${set:0:8}"; do
	gives 0 snapset show --json "$id"
	holds "$out" "d['id'] == '$set'"
done
ln -s /dev/snapset0 "$TMP/link"
gives 0 snapset show "$TMP/link"
says "^snapshot   $snap"
gives 7 snapset delete --set "{${set^^}}"
gives 7 snapset delete "$TMP/link"
gives 3 snapset show "{00000000-0000-0000-0000-000000000000}"
gives 3 snapset show 00000000
gives 2 snapset show 000
gives 7 snapset delete snapset0
gives 7 snapset delete --set "$set"
says "in the way: $snap"
gives 3 snapset delete "$set"		# it is a set, not a snapshot
gives 0 snapset delete snapset1
gives 0 snapset delete --force snapset0
dd if=/dev/snapset0 of=/dev/null bs=4k count=1 iflag=direct 2> /dev/null &&
	bad 'a deleted image can be read'
umount /m/i
gives 0 snapset list
[ -s "$out" ] && bad 'something is left'

# with a command
# shellcheck disable=SC2016
gives 7 snapset create /m/b /m/a --exec sh -c '
	echo "$SNAP_VOLUMES|$SNAP_DEVICES|$SNAP_IDS|$SNAP_SET_ID" > env; exit 7'
grep -qE '^/m/b /m/a\|/dev/snapset[01] /dev/snapset[01]\|[0-9a-f-]{36} [0-9a-f-]{36}\|[0-9a-f-]{36}$' \
	env || bad "environment: $(cat env)"
gives 127 snapset create /m/a --exec no-such-command
gives 126 snapset create /m/a --exec /m
gives 3 snapset create /m/a --exec sh -c 'exit 3'
# what is not the command's is no code that the command may have
gives 125 snapset create /nowhere --exec touch ran
says '^snapset: .*\(SNAP_E_OBJECT_NOT_FOUND '
gives 125 snapset create --json --store memory:1 /m/a --exec touch ran
says '"code": ?"0x80'
gives 125 snapset create --mount /nowhere /m/a --exec touch ran
[ ! -e ran ] || bad 'a command was run without a set'
# shellcheck disable=SC2016
gives 137 snapset create /m/a --exec sh -c 'kill -9 $$'
gives 0 snapset list
[ -s "$out" ] && bad 'a command left something'
gives 0 snapset create --keep /m/a --exec true
gives 0 snapset list
says '/m/a'
gives 0 snapset delete --all --json
says '"deleted": ?1'

# in the foreground, until told to go
foreground() {
	snapset create --auto-release /m/a >front 2>&1 &
	pid=$!
	wait_for 60 grep -q times front || fail "it is not made: $(cat front)"
}
foreground
gives 0 snapset list
says '/m/a'
kill -TERM $pid
wait $pid || bad "auto-release: exit $?"
gives 0 snapset list
[ -s "$out" ] && bad '--auto-release left something'

# killed: the kernel deletes it in its own time
foreground
kill -KILL $pid
wait $pid 2>/dev/null
wait_for 60 nothing || bad 'a killed command left something'

# cancelled: in time, and at whatever moment
hold
kill -INT $PID
not_making() { ! making; }
wait_for 60 not_making || fail "SIGINT does not cancel: $(cat held)"
let_go b
wait $PID
have=$?
[ $have = 130 ] || bad "create with SIGINT: exit $have: $(cat held)"
wait_for 60 nothing || bad 'a cancelled create left something'
for nap in .05 .2 .8; do
	snapset create /m/a /m/b >front 2>&1 &
	pid=$!
	pause $nap
	kill -INT $pid 2>/dev/null
	wait $pid
	have=$?
	case $have in
	130) nothing || bad 'a cancelled create left something' ;;
	0) snapset delete --all ;;
	*) bad "create with SIGINT after $nap s: exit $have: $(cat front)" ;;
	esac
done

# whichever comes second is told so, or waits, for a time or for ever, or tries again
hold
gives 9 snapset create /m/a
says 'another set is in the making'
done_with
gives 0 snapset delete --all
hold
for how in 60 forever; do
	snapset create --wait $how /m/a >"waits-$how" 2>&1 &
	waiting=$!
	wait_for 60 polls $waiting || fail "--wait $how: it does not wait: $(cat "waits-$how")"
	done_with
	wait $waiting || bad "--wait $how: exit $?: $(cat "waits-$how")"
	gives 0 snapset delete --all
	hold
done
snapset create --retry-delay 1 /m/a >again 2>&1 &
waiting=$!
wait_for 60 grep -q 'making (SNAP_E_SNAPSHOT_SET_IN_PROGRESS); trying again in 1 s$' again ||
	bad "--retry-delay: $(cat again)"
done_with
wait $waiting || bad "--retry-delay: exit $?: $(cat again)"
gives 0 snapset delete --all
gives 2 snapset create --hold-timeout 10001 /m/a
gives 2 snapset create --budget 1k /m/a

# what each takes of a store, who shares it, and what is done when it is full
of_set() { sed -n 's/^set    //p' "$out"; }
dd if=/dev/zero of=/m/a/big bs=1M count=4 conv=fsync status=none
overwrite() { # KIB AT: in place, past the cache
	dd if=/dev/urandom of=/m/a/big bs=4k count=$(($1 / 4)) seek=$(($2 / 4)) conv=notrunc \
		oflag=direct status=none
}
gives 0 snapset create --store memory:2M --quota 1536K /m/a
grep -q '^full' "$out" && bad 'words about what is usual'
first=$(of_set)
overwrite 1024 0
gives 0 snapset create --store "shared:{${first^^}}" --full oldest /m/a
says "^       shared with ${first:0:8}$"
says '^full   the oldest snapshots go, writers wait up to 5000 ms; waits: 0, snapshots gone: 0$'
second=$(of_set)
gives 0 snapset list
says '^SET +IMAGE +SIZE +KEPT  STATE +AGE  VOLUME$'
says "^${first:0:8} .* 64.0 MiB +1\\.[0-9] MiB  live "
says '^DEVICE +SNAPSHOTS +KEPT +ALLOCATED$'
says "^$(readlink -f "$SCRATCH0") +2 +1\\.[0-9] MiB +1\\.[0-9] MiB$"
gives 0 snapset list --exclusive -o id,set,kept,allocated,maximum,state
says '^SNAPSHOT .* KEPT  ALLOCATED  MAXIMUM  STATE  EXCLUSIVE$'
says "^[0-9a-f-]{36}  ${first:0:8} +1\\.[0-9] MiB +1\\.[0-9] MiB +1\\.5 MiB  live +1\\.[0-9] MiB$"
says "^[0-9a-f-]{36}  ${second:0:8} .* -  live "
gives 0 snapset list --exclusive --json
holds "$out" "[s['id'] for s in d['sets']] == ['$first', '$second']" \
	'd["sets"][0]["store"]["id"] == d["sets"][1]["store"]["id"] > 0' \
	'[s["store"]["shared_with"] for s in d["sets"]] == [[d["sets"][1]["id"]], [d["sets"][0]["id"]]]' \
	'1 << 20 <= d["sets"][0]["store"]["used"] <= d["sets"][0]["store"]["size"] == 2 << 20' \
	'd["sets"][0]["full"]["policy"] == "set" and "wait_ms" not in d["sets"][0]["full"]' \
	'd["sets"][1]["full"] == {"policy": "oldest", "wait_ms": 5000, "waits": 0, "dropped": 0}'
snapshots='(d["sets"][0]["snapshots"][0], d["sets"][1]["snapshots"][0], *d["devices"])'
holds "$out" "(lambda s, t, one: s['quota'] == 1536 << 10 and 'quota' not in t)(*$snapshots)" \
	"(lambda s, t, one: 1 << 20 <= s['exclusive'] <= s['allocated'] and 'exclusive' in t)(*$snapshots)" \
	"(lambda s, t, one: one['snapshots'] == 2 and
		one['allocated'] == s['allocated'] + t['allocated'])(*$snapshots)" \
	"(lambda s, t, one: (one['origin_dev'], one['origin']) == (s['origin_dev'], s['origin']))(*$snapshots)"
gives 0 snapset list --json
grep -q exclusive "$out" && bad 'list --json counts what nobody asked for'
gives 0 snapset show "$first"
says '^    1\.[0-9] MiB kept, 1\.[0-9] MiB allocated, 1\.[0-9] MiB exclusive, 1\.5 MiB at most$'
overwrite 1536 1024
gives 0 snapset show --json "$second"
holds "$out" 'd["full"]["dropped"] == 1 and d["full"]["waits"] >= 1' \
	'"shared_with" not in d["store"] and d["snapshots"][0]["state"] == "live"'
gives 0 snapset show "$second"
says 'waits: [1-9][0-9]*, snapshots gone: 1$'
gives 3 snapset create --store shared:00000000 /m/a
says 'there is no set 00000000'
gives 2 snapset create --store shared:000 /m/a
gives 2 snapset create --full wait:60001 /m/a
says '1 to 60000 ms'
gives 2 snapset create --quota 4095 /m/a
says '4096 bytes at least'
gives 0 snapset delete --all
gives 0 snapset create --store memory:1M --full wait:100 --json /m/a
holds "$out" 'd["full"]["policy"] == "wait" and d["full"]["wait_ms"] == 100'
overwrite 2048 0
gives 0 snapset list -n -o id,state
says ' dead$'
last=$(sed -n 's/ .*dead$//p' "$out")
gives 0 snapset delete --all

for file in events events.json; do
	wait_for 60 grep -q "$last.*deleted\|deleted.*$last" $file || bad "no end of $last: $(cat $file)"
done
grep -Eq "^20[0-9-]{8} [0-9:]{8} [0-9]+ set $set created" events || bad "watch: $(cat events)"
grep -q "snapshot $snap deleted" events || bad "watch: $(cat events)"
for what in low full; do
	grep -qE " [0-9]+ set [0-9a-f-]{36} store $what: .+, store [0-9]+ \(memory\): .* of 1.0 MiB used, .+/s$" \
		events || bad "watch: no store $what: $(cat events)"
done
holds events.json '[e["seq"] for e in d] == list(range(d[0]["seq"], d[0]["seq"] + len(d)))' \
	'not any("store" in e for e in d if e["event"] == "set-state")' \
	'[e["heard_ns"] for e in d] == sorted(e["heard_ns"] for e in d) and d[0]["heard"].endswith("Z")'
for what in low full; do
	holds events.json "(lambda s: s['kind'] == 'memory' and s['id'] > 0 and s['rate'] >= 0 and
		1 << 19 <= s['used'] <= s['size'] == 1 << 20)(
		[e for e in d if e['event'] == 'store-$what'][-1]['store'])"
done
must umount /m/a
must umount /m/b
[ $failed = 0 ] || exit 1
finish
