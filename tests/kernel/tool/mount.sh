#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# "snapset mount": the images of a set are one tree, each file system where its volume's is,
# read-only, seen by nobody else, and gone with the set. No link in an image leads out of it.
#
# about: tool
# vm: --smp 1 --mem 2G --disk 64M --disk 320M --disk 256M --disk 64M --disk 128M
. "$(dirname "$0")/../lib.sh"
# shellcheck source=/dev/null
. "$TESTS/tool/json.bash"

need snapset mkfs.xfs mkfs.btrfs python3
load
modprobe -a btrfs xfs
A=$SCRATCH0 B=$SCRATCH1 C=$SCRATCH2 D=$SCRATCH3

# the root of a small system, with another file system in it, and of that in turn a third one
mkdir sys
must mkfs.ext4 -qF "$A"
must mkfs.xfs -qf "$B"
must mkfs.btrfs -qf "$C"
must mkfs.ext2 -qF "$D"
must mount "$A" sys
on_exit umount -R sys
mkdir -p sys/srv sys/etc
must mount "$B" sys/srv
mkdir "sys/srv/a b" sys/srv/part sys/srv/old
must mount "$D" "sys/srv/a b"
echo root >sys/etc/file
echo xfs >sys/srv/file
echo ext2 >"sys/srv/a b/file"
echo part >sys/srv/part/file
mkdir elsewhere
must mount --bind sys/srv/part elsewhere
on_exit umount elsewhere
S=$PWD/sys

trees() { grep -c ' tmpfs snapset:' /proc/self/mountinfo; }
# holds DIRECTORY FILE CONTENT
holds() { [ "$(cat "$1$S/$2")" = "$3" ] || fail "$1: $2 is not '$3'"; }
check_tree() { # DIRECTORY
	holds "$1" etc/file root
	holds "$1" srv/file xfs
	holds "$1" "srv/a b/file" ext2
	[ ! -e "$1$PWD/elsewhere" ] || fail "a part of a file system is mounted, too"
	! touch "$1$S/etc/new" 2>/dev/null || fail "the image can be written"
	! mkdir "$1/new" 2>/dev/null || fail "the tree can be written"
}

# others: processes of mount namespaces that get what is mounted here
must mount --make-rshared /
on_exit mount --make-rprivate /
other() { # PID
	on_exit kill "$1"
	wait_for 60 sh -c "[ \"\$(readlink /proc/$1/ns/mnt)\" != \"\$(readlink /proc/self/ns/mnt)\" ]" || fail "no namespace"
	wait_for 60 grep -q sleep "/proc/$1/comm" || fail "no namespace"
}
unshare -m --propagation slave sleep 3600 &
other=$!
other $other

snapset create --keep --store memory --json "$S" "$S/srv" "$S/srv/a b" >created || fail "create"
id=$(json created 'd["id"]')
echo new >sys/etc/file
echo new >sys/srv/file
echo new >"sys/srv/a b/file"

mkdir tree
must snapset mount "$id" tree >out
[ "$(cat out)" = "$PWD/tree" ] || fail "said: $(cat out)"
check_tree "$PWD/tree"
# as a service that is started meanwhile, which sees all, and loses all
unshare -m --propagation slave sleep 3600 &
later=$!
other $later
grep -q "/dev/snapset" "/proc/$later/mountinfo" || fail "this namespace is none that was made from ours"
grep -q "nosuid,nodev" /proc/self/mountinfo || fail "no options"
# nobody else sees it
must snapset mount "$id" >out 2>err
dir=$(cat out)
[ "$(stat -c %a /run/snapset)" = 700 ] || fail "/run/snapset is open to everybody"
check_tree "$dir"
[ "$(grep -c " $dir.* /dev/snapset" "/proc/$other/mountinfo")" = 0 ] || fail "others see the images"
# both go, by directory and by id; the directory that was made goes, the other one stays
must snapset umount tree
! grep -q "$PWD/tree" "/proc/$later/mountinfo" || fail "another namespace keeps it"
[ "$(trees)" = 1 ] || fail "$(trees) trees"
[ -d tree ] || fail "the directory is removed"
[ -z "$(ls -A tree)" ] || fail "tree is not what it was"
must snapset umount "$id"
[ "$(trees)" = 0 ] || fail "a tree is left: $(cat /proc/self/mountinfo)"
[ ! -e "$dir" ] || fail "$dir is left"
snapset umount "$id" 2>err && fail "nothing was mounted"
grep -q OBJECT_NOT_FOUND err || fail "$(cat err)"
snapset umount tree 2>err && fail "nothing was mounted"
grep -q 'no images are mounted at' err || fail "$(cat err)"
grep -q "$S" /proc/self/mountinfo || fail "the origin's were unmounted"

# of one snapshot
one=$(json created 'd["snapshots"][1]["id"]')
must snapset mount --json "$one" tree >out
[ "$(json out 'd["mounted"]')" = 1 ] || fail "$(cat out)"
[ "$(cat tree/file)" = xfs ] || fail "the snapshot is not at the directory"
# who deletes what is in use is told; nothing is lost
exec 7<tree/file
snapset delete --set "$id" 2>err && fail "deleted what is in use"
grep -q "VOLUME_IN_USE.*\|.*$PWD/tree is in use" err || fail "$(cat err)"
[ "$(cat tree/file)" = xfs ] || fail "not there any more"
exec 7<&-
must snapset delete --set "$id" >/dev/null
[ "$(trees)" = 0 ] || fail "a tree is left"

# a link in the image of a user's directory leads nowhere: the mount point was one when it was taken
must umount "sys/srv/a b"
rmdir "sys/srv/a b"
mkdir -p target "sys/srv/x"
ln -s "$PWD/target" "sys/srv/a b"
must snapset create --keep --store memory --json "$S" "$S/srv" >created
rm "sys/srv/a b"
mkdir "sys/srv/a b"
must mount "$D" "sys/srv/a b"
must snapset create --keep --store memory --json "$D" >later
id=$(json created 'd["id"]')
must snapset mount "$id" tree >out
[ "$(find target -mindepth 1 | wc -l)" = 0 ] || fail "something is mounted behind a link"
must snapset umount tree
must snapset delete --all >/dev/null

# the origin is not mounted any more; a volume without a file system; a btrfs with subvolumes
must mount "$C" elsewhere
must btrfs subvolume create elsewhere/@home >/dev/null
mkdir sys/home
must mount -o subvol=@home "$C" sys/home
echo btrfs >sys/home/file
must sync -f sys/home
must umount elsewhere
must umount "sys/srv/a b"
must dd if=/dev/zero of="$D" bs=1M count=4 status=none
snapset create --keep --store memory --json "$S" "$S/home" "$D" >created || fail "create"
id=$(json created 'd["id"]')
must umount sys/home
must btrfs device scan --forget
snapset mount "$id" tree >out 2>err || fail "mount: $(cat err)"
grep -q "1 volume is not mounted; .*: there is no file system" err || fail "$(cat err)"
# where it was mounted, but the subvolume is not known any more
[ -e "tree$S/home/@home/file" ] || fail "the btrfs is not there: $(cat /proc/self/mountinfo)"
must snapset umount "$id"
must mount -o subvol=@home "$C" sys/home
if snapset mount "$id" tree >out 2>err; then
	holds tree home/file btrfs
	must snapset umount "$id"
	note "a second btrfs with this UUID is mounted"
else
	grep -q 'this kernel mounts no second btrfs' err || fail "$(cat err)"
	[ "$(trees)" = 0 ] || fail "a half of the tree is left"
	note "no second btrfs with this UUID is mounted"
fi
must snapset delete --all >/dev/null

# a btrfs on several devices is not put together of images, and its own devices stay known
must umount sys/home
must wipefs -qa "$C" "$SCRATCH4"
must mkfs.btrfs -qf "$C" "$SCRATCH4"
must mount "$C" sys/home
echo old >sys/home/file
must snapset create --keep --store memory --json "$S/home" >created
for umounted in false true; do
	! $umounted || must umount sys/home
	snapset mount "$(json created 'd["id"]')" tree >out 2>err && fail "a btrfs of two images is mounted"
	grep -q 'a btrfs on several devices' err || fail "$(cat err)"
	[ "$(trees)" = 0 ] || fail "a tree is left"
done
must mount "$C" sys/home
must snapset delete --all >/dev/null

# nothing to mount
must snapset create --keep --store memory --json "$D" >created
snapset mount "$(json created 'd["id"]')" tree >out 2>err && fail "mounted what?"
grep -q "there is no file system on it" err || fail "$(cat err)"
snapset mount "$(json created 'd["id"]')" nothing >out 2>err && fail "mounted where?"
must snapset delete --all >/dev/null
must umount sys/home

# create --mount: what the command sees, and nobody else
# shellcheck disable=SC2016 # the command's
must snapset create --store memory --mount tree "$S" "$S/srv" --exec \
	sh -c 'cat "$SNAP_MOUNT$1/etc/file" && grep -c snapset: /proc/self/mountinfo; grep -c snapset: "/proc/$2/mountinfo"; :' sh "$S" $$ >out 2>err
[ "$(tr '\n' ' ' <out)" = "new 1 0 " ] || fail "the command saw: $(cat out err)"
[ -z "$(snapset list)" ] || fail "a set is left"
# and when it is killed
# shellcheck disable=SC2016
snapset create --store memory --mount tree "$S" --exec sh -c 'echo >up; exec sleep 3600' >out 2>err &
creator=$!
wait_for 60 test -e up || fail "no command"
kill -KILL $creator
wait $creator
pkill -x sleep
no_set() { [ -z "$(snapset list)" ]; }
wait_for 60 no_set || fail "a set is left"
[ "$(trees)" = 0 ] || fail "a tree is left"
# without a command
snapset create --auto-release --store memory --mount tree --json "$S" >created 2>err &
creator=$!
wait_for 60 sh -c 'grep -q snapset: /proc/self/mountinfo && [ -s created ]' || fail "no tree: $(cat err)"
[ "$(json created 'd["tree"]["directory"]')" = "$PWD/tree" ] || fail "$(cat created)"
[ "$(cat "tree$S/etc/file")" = new ] || fail "not in the tree"
kill -TERM $creator
wait $creator
[ "$(trees)" = 0 ] || fail "a tree is left"
# what cannot be mounted leaves no set
snapset create --keep --store memory --mount /nowhere "$S" >out 2>err && fail "mounted nowhere"
grep -q OBJECT_NOT_FOUND err || fail "$(cat err)"
[ -z "$(snapset list)" ] || fail "a set is left"
finish
