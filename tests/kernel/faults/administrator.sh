#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What an administrator may do to the members in the middle of a take, at each place of
# it: thaw, freeze, unmount, remount, resize, another elevator, detach, suspend. There is a
# set that is right, or a refusal with a sentence; and afterwards everything can be
# mounted, frozen, thawed and written.
#
# vm: --smp 2 --mem 1G --disk 16M --disk 48M --disk 64M --timeout 600
. "$(dirname "$0")/../lib.sh"

load
A=$(readlink -f "$SCRATCH0") E=$TMP/e L=
mounted ext4 "$SCRATCH1" "$E"
echo "what was there" >"$E/file"
dm d "0 32768 linear $SCRATCH2 0"
D=/dev/mapper/d
SCHED=/sys/block/$(basename "$A")/queue/scheduler
truncate -s 16M /tmp/backing

do_thaw() { fsfreeze -u "$E"; }
undo_thaw() { :; }
do_freeze() { timeout 20 fsfreeze -f "$E"; }
undo_freeze() { fsfreeze -u "$E"; }
do_umount() { umount "$E"; }
undo_umount() { mountpoint -q "$E" || mount "$SCRATCH1" "$E"; }
do_remount() { timeout 20 mount -o remount,ro "$E"; }
undo_remount() { timeout 20 mount -o remount,rw "$E"; }
do_resize() {
	printf '0 40960 linear %s 0\n' "$SCRATCH2" | dmsetup load d &&
		dmsetup suspend --nolockfs d && dmsetup resume d
}
undo_resize() {
	printf '0 32768 linear %s 0\n' "$SCRATCH2" | dmsetup load d &&
		dmsetup suspend --nolockfs d && dmsetup resume d
}
do_elevator() { echo "$other" >"$SCHED"; }
undo_elevator() { echo none >"$SCHED"; }
do_detach() { losetup -d "$L"; }
undo_detach() { :; }
do_suspend() { dmsetup suspend --nolockfs d && sleep 0.4 && dmsetup resume d; }
undo_suspend() { :; }

other=$(tr -d '[]' <"$SCHED" | tr ' ' '\n' | grep -v '^none$' | head -n 1)
acts=(thaw freeze umount remount resize detach suspend)
[ -z "$other" ] || acts+=(elevator)
read -ra places <<<"$(often "prepare sync frozen hold commit release publish" frozen)"

# what may be said to whoever disturbs a take
expected='E_(PROVIDER_VETO|HOLD_WRITES_TIMEOUT|FLUSH_WRITES_TIMEOUT|UNEXPECTED_PROVIDER_ERROR)'

all_is_well() { # PLACE WHAT
	local file=$E/new

	timeout 10 dd if=/dev/zero of="$file" bs=64k count=2 conv=fsync status=none || fail "$1 $2: $E"
	timeout 10 fsfreeze -f "$E" || fail "$1 $2: it cannot be frozen any more"
	timeout 10 fsfreeze -u "$E" || fail "$1 $2: it cannot be thawed any more"
	timeout 20 umount "$E" || fail "$1 $2: it cannot be unmounted"
	timeout 20 mount "$SCRATCH1" "$E" || fail "$1 $2: it cannot be mounted any more"
	grep -q '^what was there$' "$E/file" || fail "$1 $2: the file has gone"
	timeout 10 dd if=/dev/zero of="$D" bs=64k count=2 oflag=direct status=none || fail "$1 $2: $D"
	timeout 10 dd if=/dev/zero of="$A" bs=64k count=2 oflag=direct status=none || fail "$1 $2: $A"
}

# its file system is whole, and the file is in it
image_is_right() { # PLACE WHAT
	local i

	must mkdir -p "$TMP/i"
	mount -o ro,noload "${IMAGE[1]}" "$TMP/i" || fail "$1 $2: the image cannot be mounted"
	grep -q '^what was there$' "$TMP/i/file" || fail "$1 $2: the image lacks the file"
	must umount "$TMP/i"
	for i in "${IMAGE[@]}"; do
		timeout 20 dd if="$i" of=/dev/null bs=1M status=none 2>err || dead "${SNAP[3]}" ||
			fail "$1 $2: $i: $(cat err)"
	done
}

made=0 refused=0
one() { # PLACE WHAT
	local place=$1 what=$2 taker acting status=0

	L=$(losetup -f --show /tmp/backing) || fail losetup
	fault "$place 1 1 250 0"
	snapraw take --keep --hold-timeout 3000 --freeze-timeout 4000 --freeze "$E" \
		"$A" "$SCRATCH1" "$D" "$L" >taken.out 2>&1 &
	taker=$!
	# a take that has been refused before does not come by
	until fault_hit "$place" || gone $taker; do pause 0.01; done
	(do_"$what") >act.out 2>&1 &
	acting=$!
	wait $taker || status=$?
	fault off
	case $status in
	0)
		taken taken.out
		made=$((made + 1))
		;;
	3)
		grep -Eq "^code $expected .* text [^ ]+ [^ ]+" taken.out || fail "$place $what: $(cat taken.out)"
		refused=$((refused + 1))
		;;
	*) fail "$place $what: exit $status: $(cat taken.out)" ;;
	esac
	wait_for 30 gone $acting || fail "$place $what: hangs: $(cat act.out)"
	wait $acting
	undo_"$what" >/dev/null 2>&1
	if [ $status = 0 ]; then
		image_is_right "$place" "$what"
		must snapraw delete --force "$SET"
	fi
	losetup -d "$L" 2>/dev/null
	wait_for 15 no_objects || fail "$place $what: objects are left"
	all_is_well "$place" "$what"
}

for p in "${places[@]}"; do
	for w in "${acts[@]}"; do
		begun=$(now_ms)
		one "$p" "$w"
		note "$p $w $(($(now_ms) - begun)) ms: $(head -n 1 taken.out | cut -c 1-140)"
	done
done
note "$made made, $refused refused"
[ $made -ge $((${#places[@]} * 3)) ] || fail "so few sets"
must umount "$E"
must fsck.ext4 -fn "$SCRATCH1" >/dev/null 2>&1
finish
