#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The command from end to end: what it says, in words and in JSON, its exit codes,
# its events, and that a set lives as long as was asked, however the command ends.
#
# once
# vm: --smp 2 --mem 1G --disk 64M --disk 64M --timeout 300
. "$(dirname "$0")/../lib.sh"

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
# the longer naps are for a machine that is slow
for nap in .05 .1 .15 .2 .3 .4 .6 .8 1.2 1.8 2.7 4; do
	case $won,$nap in
	[1-9]*,[1-9]*)	break ;;
	esac
	snapset create /m/a /m/b > /tmp/fg 2>&1 &
	pid=$!
	sleep $nap
	kill -INT $pid 2> /dev/null
	wait $pid
	have=$?
	case $have in
	130)	won=$((won + 1))
		[ -z "$(snapset list --all)" ] || bad 'a cancelled create left something' ;;
	0)	snapset delete --all ;;
	*)	bad "create with SIGINT after $nap s: exit $have: $(cat /tmp/fg)" ;;
	esac
done
note "cancelled $won"
[ $won -gt 0 ] || bad 'no cancel ever won'

# whichever comes second is told so; the first one takes long
faults=/sys/kernel/debug/snapset/faults
echo 'prepare 1 1 4000 0' > $faults
# shellcheck disable=SC2016
gives 9 bash -c 'snapset create /m/a & snapset create /m/b; a=$?; wait $!; exit $((a + $?))'
says 'another set is in the making'
gives 0 snapset delete --all
# shellcheck disable=SC2016
gives 0 bash -c 'snapset create --wait 60 /m/a & snapset create --wait forever /m/b; a=$?
	wait $!; exit $((a + $?))'
gives 0 snapset delete --all
echo off > $faults
echo 'prepare 1 1 4000 0' > $faults
# shellcheck disable=SC2016
gives 0 bash -c 'snapset create --retry-delay 1 /m/a & snapset create --retry-delay 1 /m/b; a=$?
	wait $!; exit $((a + $?))'
says 'making \(SNAP_E_SNAPSHOT_SET_IN_PROGRESS\); trying again in 1 s$'
echo off > $faults
gives 0 snapset delete --all
gives 2 snapset create --hold-timeout 10001 /m/a
gives 2 snapset create --budget 1k /m/a

# what each takes of a store, who shares it, and what is done when it is full
of_set() { sed -n 's/^set    //p' $out; }
dd if=/dev/zero of=/m/a/big bs=1M count=4 conv=fsync status=none
overwrite() { # KIB AT: in place, past the cache
	dd if=/dev/urandom of=/m/a/big bs=4k count=$(($1 / 4)) seek=$(($2 / 4)) conv=notrunc \
		oflag=direct status=none
}
gives 0 snapset create --store memory:2M --quota 1536K /m/a
grep -q '^full' $out && bad 'words about what is usual'
first=$(of_set)
overwrite 1024 0
gives 0 snapset create --store "shared:${first:0:8}" --full oldest /m/a
says "^       shared with ${first:0:8}$"
says '^full   the oldest snapshots go, writers wait up to 5000 ms; waits: 0, snapshots gone: 0$'
second=$(of_set)
gives 0 snapset list
says '^SNAPSHOT .*  SIZE +KEPT  ALLOCATED +MAXIMUM  STATE'
says '^[0-9a-f-]{36}  '"${first:0:8}"' .* 64.0 MiB +1\.[0-9] MiB +1\.[0-9] MiB +1\.5 MiB  live'
says '^[0-9a-f-]{36}  '"${second:0:8}"' .* -  live'
says '^DEVICE +SNAPSHOTS +KEPT +ALLOCATED$'
says "^$(readlink -f "$SCRATCH0") +2 +1\\.[0-9] MiB +1\\.[0-9] MiB$"
gives 0 snapset list --exclusive
says '  MAXIMUM  EXCLUSIVE  STATE '
says "^[0-9a-f-]{36}  ${first:0:8} .* 1\\.5 MiB +1\\.[0-9] MiB  live"
gives 0 snapset list --exclusive --json
python3 - $out "$first" "$second" << 'END' || bad 'list --exclusive --json'
import json, sys
d = json.load(open(sys.argv[1]))
a, b = d["sets"]
assert [a["id"], b["id"]] == sys.argv[2:]
assert a["store"]["id"] == b["store"]["id"] > 0
assert a["store"]["shared_with"] == [b["id"]] and b["store"]["shared_with"] == [a["id"]]
assert 1 << 20 <= a["store"]["used"] <= a["store"]["size"] == 2 << 20
assert a["full"]["policy"] == "set" and "wait_ms" not in a["full"]
assert b["full"] == {"policy": "oldest", "wait_ms": 5000, "waits": 0, "dropped": 0}
s, t = a["snapshots"][0], b["snapshots"][0]
assert s["quota"] == 1536 << 10 and "quota" not in t
assert 1 << 20 <= s["exclusive"] <= s["allocated"] and "exclusive" in t
one, = d["devices"]
assert one["snapshots"] == 2 and one["allocated"] == s["allocated"] + t["allocated"]
assert one["origin_dev"] == s["origin_dev"] and one["origin"] == s["origin"]
END
gives 0 snapset list --json
grep -q exclusive $out && bad 'list --json counts what nobody asked for'
gives 0 snapset show "$first"
says '^    1\.[0-9] MiB kept, 1\.[0-9] MiB allocated, 1\.[0-9] MiB exclusive, 1\.5 MiB at most$'
overwrite 1536 1024
gives 0 snapset show --json "$second"
python3 - $out << 'END' || bad 'the oldest did not go'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["full"]["dropped"] == 1 and d["full"]["waits"] >= 1 and "shared_with" not in d["store"]
assert d["snapshots"][0]["state"] == "live"
END
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
python3 - $out << 'END' || bad 'create --full wait:100 --json'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["full"]["policy"] == "wait" and d["full"]["wait_ms"] == 100
END
overwrite 2048 0
gives 0 snapset list
says ' dead '
gives 0 snapset delete --all

sleep 0.2
kill $watch $json 2> /dev/null
grep -q "set $set created" /tmp/events || bad "watch: $(cat /tmp/events)"
grep -q "snapshot $snap deleted" /tmp/events || bad "watch: $(cat /tmp/events)"
for what in low full; do
	grep -qE "^[0-9]+ set [0-9a-f-]{36} store $what: .+, store [0-9]+ \(memory\): .* of 1.0 MiB used, .+/s$" \
		/tmp/events || bad "watch: no store $what: $(cat /tmp/events)"
done
python3 - << 'END' || bad 'watch --json'
import json
events = [json.loads(line) for line in open("/tmp/events.json")]
seqs = [e["seq"] for e in events]
assert seqs and seqs == list(range(seqs[0], seqs[0] + len(seqs)))
for what in "store-low", "store-full":
    store = [e for e in events if e["event"] == what][-1]["store"]
    assert store["kind"] == "memory" and store["id"] > 0 and store["rate"] >= 0
    assert 1 << 19 <= store["used"] <= store["size"] == 1 << 20
assert not any("store" in e for e in events if e["event"] == "set-state")
END
umount /m/a /m/b
[ $failed = 0 ] || exit 1
finish
