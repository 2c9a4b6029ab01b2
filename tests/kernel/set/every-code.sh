#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Each code that making a set may give: made to happen, by the library, with the call
# that delivers it, and a sentence; what it undoes is undone. Documentation/failure.rst
# has the table, which scripts/failure-table makes of the lines "row".
#
# about: engine
# vm: --smp 1 --mem 1G --disk 32M --disk 64M --disk 96M
. "$(dirname "$0")/../lib.sh"

load
mounted ext4 "$SCRATCH1" "$TMP/e"
A=$SCRATCH0 E=$TMP/e
# 65 small ones for by_65: as many disks take much longer to come and go
{ printf 'label: gpt\nsize=8M\n' && printf 'size=64K\n%.0s' {1..65}; } | sfdisk -q "$SCRATCH2" || fail sfdisk
udevadm settle
DISK=$(readlink -f "$SCRATCH2")

make() { libsnap-make "$@" >out 2>err; }
with_fault() { # 'NAME FIRST COUNT DELAY ERRNO' COMMAND...
	local status=0

	fault "$1"
	shift
	"$@" || status=$?
	fault off
	return $status
}

# What makes it happen. No argument of a row has a quotation mark.
by_made() { make "$A" "$E"; }
by_cancel() { with_fault 'commit 1 1 3000 0' make --cancel "$A" "$E"; }
by_no_right() { setpriv --bounding-set -sys_admin --inh-caps -sys_admin libsnap-make "$A" >out; }
by_no_module() {
	wait_for 60 no_objects
	# the question itself would load it
	mkdir -p /run/modprobe.d
	echo 'install snapset /bin/false' >/run/modprobe.d/none.conf
	rmmod snapset && make "$A"
	rm /run/modprobe.d/none.conf
	modprobe snapset
}
by_file() { make /etc/passwd; }
by_persistent() { make --context 0x19 "$A"; }
by_no_name() { make /dev/nothing; }
by_tmpfs() { make /run; }
by_twice() { make "$A" "$A"; }
by_part_and_whole() { make "${DISK}1" "$DISK"; }
by_65() {
	local disks=() i

	for ((i = 2; i <= 66; i++)); do disks+=("$DISK$i"); done
	make "${disks[@]}"
}
by_512() {
	local set

	echo 1 >/sys/module/snapset/parameters/debug_max_snaps
	take "$A"
	set=$SET
	make "$A"
	echo 512 >/sys/module/snapset/parameters/debug_max_snaps
	must snapraw delete --force "$set"
}
by_other_set() {
	local other

	rm -f added
	snapraw take --touch added --until never "$A" >other.out &
	other=$!
	must wait_for 60 test -e added
	make "$E"
	kill $other
	wait $other
}
by_forgotten() {
	echo 1 >/sys/module/snapset/parameters/start_idle_s
	make --pause 6000 "$A"
	echo 180 >/sys/module/snapset/parameters/start_idle_s
}
by_no_memory() { with_fault 'alloc:snapset_cow_new* 1 1 0 12' make "$A" "$E"; }
by_tiny_store() { make --store-limit 4096 "$A" "$E"; }
by_slow_freeze() { with_fault 'frozen 1 1 1500 0' make --freeze 300 "$A" "$E"; }
by_late_freeze() { # of the set before
	local status=0

	fault 'frozen 1 1 9000 0'
	make --freeze 300 "$A" "$E"
	make "$A" "$E" || status=$?
	fault off
	cp out owed
	# and when it has come, there is a set again
	wait_for 60 make "$A" "$E" || fail "no set after the debt: $(cat out)"
	cp owed out
	return $status
}
by_late_commit() { with_fault 'commit 1 1 12000 0' make "$A" "$E"; }
by_busy_freeze() { with_fault 'freeze 1 1 0 16' make "$A" "$E"; }
by_failed_freeze() { with_fault 'freeze 1 1 0 5' make "$A" "$E"; }
by_no_disk() { with_fault 'publish 1 1 0 5' make "$A" "$E"; }
unhooked() { ! snapraw info | grep -q '^hook [^ ]'; }
by_stuck_hook() {
	wait_for 60 no_objects
	# or what fails is that the one is taken off which the sets before have left
	wait_for 60 unhooked || fail "the hook stays: $(snapraw info)"
	fault 'unhook 1 0 0 19'
	take "$A"
	must snapraw delete --force "$SET"
	wait_for 60 fault_hit unhook	# without a user it is taken off after 5 s
	make "$A"
	fault off
}
# Writes to a file and to a member whenever it is told to, with what it has open: to start a
# program for each takes longer, and so does udev, which looks at a disk that was written to.
cat >writes.py <<'END'
import mmap, os, sys
page = mmap.mmap(-1, 4096)
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
disk = os.open(sys.argv[2], os.O_WRONLY | os.O_DIRECT)
for line in sys.stdin:
    os.pwrite(file, page, 0)
    os.fsync(file)
    print("the file is written", flush=True)
    os.pwrite(disk, page, 0)
    print("the disk is written", flush=True)
END
coproc WRITES { exec python3 -u writes.py "$E/f" "$A" 2>&1; }

all_goes_on() {
	local what said

	echo >&"${WRITES[1]}"
	for what in file disk; do
		read -r -t $((60 * PATIENCE)) said <&"${WRITES[0]}"
		[ "$said" = "the $what is written" ] ||
			fail "$1: a write to the $what goes not on in a minute: $said"
	done
}

program() { # SLOW-VERB
	rm -rf "$TMP/tx"
	mkdir -m 755 "$TMP/tx"
	# shellcheck disable=SC2016 # that is the program's
	printf '#!/bin/sh\n[ "$1" != %s ] || sleep 60\n' "$1" >"$TMP/tx/10-db"
	chmod 755 "$TMP/tx/10-db"
}
by_slow_transaction() { program freeze; make --transactions "$TMP/tx" --transaction-timeout 500 "$A" "$E"; }
by_slow_end() { program thaw; make --transactions "$TMP/tx" --transaction-timeout 5000 "$A" "$E"; }
by_bad_program() { program freeze; printf '#!/bin/sh\necho no room\nexit 3\n' >"$TMP/tx/10-db"; make --transactions "$TMP/tx" "$A"; }
by_unsafe_program() { program none; chmod 777 "$TMP/tx/10-db"; make --transactions "$TMP/tx" "$A"; }

# row CALL CODE BY WHAT SENTENCE-GLOB
row() {
	local call=$1 code=$2 status=0 begun out

	begun=$(now_ms)
	: >out
	$3 || status=$?
	out=$(<out)
	note "$3 $(($(now_ms) - begun)) ms: $out"
	[[ $'\n'$out != *$'\n'BUT* ]] || wrong+=("$3: $out")
	# shellcheck disable=SC2053 # a pattern
	if [[ $out != "$call SNAP_$code "* ]] || [[ ${out#"$call SNAP_$code "} != $5 ]]; then
		wrong+=("$3: not $call $code $5 but: $out $(cat err)")
	fi
	case $code in
	S_ASYNC_FINISHED | E_PROVIDER_NOT_REGISTERED) ;;
	*) [ $status != 0 ] || [ "$call" != status ] || wrong+=("$3: exit 0") ;;
	esac
	# nothing is frozen, held or left
	all_goes_on "$3"
	wait_for 60 no_strays || fail "$3: a set is left: $(cat list)"
	seen+=("$code")
}

seen=() wrong=()
row status S_ASYNC_FINISHED by_made "all goes well" "-"
row status S_ASYNC_CANCELLED by_cancel "it is cancelled before the instant" "-"
row open E_ACCESSDENIED by_no_right "no CAP_SYS_ADMIN in the initial namespace" "CAP_SYS_ADMIN in the initial user namespace is needed"
row open E_PROVIDER_NOT_REGISTERED by_no_module "the module is not loaded" "the snapset kernel module is not loaded: modprobe snapset"
row context E_UNSUPPORTED_CONTEXT by_persistent "a context that is to survive a reboot" "snapshots that survive a reboot are not supported (context 0x19)"
row start E_SNAPSHOT_SET_IN_PROGRESS by_other_set "somebody else has a set in the making" "another set is in the making, by * (process *)"
row status E_PROVIDER_VETO by_late_freeze "a file system has not yet come back from a freeze that was given up" "* has not come back from an earlier take that gave it up"
row add E_INVALIDARG by_file "a path that is no mount point and no device" "/etc/passwd is neither a mount point nor a block device; it lies on /"
row add E_OBJECT_NOT_FOUND by_no_name "there is nothing of this name" "/dev/nothing: No such file or directory"
row add E_VOLUME_NOT_SUPPORTED by_tmpfs "no block device below it" "/run is a tmpfs file system, which has no block device below it that could be snapshotted"
row add E_OBJECT_ALREADY_EXISTS by_twice "the volume is in the set" "* is in the set already, as *"
row add E_NESTED_VOLUME_LIMIT by_part_and_whole "a partition and its disk" "*, which is in the set already, is a partition of *"
row add E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED by_65 "65 volumes" "a set can have 64 volumes, * would be one more"
row add E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED by_512 "the volume has as many snapshots as it may have" "* has 1 snapshots, the most there may be"
row add E_BAD_STATE by_forgotten "nothing was added for start_idle_s seconds" "the set is over: it was given up, 1 s after it was started, since nobody went on with it"
row add E_REBOOT_REQUIRED by_stuck_hook "ftrace has not taken the hook off" "the hook could not be taken off when it was last used, and may not be called any more: reboot"
row status E_OUTOFMEMORY by_no_memory "no memory for an engine" "*: nothing could be reserved: error -12"
row status E_INSUFFICIENT_STORAGE by_tiny_store "a store of less than a block of each volume" "the store has room for 4 KiB: less than one block of each of 2 volumes"
row status E_FLUSH_WRITES_TIMEOUT by_slow_freeze "a freeze takes longer than the freeze timeout" "* was not frozen within 300 ms"
row status E_HOLD_WRITES_TIMEOUT by_late_commit "the commit comes after 12 s" "the writes could not be held in time"
row status E_PROVIDER_VETO by_busy_freeze "the file system is frozen by somebody else" "* is frozen by somebody else: error -16"
row status E_UNEXPECTED_PROVIDER_ERROR by_failed_freeze "a freeze fails" "* could not be frozen: error -5"
row status E_UNEXPECTED by_no_disk "the disk of an image cannot be made" "an image could not be shown: see the kernel log"
row status E_TRANSACTION_FREEZE_TIMEOUT by_slow_transaction "a program takes too long to freeze" "10-db freeze did not end in time and was killed"
row status E_TRANSACTION_THAW_TIMEOUT by_slow_end "a program takes too long to thaw" "10-db thaw did not end in time and was killed"
row status E_UNEXPECTED_WRITER_ERROR by_bad_program "a program fails" "10-db freeze ended with status 3*no room"
row status E_UNEXPECTED by_unsafe_program "a program that others can write" "* belongs to or can be written by others than root, so it is not run"

[ ${#wrong[@]} = 0 ] || fail "$(printf '%s\n' "${wrong[@]}")"
# what nobody expected is in the kernel log, with its code
for code in 0x80042302 0x8004230f; do
	dmesg | grep -qi "snapset: set .* failed: $code: " || fail "$code is not in the log"
done
# every code of DoSnapshotSet's page
for code in E_ACCESSDENIED E_INVALIDARG E_OUTOFMEMORY E_BAD_STATE E_INSUFFICIENT_STORAGE \
	E_FLUSH_WRITES_TIMEOUT E_HOLD_WRITES_TIMEOUT E_NESTED_VOLUME_LIMIT E_PROVIDER_VETO \
	E_REBOOT_REQUIRED E_TRANSACTION_FREEZE_TIMEOUT E_TRANSACTION_THAW_TIMEOUT E_UNEXPECTED \
	E_UNEXPECTED_PROVIDER_ERROR S_ASYNC_FINISHED; do
	[[ " ${seen[*]} " = *" $code "* ]] || fail "$code was not seen"
done
eval "exec ${WRITES[1]}>&-"
must wait "$WRITES_PID"
must umount "$E"
finish
