#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# "snapset monitor" makes stores larger in time: a volume four times as large as its store
# is overwritten at random and no snapshot is lost. Neither a file system that is frozen
# nor a storage that has its maximum keeps it from the others. It waits for the module, says
# what it does, needs no more rights than its unit gives it, and ends when it is told to.
#
# about: tool
# vm: --mem 1G --disk 32M --disk 32M --disk 300M --disk 300M
. "$(dirname "$0")/../lib.sh"
# shellcheck source=/dev/null
. "$TESTS/tool/json.bash"

need snapset fsfreeze setpriv
export SNAPSET_CONF_DIR=$TMP/etc

# with what the service is allowed to
unit=/usr/lib/systemd/system/snapset-monitor.service
caps=$(sed -n 's/^CapabilityBoundingSet=//p' $unit | tr '[:upper:]' '[:lower:]' | sed 's/cap_/+/g; s/ /,/g')
[ -n "$caps" ] || fail "there is no $unit"
monitor() {
	exec setpriv --no-new-privs --inh-caps=-all --bounding-set="-all,$caps" snapset monitor
}

says() { grep -q "$1" monitor.log; }

# it says to systemd, or whoever is there instead, when it is ready
cat >listen.py <<'EOS'
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("notify")
while True:
    print(s.recv(4096).decode(), flush=True)
EOS
python3 listen.py >notified &
on_exit kill $!
wait_for 60 test -S notify || fail "nobody listens"
NOTIFY_SOCKET=$TMP/notify monitor 2>monitor.log &
pid=$!
on_exit kill -9 $pid
wait_for 60 says 'waiting for the kernel module: .*modprobe' || fail "it does not wait: $(cat monitor.log)"
wait_for 60 grep -q READY=1 notified || fail "it is not ready"

# nothing wakes it while there is nothing to be done
sleeps() {
	local before

	before=$(grep ctxt_switches "/proc/$pid/status")
	pause 5
	[ "$(grep ctxt_switches "/proc/$pid/status")" = "$before" ]
}
wait_for 60 sleeps || fail "it wakes up while there is no module"
load
wait_for 60 grep -q 'STATUS=Looking' notified || fail "it does not see the module"

mounted ext4 "$SCRATCH2" "$TMP/m"
mounted ext4 "$SCRATCH3" "$TMP/n"
# a set that is left holds the file system with its store
on_exit snapset delete --all --force
mkdir m/stores n/stores
must snapset storage add --minimum 8M --maximum 20M "$SCRATCH0" "$TMP/m/stores"
must snapset storage add --minimum 8M --maximum 50M "$SCRATCH1" "$TMP/n/stores"
fill "$SCRATCH0" a
fill "$SCRATCH1" b
# On a machine that has much else to do writers may be faster, and wait for the monitor then.
must snapset create --json --full wait:60000 "$SCRATCH0" >a.json
must snapset create --json --full wait:60000 "$SCRATCH1" >b.json
a_set=$(json a.json 'd["id"]') a_image=$(json a.json 'd["snapshots"][0]["device"]')
b_set=$(json b.json 'd["id"]') b_image=$(json b.json 'd["snapshots"][0]["device"]')

store() { # SET KEY
	snapset show --json "$1" >shown && json shown "d['store']['$2']"
}

lives() {
	must snapset show --json "$1" >shown
	[ "$(json shown 'd["snapshots"][0]["state"]')" = live ] ||
		fail "it is lost: $(cat shown monitor.log)"
}

grown() { [ "$(store "$1" size)" -gt "$2" ]; }

wait_for 60 sleeps || fail "it wakes up for stores that nobody writes to"

# writers that are no faster than a disk of long ago, however fast the machine is
echo +io >/sys/fs/cgroup/cgroup.subtree_control || fail "there is no io controller"
must mkdir /sys/fs/cgroup/slow
on_exit rmdir /sys/fs/cgroup/slow
for disk in "$SCRATCH0" "$SCRATCH1"; do
	disk=$(basename "$(readlink -f "$disk")")
	echo "$(cat "/sys/block/$disk/dev") wbps=3145728" >/sys/fs/cgroup/slow/io.max ||
		fail "there is no io.max"
done

# overwrite DISK MODEL [OPTION OF BLK CHURN...]
overwrite() {
	must sh -c 'echo $$ >/sys/fs/cgroup/slow/cgroup.procs; exec "$@"' sh \
		blk churn "$1" "$2" --engine aio --cover --min 4096 --max 4096 --depth 16 "${@:3}" >churn.out
}

# a is stuck: its store's file system is frozen. All of b is overwritten.
# Whoever makes a file there sleeps for as long, which is no task that hangs.
may_hang
must fsfreeze -f m
on_exit fsfreeze -u m
size=$(store "$a_set" size)
overwrite "$SCRATCH0" a --len 7M
stuck() {
	local child state

	for child in $(pgrep -P $pid); do
		read -r _ _ state _ <"/proc/$child/stat" && [ "$state" = D ] && return
	done
	return 1
}
wait_for 60 stuck || fail "nobody waits for m: $(cat monitor.log)"
overwrite "$SCRATCH1" b
lives "$b_set"
[ "$(store "$b_set" used)" -ge $((32 << 20)) ] || fail "that is not all of b: $(cat shown)"
[ "$(store "$a_set" size)" = "$size" ] || fail "a has grown: m was not frozen"
note "writers of b waited $(json shown 'd["full"]["waits"]') times"
must blk verify "$b_image" b.then
must blk verify "$SCRATCH1" b
lives "$a_set"

# one that waits for a frozen file system does not keep the service from ending
must kill -TERM $pid
wait_for 120 gone $pid || fail "it does not end: $(cat monitor.log)"
wait $pid || fail "it ended with $?: $(cat monitor.log)"
says '1 store is still being made larger' || fail "nobody waited for m: $(cat monitor.log)"
grep -q STOPPING=1 notified || fail "it did not say that it ends"
must fsfreeze -u m
wait_for 60 grown "$a_set" "$size" || fail "what was begun was not done: $(cat monitor.log)"

# the next one goes on, up to the maximum
monitor 2>>monitor.log &
pid=$!
on_exit kill -9 $pid
overwrite "$SCRATCH0" a --len 18M
wait_for 60 says "the storage of .* has its maximum, 20971520 bytes" || fail "not said: $(cat monitor.log)"
lives "$a_set"
[ "$(store "$a_set" size)" -le $((20 << 20)) ] || fail "more than the maximum: $(cat shown)"
must blk verify "$a_image" a.then
[ "$(grep -c 'has its maximum' monitor.log)" = 1 ] || fail "said again and again: $(cat monitor.log)"

# a store whose size its maker has said is none of its business: one that it grows later,
# it has looked at later
must snapset delete --set "$a_set"
must snapset create --json "$SCRATCH0" >a.json
a_set=$(json a.json 'd["id"]')
must snapset create --json --store "$TMP/n:4M" "$SCRATCH1" >b.json
set=$(json b.json 'd["id"]')
size=$(store "$set" size)
overwrite "$SCRATCH1" b --len 3600K
a_size=$(store "$a_set" size)
overwrite "$SCRATCH0" a --len 7M
wait_for 60 grown "$a_set" "$a_size" || fail "a does not grow: $(cat shown monitor.log)"
[ "$(store "$set" size)" = "$size" ] || fail "it has grown: $(cat shown)"

# it hears when the module goes, and when it is there again
must snapset delete --all
wait_for 60 sleeps || fail "it wakes up without a store"
waits() { [ "$(grep -c 'waiting for the kernel module: modprobe' monitor.log)" = "$1" ]; }
waits 1 || fail "the module has not gone, but: $(cat monitor.log)"
must rmmod snapset
wait_for 60 waits 2 || fail "it does not hear that the module has gone: $(cat monitor.log)"
load
must snapset create --json --full wait:60000 "$SCRATCH1" >b.json
b_set=$(json b.json 'd["id"]')
size=$(store "$b_set" size)
overwrite "$SCRATCH1" b --len 7M
wait_for 60 grown "$b_set" "$size" || fail "it does not know that the module is there: $(cat monitor.log)"

must kill -INT $pid
wait $pid || fail "it ended with $?"
note "$(cat monitor.log)"
must snapset delete --all
[ "$(find "$TMP" -name '.snapset-*' | wc -l)" = 0 ] || fail "a file is left"
finish
