# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # the tests use the variables
#
# Words for the tests of this directory.  A test is a script that is run as root, in a
# virtual machine or on a machine whose SCRATCH disks it may overwrite, and that says in
# its head what it proves and what it needs.  Its output is KTAP, its exit status that of
# kselftest: 0 pass, 1 fail, 4 skip.  It is quiet when it passes, and cleans up by what it
# put on on_exit.
set -u

PASS=0 FAIL=1 SKIP=4
TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TEST=$(realpath "$0")
NAME=${TEST#"$TESTS/"} NAME=${NAME%.sh}
KERNEL=${SNAPSET_KERNEL:-$(uname -r)}
TMP=$(mktemp -d /tmp/snapset-test.XXXXXX)
if [ -z "${SNAPSET_KERNEL:-}" ]; then
	# what the Makefile beside this has built
	PATH=$TESTS/bin:$TESTS/bin/guest:$PATH
	export LD_LIBRARY_PATH=$TESTS/bin/libsnap
fi
cd "$TMP" || exit $FAIL

# A script that a test starts may use these words, too; the result is the test's.
PART=${SNAPSET_TEST_PART:-0}
export SNAPSET_TEST_PART=1
[ "$PART" = 1 ] || printf 'KTAP version 1\n1..1\n'

note() { printf '%s\n' "$*" | sed 's/^/# /'; }

# result STATUS: the line that counts
REASON=
result() {
	[ "$PART" = 0 ] || return 0
	case $1 in
	"$PASS") echo "ok 1 $NAME" ;;
	"$SKIP") echo "ok 1 $NAME # SKIP $REASON" ;;
	*) echo "not ok 1 $NAME" ;;
	esac
}

# matrix DEVICE STACK FILE-SYSTEM WAY RESULT: a row of Documentation/support-matrix.rst, which
# is right on this kernel, or refused with a sentence. Counts if the test passes.
matrix() {
	local IFS='|'

	note "matrix: $*"
}

# fail WORDS: what was expected and what was seen; where, and what the kernel said last
fail() {
	local i

	{
		note "FAIL: $*"
		for ((i = 1; i < ${#FUNCNAME[@]}; i++)); do
			note "  at ${BASH_SOURCE[i]#"$TESTS/"}:${BASH_LINENO[i - 1]}" \
				"(${FUNCNAME[i]})"
		done
		note "the kernel's last lines:"
		dmesg | tail -n 12 | sed 's/^/#     /'
	} >&2
	exit $FAIL
}

skip() {
	REASON=$*
	exit $SKIP
}

# must COMMAND...: its failure is the test's
must() { "$@" || fail "exit $?: $*"; }

# must_not COMMAND...: its success is the test's failure
must_not() { ! "$@" >"$TMP/must_not" 2>&1 || fail "this should not work: $*"; }

# need PROGRAM...: the guest of tests/vm is made to hold them; another machine may not
need() {
	local what

	for what; do
		command -v "$what" >/dev/null && continue
		[ -z "${SNAPSET_KERNEL:-}" ] || fail "there is no $what in the guest"
		skip "there is no $what on this machine"
	done
}

# on_exit COMMAND...: run at the end whatever happens, the last one first
CLEANUP=()
on_exit() { CLEANUP+=("$(printf '%q ' "$@")"); }

cleanup() {
	local status=$? i

	trap - EXIT
	for ((i = ${#CLEANUP[@]} - 1; i >= 0; i--)); do
		eval "${CLEANUP[i]}" >/dev/null 2>&1
	done
	cd / && rm -rf --one-file-system "$TMP"
	[ "$status" = $PASS ] || [ "$status" = $SKIP ] || status=$FAIL
	result "$status"
	exit "$status"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# shellcheck source=/dev/null
. "$TESTS/scratch.sh"
[ "$PART" = 1 ] || scratch "$TEST"

# often N M: N where there is time: on the kernel that is tested most, and on a machine of
# somebody who asked for it; M on the others.  The head of a test says how surely N and M
# rounds find what it is about.
often() { if [ "${SNAPSET_OFTEN:-1}" = 1 ]; then echo "$1"; else echo "$2"; fi; }

# To start a program takes an emulated processor longer than most of what a script does,
# and the suite is bound by its processors: what is called often is the shell's own.
now_ms() {
	local us=${EPOCHREALTIME/[.,]/}

	echo "${us%???}"
}

# Its name is none that a test waits for, or waits for in vain.
NEVER=$TMP/.pause
# shellcheck source=/dev/null
. "$TESTS/pause.sh"

# The debug kernel, emulated, is ten times as slow, and tells of what hangs itself.
SLOWER=1
[ "$KERNEL" != debug ] || SLOWER=6
# Limits only tell a wait from a hang: a machine that is busy with other things needs so
# many times the seconds that a test gives.
PATIENCE=$((5 * SLOWER))
timeout() { # SECONDS COMMAND...
	local seconds=$1

	shift
	command timeout $((seconds * PATIENCE)) "$@"
}

# wait_for SECONDS COMMAND...: until it succeeds; 1 if it never does
wait_for() {
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * PATIENCE * 1000000))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/[.,]/}" -lt "$end" ] || return 1
		pause 0.05
	done
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# json FILE EXPRESSION: a Python expression about the document d
json() {
	python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
v = eval(sys.argv[2])
print(v if not isinstance(v, bool) else str(v).lower())' "$1" "$2"
}

# What a test uses that not every machine has: a module with faults, programs that need the
# library.  In a virtual machine both are there.
usable() {
	local word

	[ -z "${SNAPSET_KERNEL:-}" ] || return 0
	if grep -Eq '^[^#]*(\bfault[ _]|\bphases\b|/debug_)' "$TEST" && [ ! -e "$FAULTS" ]; then
		skip "this module has no faults: it wants one that is built with SNAPSET_DEBUG=1"
	fi
	while read -r word; do
		command -v "$word" >/dev/null || skip "there is no $word here"
	done < <(grep -v '^#' "$TEST" | grep -o 'libsnap-[a-z]*' | sort -u)
}

load() {
	[ -e /sys/module/snapset ] || modprobe -q snapset || insmod "$TESTS/../../snapset.ko" ||
		fail "there is no module: neither loaded nor installed nor built"
	usable
	on_exit modprobe -r snapset
	on_exit snapraw clear
}

FAULTS=/sys/kernel/debug/snapset/faults

# fault 'NAME FIRST COUNT DELAY_MS ERRNO'|on|go|off: kmod/fault.h
fault() { echo "$1" >"$FAULTS" || fail "fault $1"; }

# fault_hits NAME: how often what was written for it has happened
fault_hits() {
	local line hits=0
	local -a lines

	# at once: what 'read' reads line by line is read again from the middle
	mapfile -t lines <"$FAULTS"
	for line in "${lines[@]}"; do
		[[ $line != "fault $1 "* ]] || hits=$((hits + ${line##* }))
	done
	echo $hits
}

fault_hit() { [ "$(fault_hits "$1")" -gt 0 ]; }

no_objects() { [ "$(snapraw counters)" = 0 ]; }

# no_strays [ID...]: there is no set but those that 'take' made and these
no_strays() {
	local id

	snapraw list >"$TMP/list" || return
	while read -r id _; do
		[[ " ${TAKEN[*]} $* " = *" $id "* ]] || return 1
	done <"$TMP/list"
}

# finish [ID...]: nothing is left: no set but those that 'take' made and those with
# the ids, and when these are deleted no object that is counted, no module
finish() {
	# what has failed goes with its session, which may take a moment
	wait_for 10 no_strays "$@" || fail "a set is left that nobody expects: $(cat "$TMP/list")"
	must snapraw clear >"$TMP/cleared"
	wait_for 15 no_objects ||
		fail "objects are left: $(grep -v ' 0 ' /sys/kernel/debug/snapset/counters)"
	must rmmod snapset
	exit 0
}

# ids of the sets that the test has taken
TAKEN=(-)

# take ARGUMENTS OF 'snapraw take'...: a set that nobody owns. Sets SET, and
# IMAGE and SNAP, arrays of the images' devices and of the snapshots' ids.
take() {
	snapraw take --keep "$@" >"$TMP/take" || fail "no set of $*: $(cat "$TMP/take")"
	taken "$TMP/take"
}

taken() {
	local word first second

	SET='' IMAGE=() SNAP=()
	while read -r word first second _; do
		case $word in
		set) SET=$first ;;
		image) IMAGE+=("$first") SNAP+=("$second") ;;
		esac
	done <"$1"
	TAKEN+=("$SET")
	if [ -z "$SET" ] || [ ${#IMAGE[@]} = 0 ]; then
		fail "a set without images: $(cat "$1")"
	fi
}

# ms_of WORD FILE: a time that 'snapraw take' printed
ms_of() { awk -v w="$1" '$1 == "ms" { for (i = 2; i < NF; i += 2) if ($i == w) print $(i + 1) }' "$2"; }

# held_ms FILE: how long the gates were closed for a set that was refused, by the
# module's own clock, which knows nothing of slow programs
held_ms() { sed -n 's/^code .* hold_ms \([0-9]*\) .*/\1/p' "$1"; }

# refused CODE ARGUMENTS OF 'snapraw take'...: it says so, and in a sentence
refused() {
	local want=$1 status=0

	shift
	snapraw take "$@" >"$TMP/take" || status=$?
	[ $status = 3 ] || fail "not refused (exit $status): snapraw take $*: $(cat "$TMP/take")"
	grep -Eq "^(code|errno) $want " "$TMP/take" ||
		fail "refused for another reason than $want: $(cat "$TMP/take")"
	grep -Eq ' text [^ ]+ [^ ]+ ' "$TMP/take" || fail "no sentence: $(cat "$TMP/take")"
}

dead() { snapraw snap "$1" | grep -q '^dead '; }

# fill DISK NAME: self-describing sectors, their model in NAME, kept also in NAME.then
fill() {
	must blk fill "$1" "$2"
	cp "$2" "$2.then"
}

sectors() { blockdev --getsz "$1"; }

# dm NAME TABLE: a device-mapper device from a table or, with lines, from several
dm() {
	printf '%s\n' "$2" | dmsetup create "$1" || fail "dmsetup create $1: $2"
	on_exit dmsetup remove --force --retry "$1"
	udevadm settle --timeout=10
}

# udev_stands: from now to the end of the test udev looks at nothing, for what it would read
# is counted, or takes what a test needs. By a signal: "udevadm control --start-exec-queue"
# can be lost without a word where udevd made its socket itself, for a command that is sent
# between its accept() and its SO_PASSCRED says not whose it is ("Invalid sender uid 65534",
# 1 of 2000 on a busy machine).
udev_stands() {
	must udevadm settle
	on_exit pkill -CONT -x systemd-udevd
	must pkill -STOP -x systemd-udevd
}

# hanging NAME DISK: NAME is DISK, and 'hang NAME' makes what it is given stand still
# until 'let_go NAME'. So what depends on a write that is on its way does not depend on
# how slow the machine is.
hanging() {
	dm "$1-below" "0 $(sectors "$2") linear $2 0"
	dm "$1" "0 $(sectors "$2") linear /dev/mapper/$1-below 0"
	on_exit dmsetup resume "$1-below"
}
hang() { must dmsetup suspend --nolockfs --noflush "$1-below"; }
let_go() { must dmsetup resume "$1-below"; }

# may_hang: what sleeps for long until the test is over is meant to
may_hang() {
	local limit=/proc/sys/kernel/hung_task_timeout_secs

	[ -e $limit ] || return 0
	on_exit sh -c "echo $(cat $limit) >$limit"
	echo 600 >$limit
}

# netlink_family: sets family to a module that is not loaded and registers one of generic
# netlink; empty: there is none
netlink_family() {
	for family in nbd wireguard macsec team ''; do
		modprobe -qn "$family" && [ ! -e "/sys/module/$family" ] && return
	done
}

# the set in the making holds writes
holding() { snapraw list | grep -q ' state 3 '; }

# let_go_held NAME SECONDS: so long after the writes of a set have come to be held;
# runs until then.
let_go_held() { letgo "$1-below" "${2}000"; }

# null_disk NAME KEY=VALUE...: a null_blk disk; sets NULL_DISK. Its size is in MiB.
null_disk() {
	local name=$1 dir=/sys/kernel/config/nullb/$1 pair

	shift
	[ -d /sys/kernel/config/nullb ] || {
		modprobe -q configfs
		mountpoint -q /sys/kernel/config || must mount -t configfs configfs /sys/kernel/config
		modprobe null_blk nr_devices=0 || fail "there is no null_blk"
	}
	must mkdir "$dir"
	on_exit rmdir "$dir"
	for pair; do
		echo "${pair#*=}" 2>/dev/null >"$dir/${pair%%=*}" ||
			skip "this null_blk has no ${pair%%=*}"
	done
	echo 1 >"$dir/power" || fail "null_blk $name does not start"
	# older kernels do not call the disk by the directory's name
	NULL_DISK=/dev/$name
	[ -b "$NULL_DISK" ] || NULL_DISK=/dev/nullb$(cat "$dir/index")
	[ -b "$NULL_DISK" ] || fail "null_blk made no disk"
}

# waits_for_io PID: what it has written directly has been sent and has not come back: it
# sleeps in write() or pwrite(), and not for a page of its program, which a slow machine
# reads for long. A device-mapper target that delays does not always count what it keeps as
# in flight.
waits_for_io() {
	local call

	read -r call _ <"/proc/$1/syscall" || return
	[ "$call" = 1 ] || [ "$call" = 18 ] || return
	awk '{ exit $3 != "D" }' "/proc/$1/stat"
}

# in_flight DISK N: at least so many writes are on their way
in_flight() {
	local name

	name=$(basename "$(readlink -f "$1")")
	[ "$(awk '{ print $2 }' "/sys/class/block/$name/inflight")" -ge "$2" ]
}

# store_file PATH MIB: a file as the library makes them for stores
store_file() {
	rm -f "$1"
	must blk store "$1" "$2M"
}

# mounted KIND DISK DIR [OPTION OF MKFS...]: a fresh file system, mounted
mounted() {
	local lazy=

	mkdir -p "$3"
	case $1 in
	ext4) must mkfs.ext4 -qF "${@:4}" "$2" ;;
	xfs) must mkfs.xfs -qf "${@:4}" "$2" ;;
	btrfs) must mkfs.btrfs -qf "${@:4}" "$2" ;;
	f2fs) must mkfs.f2fs -qf "${@:4}" "$2" >/dev/null ;;
	vfat) must mkfs.vfat "${@:4}" "$2" >/dev/null ;;
	*) fail "no recipe for $1" ;;
	esac
	# the kernel is not to go on making the file system when a test counts writes
	[ "$1" != ext4 ] || lazy="-o noinit_itable"
	# shellcheck disable=SC2086 # two words, or none
	must mount -t "$1" $lazy "$2" "$3"
	on_exit umount "$3"
}
