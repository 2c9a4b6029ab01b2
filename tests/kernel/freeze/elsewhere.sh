#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# File systems are frozen where freezing the member's device would find none: on an LV,
# when the member is the disk of its volume group. What somebody else has frozen is
# refused or stays his, as the kernel can tell who froze or not; and if he thaws what
# we froze before the instant there is no set. Nothing stays frozen by us.
#
# about: interface
# vm: --smp 1 --mem 1G --disk 96M --disk 64M --disk 64M --disk 160M
. "$(dirname "$0")/../lib.sh"

need snapset vgcreate
load
# since 6.6 the kernel knows who froze
case $KERNEL in
5.* | 6.1 | debug) owners=no ;;
*) owners=yes ;;
esac

thawed() { # DIR: nobody holds it frozen
	must timeout 60 dd if=/dev/zero of="$1/thawed" bs=64k count=1 conv=fsync status=none
	must_not fsfreeze -u "$1"
}

# an LV on a disk that is the member
must vgcreate -qq vg "$SCRATCH0" >/dev/null
on_exit vgchange -qq -an vg
must lvcreate -qq -y -W n -L 48M -n lv vg >/dev/null
udevadm settle
mounted ext4 /dev/vg/lv "$TMP/lv"
dd if=/dev/urandom of="$TMP/lv/data" bs=64k count=32 status=none
cp "$TMP/lv/data" data
must snapset create --json "$SCRATCH0" >created
must rm "$TMP/lv/data"
thawed "$TMP/lv"
device=$(json created 'd["snapshots"][0]["device"]')
start=$(dmsetup table vg-lv | awk '$3 == "linear" { print $5 }')
loop=$(losetup -r -f --show -o $((start * 512)) --sizelimit $((48 << 20)) "$device") || fail "losetup"
on_exit losetup -d "$loop"
# a journal to be replayed would say that it was not frozen
must dumpe2fs -h "$loop" >super 2>/dev/null
! grep -q needs_recovery super || fail "the LV was not frozen"
must fsck.ext4 -fn "$loop" >/dev/null 2>&1
mkdir at
must mount -o ro "$loop" at
must cmp at/data data
must umount at
must losetup -d "$loop"
must snapset delete --all >/dev/null
must umount "$TMP/lv"

# somebody has frozen it before
mounted ext4 "$SCRATCH1" "$TMP/e"
must fsfreeze -f "$TMP/e"
if [ $owners = yes ]; then
	take --freeze "$TMP/e" "$SCRATCH1"
	must snapraw delete "$SET"
else
	refused E_PROVIDER_VETO --freeze "$TMP/e" "$SCRATCH1"
	grep -q 'frozen by somebody else' take || fail "$(cat take)"
fi
{
	echo >"$TMP/e/later"
	sync -f "$TMP/e"
	touch written
} &
writer=$!
# it sleeps in one and the same call for a second
sleeps() {
	local stat call then=''

	for _ in 1 2 3 4 5; do
		read -r stat <"/proc/$writer/stat" && read -r call <"/proc/$writer/syscall" &&
			[[ $stat = *") D "* ]] && [ "${then:-$call}" = "$call" ] || return
		then=$call
		pause 0.2
	done
}
sleeps_or_wrote() { [ -e written ] || sleeps; }
wait_for 60 sleeps_or_wrote || fail "neither frozen nor written"
[ ! -e written ] || fail "his freeze has been undone"
must fsfreeze -u "$TMP/e"
must wait $writer
thawed "$TMP/e"

# somebody thaws it while a slow write of another member keeps the hold waiting
fill "$SCRATCH2" model
hanging slow "$SCRATCH2"
thawed_meanwhile() { # DIR DEVICE: sets STATUS; what came of it is in out
	local taker tries=0

	rm -f added go
	snapraw take --keep --touch added --until go --freeze "$1" "$2" /dev/mapper/slow >out &
	taker=$!
	must wait_for 60 test -e added
	hang slow
	blk put /dev/mapper/slow model 4M 64K >put.out &
	must wait_for 60 waits_for_io $!
	let_go_held slow 4 &
	touch go
	DONE=no STATUS=0
	until [ $DONE = yes ] || gone $taker; do
		! fsfreeze -u "$1" 2>/dev/null || DONE=yes
		tries=$((tries + 1))
		[ $DONE = yes ] || pause 0.1
	done
	wait $taker || STATUS=$?
	wait
	note "$1 thawed: $DONE, in $tries tries: $(grep -E '^(ms|code)' out)"
	if [ $owners = yes ]; then
		# 6.12 answers "done" when another holder keeps it frozen
		[ $DONE = no ] || [ "$KERNEL" = 6.12 ] || fail "somebody could thaw what we froze"
		# which it is until the commit, or the module had refused
		[ $STATUS = 0 ] || fail "no set: $(cat out)"
	else
		[ $DONE = yes ] || fail "nobody could thaw it: nothing is proved"
	fi
	if [ $STATUS = 0 ]; then
		taken out
		[ "$(ms_of hold out)" -ge 500 ] || fail "held for $(ms_of hold out) ms only: nothing is proved"
	else
		[ $STATUS = 3 ] || fail "$(cat out)"
		grep -q '^code E_PROVIDER_VETO .* was thawed by somebody else' out || fail "$(cat out)"
		[ "$(held_ms out)" -ge 500 ] || fail "held for $(held_ms out) ms only: nothing is proved"
	fi
	thawed "$1"
}

# that of ext4 writes, and so waits at the gate until the set is made: it comes late
thawed_meanwhile "$TMP/e" "$SCRATCH1"
if [ $STATUS = 0 ]; then
	must dumpe2fs -h "${IMAGE[0]}" >super 2>/dev/null
	! grep -q needs_recovery super || fail "the image is not of a frozen file system"
	must fsck.ext4 -fn "${IMAGE[0]}" >/dev/null 2>&1
	must snapraw delete "$SET"
fi
# that of btrfs does not
mounted btrfs "$SCRATCH3" "$TMP/b"
thawed_meanwhile "$TMP/b" "$SCRATCH3"
if [ $owners = yes ]; then
	must snapraw delete "$SET"
else
	[ $STATUS = 3 ] || fail "a set of a file system that was thawed: $(cat out)"
fi
must blk verify /dev/mapper/slow model
finish
