#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Transactions: programs are frozen before the instant and thawed after it, or aborted,
# exactly once, whatever happens to the set, to them and to who asked. A writer that
# they hold shows that they were at rest at the instant.
#
# about: tool
# vm: --mem 1G --disk 64M --disk 64M
# The bodies of programs are in single quotes, ids are words.
# shellcheck disable=SC2016,SC2046
. "$(dirname "$0")/../lib.sh"

need snapset
# What programs are given before they are late: nothing that a busy machine needs. It is
# waited for three times.
PATIENCE=8000
load
mounted ext4 "$SCRATCH0" "$TMP/e"
# a set that is left holds the file system with its store
on_exit snapset delete --all --force
mount -t tmpfs tmpfs /mnt
on_exit umount /mnt
DIR=/etc/snapset-test
mkdir -p $DIR
on_exit rm -rf $DIR

# program NAME BODY: writes what it is told to /mnt/log, then does the rest
program() {
	printf '#!/bin/sh\nverb=$1\necho "%s $1" >>/mnt/log\n%s\n' "$1" "$2" >"$DIR/$1"
	chmod 755 "$DIR/$1"
}

saw() { tr '\n' ' ' </mnt/log; }

# saw_only WORDS...: these, one after the other, and nothing else
saw_only() { [ "$(saw)" = "$(printf '%s ' "$@")" ] || fail "programs were told $(saw), not $*"; }

# begin BODY OF 20-b: two programs, and no log yet
begin() {
	: >/mnt/log
	program 10-a 'exit 0'
	program 20-b "$1"
}

# fails CODE COMMAND...: it says so in a sentence
fails() {
	local want=$1

	shift
	must_not "$@"
	grep -q "^snapset: .*($want " must_not || fail "$*: $(cat must_not)"
}

create() { snapset create --transactions $DIR "$@" "$TMP/e"; }

no_helper() { ! pgrep snapset-trans >/dev/null; }

no_sets() { [ -z "$(snapset list --all)" ]; }

# what was written between freeze and thaw: nothing, as the image shows
begin '
case $verb in
freeze) touch /mnt/rest; while [ ! -e /mnt/resting ]; do sleep 0.05; done ;;
*) rm -f /mnt/rest /mnt/resting ;;
esac'
(
	i=0
	until [ -e /mnt/stop ]; do
		if [ -e /mnt/rest ]; then
			echo at-rest >"$TMP/e/state"
			touch /mnt/resting
			while [ -e /mnt/rest ]; do sleep 0.05; done
		fi
		echo $((i += 1)) >"$TMP/e/state"
	done
) &
writer=$!
must create >out
saw_only '10-a freeze' '20-b freeze' '20-b thaw' '10-a thaw'
touch /mnt/stop
wait $writer
image=$(sed -n 's/.* -> \(.dev.snapset[0-9]*\) .*/\1/p' out)
mkdir image
must mount -o ro,noload "$image" image
[ "$(cat image/state)" = at-rest ] || fail "the image has $(cat image/state)"
must umount image
must snapset delete --all >/dev/null

# a freeze that fails, and one that takes too long
begin 'echo the log is full; [ $verb != freeze ]'
fails SNAP_E_UNEXPECTED_WRITER_ERROR create
grep -q '20-b freeze ended with status 1: the log is full' must_not || fail "$(cat must_not)"
saw_only '10-a freeze' '20-b freeze' '20-b abort' '10-a abort'
no_sets || fail "a freeze failed and left a set"
begin 'if [ $verb = freeze ]; then sleep 7777 & sleep 7777; fi'
fails SNAP_E_TRANSACTION_FREEZE_TIMEOUT create --transaction-timeout $PATIENCE
saw_only '10-a freeze' '20-b freeze' '20-b abort' '10-a abort'
no_sets || fail "a late freeze left a set"
pgrep -f 'sleep 7777' && fail "a late freeze is still running"

# a thaw that takes too long: the set goes. It is the last one, for those after it have half
# a second, which is too little on a busy machine; test-helper in tests/lib has a clock for
# that.
begin 'exit 0'
program 10-a '[ $verb = freeze ] || sleep 7777'
fails SNAP_E_TRANSACTION_THAW_TIMEOUT create --transaction-timeout $PATIENCE
saw_only '10-a freeze' '20-b freeze' '20-b thaw' '10-a thaw'
no_sets || fail "a late thaw left the set"
begin '[ $verb = freeze ]'
fails SNAP_E_UNEXPECTED_WRITER_ERROR create
no_sets || fail "a failed thaw left the set"

# who asks is killed while a program freezes, and when all have frozen: the kernel may
# have made the set by then, and that one stays
for body in 'if [ $verb = freeze ]; then touch /mnt/frozen; sleep 7777; fi' \
	'[ $verb != freeze ] || touch /mnt/frozen'; do
	begin "$body"
	rm -f /mnt/frozen
	snapset create --transactions $DIR "$TMP/e" >/dev/null 2>&1 &
	pid=$!
	wait_for 60 test -e /mnt/frozen || fail "nothing froze"
	kill -KILL $pid
	wait $pid 2>/dev/null
	wait_for 60 no_helper || fail "killed: programs were told $(saw)"
	case $(saw) in
	'10-a freeze 20-b freeze 20-b abort 10-a abort ') ;;
	'10-a freeze 20-b freeze 20-b thaw 10-a thaw ') ;;
	*) fail "killed: programs were told $(saw)" ;;
	esac
	pgrep -f 'sleep 7777' && fail "a freeze survives who asked for it"
	wait_for 60 no_strays $(snapset list --json | sed -n 's/^ *"id": *"\([0-9a-f-]*\)".*/\1/p') ||
		fail "a killed create left something unfinished"
	snapset delete --all >/dev/null
done

# cancelled while it is freezing
begin 'if [ $verb = freeze ]; then touch /mnt/frozen; sleep 7777; fi'
rm -f /mnt/frozen
snapset create --transactions $DIR "$TMP/e" >/dev/null 2>&1 &
pid=$!
wait_for 60 test -e /mnt/frozen || fail "nothing froze"
kill -INT $pid
wait $pid
[ $? = 130 ] || fail "a cancelled create does not say so"
saw_only '10-a freeze' '20-b freeze' '20-b abort' '10-a abort'
no_sets || fail "a cancelled create left a set"

# the kernel cannot hold the writes: one is on its way until it is let go
hanging slow "$SCRATCH1"
begin 'echo $SNAP_CODE >/mnt/code'
hang slow
dd if=/dev/zero of=/dev/mapper/slow bs=4k count=1 oflag=direct 2>/dev/null &
dd=$!
wait_for 60 waits_for_io $dd || fail "the write is not on its way"
fails SNAP_E_HOLD_WRITES_TIMEOUT create --store memory --hold-timeout 500 /dev/mapper/slow
saw_only '10-a freeze' '20-b freeze' '20-b abort' '10-a abort'
[ "$(cat /mnt/code)" = 0x80042314 ] || fail "programs were told $(cat /mnt/code)"
let_go slow
wait $dd

# the window is over while the kernel is at it: what it cannot sync it is at until then
begin '[ $verb = abort ] || exit 0; echo $SNAP_CODE >/mnt/code'
mounted ext4 /dev/mapper/slow "$TMP/f"
on_exit dmsetup resume slow-below
echo dirty >"$TMP/f/file"
hang slow
fails SNAP_E_TRANSACTION_FREEZE_TIMEOUT create --store memory --window $PATIENCE "$TMP/f"
saw_only '10-a freeze' '20-b freeze' '20-b abort' '10-a abort'
let_go slow
no_sets || fail "the window's end left a set"
must umount "$TMP/f"

# somebody else could change what is run
chmod 775 $DIR/20-b
: >/mnt/log
fails SNAP_E_UNEXPECTED create
[ ! -s /mnt/log ] || fail "it was run all the same"

must umount "$TMP/e"
must fsck.ext4 -fn "$SCRATCH0" >/dev/null 2>&1
no_helper || fail "a helper is left"
finish
