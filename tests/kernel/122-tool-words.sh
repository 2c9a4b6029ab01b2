#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The command from end to end: what it says, in words and in JSON, its exit codes,
# its events, and that a set lives as long as was asked, however the command ends.
#
# once
# vm: --smp 2 --mem 1G --disk 64M --disk 64M --timeout 300
. "$(dirname "$0")/lib.sh"

failed=0
out=out

bad() {
	echo "FAIL: $*"
	cat $out
	failed=1
}

# gives CODE COMMAND...: its exit code; what it says is in $out
gives() {
	code=$1
	shift
	"$@" > $out 2>&1
	have=$?
	[ $have -eq "$code" ] || bad "$*: exit $have, not $code"
}

says() { grep -qE -- "$1" $out || bad "does not say \"$1\""; }

load
mkfs.ext4 -q "$SCRATCH0"
mkfs.ext4 -q "$SCRATCH1"
mkdir -p /m/a /m/b /m/i
mount "$SCRATCH0" /m/a
mount "$SCRATCH1" /m/b
snapset watch > /tmp/events &
watch=$!
snapset watch --json > /tmp/events.json &
json=$!

gives 0 snapset --version
says 'kernel module '
echo old > /m/a/f
gives 0 snapset create /m/a /m/b
says '^set    [0-9a-f-]{36}$'
says '^  /m/a -> /dev/snapset0  64.0 MiB'
says '^  /m/b -> /dev/snapset1  64.0 MiB'
says '^times  prepare [0-9]+ us, freeze [0-9]+ us, hold [0-9]+ us'
set=$(sed -n 's/^set    //p' $out)
snap=$(sed -n 's/.*snapset0 .* \([0-9a-f-]\{36\}\)$/\1/p' $out)
echo new > /m/a/f
sync
mount -o ro,noload /dev/snapset0 /m/i
[ "$(cat /m/i/f)" = old ] || bad "the image has $(cat /m/i/f)"
gives 0 snapset list
says "^$snap  ${set:0:8}  /dev/snapset0 .* live .* /m/a$"
gives 0 snapset list /m/b
says '/m/b$'
grep -q '/m/a$' $out && bad 'list /m/b lists /m/a'
gives 0 snapset list --json
python3 - $out "$set" "$snap" << 'END' || bad "list --json"
import json, sys
sets = json.load(open(sys.argv[1]))["sets"]
assert [s["id"] for s in sets] == [sys.argv[2]]
s = sets[0]
assert s["state"] == "created" and s["members"] == 2 and not s["auto_release"]
assert 0 < s["times"]["hold_ns"] < s["times"]["frozen_ns"] < s["times"]["total_ns"]
snap = [x for x in s["snapshots"] if x["id"] == sys.argv[3]][0]
assert snap["volume"] == "/m/a" and snap["device"] == "/dev/snapset0"
assert snap["size"] == 64 << 20 and snap["state"] == "live" and snap["openers"] == 1
assert snap["created_ns"] == s["created_ns"]
END
gives 0 snapset show "${snap:0:8}"
says "^snapshot   $snap"
gives 0 snapset show --json /dev/snapset1
says '"volume": ?"/m/b"'
gives 0 snapset show "$set"
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
[ -s $out ] && bad 'something is left'

# with a command
# shellcheck disable=SC2016
gives 7 snapset create /m/b /m/a --exec sh -c '
	echo "$SNAP_VOLUMES|$SNAP_DEVICES|$SNAP_IDS|$SNAP_SET_ID" > /tmp/env; exit 7'
grep -qE '^/m/b /m/a\|/dev/snapset[01] /dev/snapset[01]\|[0-9a-f-]{36} [0-9a-f-]{36}\|[0-9a-f-]{36}$' \
	/tmp/env || bad "environment: $(cat /tmp/env)"
gives 127 snapset create /m/a --exec no-such-command
# shellcheck disable=SC2016
gives 137 snapset create /m/a --exec sh -c 'kill -9 $$'
gives 0 snapset list
[ -s $out ] && bad 'a command left something'
gives 0 snapset create --keep /m/a --exec true
gives 0 snapset list
says '/m/a'
gives 0 snapset delete --all --json
says '"deleted": ?1'

# in the foreground, until told to go
snapset create --auto-release /m/a > /tmp/fg 2>&1 &
pid=$!
for _ in $(seq 100); do
	grep -q times /tmp/fg && break
	sleep 0.1
done
gives 0 snapset list
says '/m/a'
kill -TERM $pid
wait $pid || bad "auto-release: exit $?"
gives 0 snapset list
[ -s $out ] && bad '--auto-release left something'

# two at once; killed; cancelled
snapset create --auto-release /m/a > /tmp/fg 2>&1 &
pid=$!
for _ in $(seq 100); do
	grep -q times /tmp/fg && break
	sleep 0.1
done
kill -KILL $pid
wait $pid 2> /dev/null
for _ in $(seq 50); do
	[ -z "$(snapset list)" ] && break
	sleep 0.1
done
gives 0 snapset list
[ -s $out ] && bad 'a killed command left something'
won=0
for ms in 05 10 15 20 30 40 60 80; do
	snapset create /m/a /m/b > /tmp/fg 2>&1 &
	pid=$!
	sleep 0.$ms
	kill -INT $pid 2> /dev/null
	wait $pid
	have=$?
	case $have in
	130)	won=$((won + 1))
		[ -z "$(snapset list --all)" ] || bad 'a cancelled create left something' ;;
	0)	snapset delete --all ;;
	*)	bad "create with SIGINT after 0.$ms s: exit $have: $(cat /tmp/fg)" ;;
	esac
done
note "cancelled $won of 8"
[ $won -gt 0 ] || bad 'no cancel ever won'

# whichever comes second is told so
# shellcheck disable=SC2016
gives 9 bash -c 'snapset create /m/a & snapset create /m/b; a=$?; wait $!; exit $((a + $?))'
says 'another set is in the making'
gives 0 snapset delete --all
# shellcheck disable=SC2016
gives 0 bash -c 'snapset create --wait 60 /m/a & snapset create --wait forever /m/b; a=$?
	wait $!; exit $((a + $?))'
gives 0 snapset delete --all
# shellcheck disable=SC2016
gives 0 bash -c 'snapset create --retry-delay 1 /m/a & snapset create --retry-delay 1 /m/b; a=$?
	wait $!; exit $((a + $?))'
says 'making \(SNAP_E_SNAPSHOT_SET_IN_PROGRESS\); trying again in 1 s$'
gives 0 snapset delete --all
gives 2 snapset create --hold-timeout 10001 /m/a
gives 2 snapset create --budget 1k /m/a

sleep 0.2
kill $watch $json 2> /dev/null
grep -q "set $set created" /tmp/events || bad "watch: $(cat /tmp/events)"
grep -q "snapshot $snap deleted" /tmp/events || bad "watch: $(cat /tmp/events)"
python3 - << 'END' || bad 'watch --json'
import json
seqs = [json.loads(line)["seq"] for line in open("/tmp/events.json")]
assert seqs and seqs == list(range(seqs[0], seqs[0] + len(seqs)))
END
umount /m/a /m/b
[ $failed = 0 ] || exit 1
finish
