#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the tool says when something fails: a sentence for people, and with --json an object
# for programs; what cannot be printed is an error that undoes the set; names of any bytes are
# no commands to a terminal and always valid JSON; a volume is found when it is none any more.
#
# about: tool
# kernels: 6.1 7
# vm: --smp 1 --mem 1G --disk 32M --disk 16M
. "$(dirname "$0")/../lib.sh"

need snapset python3
load
B=$(readlink -f "$SCRATCH1")

# fails EXIT NAME ARGUMENT...: both ways of saying it
fails() {
	local want=$1 name=$2 status=0

	shift 2
	snapset "$@" >out 2>err || status=$?
	[ "$status" = "$want" ] || fail "$*: exit $status, not $want: $(cat err)"
	grep -q '^snapset: ' err || fail "$*: no sentence: $(cat err)"
	python3 - "$name" <<-'P' || fail "$*: $(cat out)"
		import json, sys
		e = json.load(open("out"))["error"]
		sys.exit(e["name"] != sys.argv[1] or not e["text"] or not e["code"].startswith("0x8"))
	P
}
none() { [ -z "$(snapraw list)" ] || fail "$1: a set is left: $(snapraw list)"; }

fails 3 SNAP_E_OBJECT_NOT_FOUND create --json --store memory /nowhere
fails 2 SNAP_E_INVALIDARG create --json
fails 2 SNAP_E_INVALIDARG create --json --quota x "$B"
fails 2 SNAP_E_INVALIDARG create --store memory --json "$TMP"
fails 3 SNAP_E_OBJECT_NOT_FOUND show --json 12345678
fails 2 SNAP_E_INVALIDARG show --json 1
fails 3 SNAP_E_OBJECT_NOT_FOUND delete --json 12345678
[ "$(json out 'd["deleted"]')" = 0 ] || fail "delete: $(cat out)"
fails 3 SNAP_E_OBJECT_NOT_FOUND list --json /nowhere
none "nothing was made"
# of a set that failed on its way, too: where and at what
if [ -e /sys/kernel/debug/snapset/faults ]; then
	echo "prepare 1 1 0 5" >/sys/kernel/debug/snapset/faults
	on_exit sh -c 'echo off >/sys/kernel/debug/snapset/faults'
	fails 13 SNAP_E_UNEXPECTED create --json --store memory "$B"
	echo off >/sys/kernel/debug/snapset/faults
	[ "$(json out 'd["error"]["phase"], d["error"]["member"], d["error"]["errno"]')" = "('prepare', '$B', 5)" ] ||
		fail "of a set: $(cat out)"
fi

# no place for what is printed
for what in "create --store memory $B" "create --store memory --json $B" list "list --json" --help; do
	status=0
	# shellcheck disable=SC2086 # words
	snapset $what >/dev/full 2>err || status=$?
	[ $status != 0 ] || [ "$what" = list ] || fail "$what to a full device: exit 0"
	[ $status = 0 ] || grep -q 'is lost' err || fail "$what to a full device: $(cat err)"
	none "$what to a full device"
done
! snapset create --store memory "$B" >&- 2>err || fail "create without an output"
grep -q 'is lost' err || fail "create without an output: $(cat err)"
none "create without an output"
mkfifo pipe
(exec 5<pipe) &
reader=$!
exec 6>pipe
wait $reader
status=0
snapset create --store memory "$B" >&6 2>err || status=$?
exec 6>&-
[ $status != 0 ] || fail "create to a pipe that nothing reads"
none "create to a pipe that nothing reads"
# and a command does not inherit that
snapset create --store memory "$B" --exec sh -c 'kill -PIPE $$' 2>err
[ $? = $((128 + 13)) ] || fail "a command ignores SIGPIPE: $(cat err)"

# a mount point with what terminals obey, and with what is no character
must mkfs.ext4 -qF "$SCRATCH0"
name=$TMP/$'x\e[31m\xff\ny'
mkdir "$name"
must mount "$SCRATCH0" "$name"
on_exit umount "$name"
must snapset create --store memory --json "$name" >created
python3 - <<'P' || fail "$(cat created)"
import json, sys
d = json.loads(open("created", "rb").read().decode("utf-8"))
sys.exit(not d["snapshots"][0]["volume"].endswith("x\x1b[31m\ufffd\ny"))
P
id=$(json created 'd["snapshots"][0]["id"]')
for what in list "show $id"; do
	# shellcheck disable=SC2086 # words
	must snapset $what >out
	! grep -q $'\e' out || fail "$what lets names command the terminal"
	grep -q 'x\\033\[31m\\377\\012y' out || fail "$what: $(cat out)"
done
must_not snapset create --store memory "$TMP/"$'\e[31m'
! grep -q $'\e' must_not || fail "an error lets names command the terminal"

# no volume any more, and still known by its name
must umount "$name"
must snapset list -o id "$name" >out
grep -q "$id" out || fail "list of what is not mounted any more: $(cat out)"
must snapset delete --all >/dev/null
must_not snapset list "$name"
finish
