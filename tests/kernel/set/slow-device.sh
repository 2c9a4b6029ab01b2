#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A device that does not open, as a member or as a store, or that is asked much: nobody else
# waits for it.  A family of generic netlink can be registered, commands are answered, the
# one that asked can be killed, and the same disk gets its snapshot from another one.  When
# the device opens at last, nothing comes of it and nothing is left.
#
# about: interface
# vm: --smp 1 --mem 1G --disk 32M --disk 32M --disk 64M
. "$(dirname "$0")/../lib.sh"

load
may_hang
netlink_family
[ -n "$family" ] || note "this kernel has no module with a netlink family: that one can be registered is not looked at"
fill "$SCRATCH0" a
take "$SCRATCH0"
first=$SET

# others PID: while what PID asked for is not there
others() {
	if [ -n "$family" ]; then
		modprobe "$family" &
		module=$!
		wait_for 60 gone $module || fail "$what: no family can be registered: $(cat "/proc/$module/stack")"
		must wait $module
		# udev looks at its disks, if it has some
		wait_for 60 modprobe -r "$family" || fail "$what: $family stays"
	fi
	must snapraw list >sets.out
	grep -q "^$first state 5 " sets.out || fail "$what: $(cat sets.out)"
	must kill -0 "$1"
	must kill -KILL "$1"
	wait_for 60 gone "$1" || fail "$what: it cannot be killed: $(cat "/proc/$1/stack")"
	# what it had begun is over: there is room for another
	must wait_for 60 snapraw take --keep "$SCRATCH0" "$SCRATCH1"
	other=$(snapraw list | awk -v first="$first" '$1 != first && $3 == 5 { print $1 }')
	must snapraw delete "$other"
	fault go
	fault off
}

for what in open_origin open_store request; do
	fault "$what 1 1 600000 0"
	case $what in
	open_origin) snapraw take "$SCRATCH1" >out 2>&1 & ;;
	open_store) snapraw take --store "$SCRATCH2" "$SCRATCH1" >out 2>&1 & ;;
	request) snapraw space "${SNAP[0]}" >out 2>&1 & ;;
	esac
	asker=$!
	wait_for 60 fault_hit $what || fail "$what: it is not asked for: $(cat out)"
	others $asker
done

# who is refused behind it still has the file that was to be its store
mounted ext4 "$SCRATCH2" m
store_file m/s 4
fault 'open_store 1 1 600000 0'
snapraw take --store-file m/s "$SCRATCH1" >out 2>&1 &
asker=$!
wait_for 60 fault_hit open_store || fail "the store is not opened: $(cat out)"
snapraw take --touch added --until never "$SCRATCH0" >other.out 2>&1 &
other=$!
wait_for 60 test -e added || fail "no set beside it: $(cat other.out)"
fault go
wait $asker && fail "two sets are in the making: $(cat out)"
grep -q 'another set is in the making' out || fail "not refused for that: $(cat out)"
[ -e m/s ] || fail "its file has been removed"
fault off
must kill -KILL $other
wait_for 60 gone $other || fail "it does not go"
must wait_for 60 snapraw take --store-file m/s "$SCRATCH1"
wait_for 60 test ! -e m/s || fail "the file of a set that has gone is still there"
must umount m

must blk verify "${IMAGE[0]}" a
finish
