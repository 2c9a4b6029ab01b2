#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A snapshot tells what was done for it: file systems were frozen, and which; nothing was
# mounted; something used it that could not be frozen. File systems are found in other mount
# namespaces, and where they are not mounted any more and still in use; and their images are
# of frozen file systems.
#
# about: library
# long: 5.10 7
# vm: --smp 1 --mem 1G --disk 64M --disk 128M --disk 320M --disk 16M
. "$(dirname "$0")/../lib.sh"

need snapset python3 mkfs.xfs mkfs.btrfs
load
A=$(readlink -f "$SCRATCH0") B=$(readlink -f "$SCRATCH1") C=$(readlink -f "$SCRATCH2") D=$(readlink -f "$SCRATCH3")
snapset watch --json >events &
on_exit kill $!

# told CONSISTENCY FROZEN VOLUME...: of the last volume; its image is $image
told() {
	local want=$1 frozen=$2

	shift 2
	snapset create --store memory --json "$@" >created 2>err || fail "$*: $(cat err)"
	[ "$(json created 'd["snapshots"][-1]["consistency"]')" = "$want" ] ||
		fail "$*: not $want: $(cat created)"
	python3 - "$frozen" <<-'P' || fail "$*: frozen is $(json created 'd["snapshots"][-1]["frozen"]'), not $frozen"
		import json, re, sys
		d = json.load(open("created"))
		sys.exit(not re.fullmatch(sys.argv[1], "|".join(d["snapshots"][-1]["frozen"]), re.S))
	P
	image=$(json created 'd["snapshots"][-1]["device"]')
}
drop() { must snapset delete --all >/dev/null; }
# the image of an ext4 that was frozen has nothing in its journal
clean() {
	must dumpe2fs -h "$image" >super 2>/dev/null
	! grep -q needs_recovery super || fail "$1: it was not frozen"
	fsck.ext4 -fn "$image" >fsck.out 2>&1 || fail "$1: $(cat fsck.out)"
}
# refuses SENTENCE OPTION-OR-VOLUME...
refuses() {
	local sentence=$1

	shift
	! snapset create --store memory "$@" >out 2>&1 || fail "$*: taken"
	grep -q "E_VOLUME_NOT_SUPPORTED" out || fail "$*: $(cat out)"
	grep -q "$sentence" out || fail "$*: $(cat out)"
	[ -z "$(snapraw list)" ] || fail "$*: a set is left"
}

# of nobody, and swap
told raw "" "$D"
snapset list -o +consistency >out
grep -q ' raw$' out || fail "list does not tell: $(cat out)"
drop
must mkswap "$D" >/dev/null
must swapon "$D"
on_exit swapoff "$D"
told raw "" "$D"
drop
must swapoff "$D"
refuses 'no file system .*--require-frozen' --require-frozen "$D"

# mounted here, by a name of every kind
name=$'a\n\\012 b'
mkdir "$name" m other
must mkfs.ext4 -qF "$A"
must mount "$A" "$name"
on_exit umount "$name"
echo old >"$name/file"
told fs ".*/a"$'\n'"\\\\012 b" "$A"
clean "mounted here"
[ "$(json created 'd["consistency"]')" = fs ] || fail "the set: $(cat created)"
must snapset show "$(json created 'd["snapshots"][0]["id"]')" >out
grep -q '^  frozen   fs: ' out || fail "show does not tell: $(cat out)"
drop
told fs ".*" --require-frozen "$A"
drop
# the least of its members is the set's
told raw "" "$A" "$D"
[ "$(json created 'd["consistency"]')" = raw ] || fail "the set: $(cat created)"
drop
refuses 'no file system .*--require-frozen' --require-frozen "$A" "$D"
must umount "$name"

# mounted in another namespace only: COMMAND in it, with the file system at m
elsewhere() { # DEVICE COMMAND
	rm -f mounted
	# shellcheck disable=SC2016 # the other shell's
	unshare -m sh -c 'mount "$1" m && eval "$2" && : >mounted && exec sleep 3600' sh "$1" "$2" &
	ELSEWHERE=$!
	on_exit kill $ELSEWHERE
	wait_for 60 test -e mounted || fail "no mount in a namespace"
}
is_free() { python3 -c 'import os, sys; os.close(os.open(sys.argv[1], os.O_RDONLY | os.O_EXCL))' "$1"; }
come_back() {
	kill $ELSEWHERE
	wait $ELSEWHERE 2>/dev/null
	wait_for 60 is_free "$1" || fail "$1 is still in use"
}
elsewhere "$A" 'echo new >m/file'
told fs "$PWD/m .of process $ELSEWHERE." "$A"
clean "mounted elsewhere"
must mount -o ro,noload "$image" other
[ "$(cat other/file)" = new ] || fail "what was written in the other namespace is not there"
must umount other
drop
told fs ".*" --require-frozen "$A"
drop
# an agent whose /dev does not have the device cannot ask who holds it, and looks all the same
must mknod node b "$((0x$(stat -c %t "$A")))" "$((0x$(stat -c %T "$A")))"
# shellcheck disable=SC2016 # the other shell's
must unshare -m sh -c 'mount --bind /dev/null "$1" && exec snapset create --store memory --json node' sh "$A" >created
[ "$(json created 'd["consistency"]')" = fs ] || fail "without its node: $(cat created)"
drop
come_back "$A"
must mkfs.btrfs -qf "$B" >/dev/null
elsewhere "$B" 'echo new >m/file'
told fs "$PWD/m .of process $ELSEWHERE." "$B"
drop
come_back "$B"
must mkfs.xfs -qf "$C"
elsewhere "$C" 'echo new >m/file'
told fs "$PWD/m .of process $ELSEWHERE." "$C"
must mount -o ro,norecovery,nouuid "$image" other
[ "$(cat other/file)" = new ] || fail "what was written to the xfs is not there"
must umount other
drop
come_back "$C"

# not mounted any more, and written to: 1000 blocks, of which none has to be on the disk yet
must mount "$A" m
python3 -c 'import os, time
fd = os.open("m/open", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
os.write(fd, b"x" * 1000000)
open("written", "w").close()
time.sleep(3600)' &
writer=$!
on_exit kill $writer
wait_for 60 test -e written || fail "nothing is written"
must umount -l m
told fs "the file system on ${A#/dev/}, not mounted any more, in use by process $writer" "$A"
clean "not mounted any more"
must mount -o ro,noload "$image" other
[ "$(stat -c %s other/open)" = 1000000 ] || fail "the file has $(stat -c %s other/open) bytes"
[ "$(tr -d x <other/open | wc -c)" = 0 ] || fail "the file is not what was written"
must umount other
drop
kill $writer
wait $writer 2>/dev/null
wait_for 60 is_free "$A" || fail "it is still in use"

# of an xfs with a log elsewhere nothing says where that is, once it is not mounted
must mkfs.xfs -qf -l "logdev=$B,size=64m" "$C"
must mount -o "logdev=$B" "$C" m
exec 7>m/open
must umount -l m
refuses 'lies on several devices' "$C"
exec 7>&-
wait_for 60 is_free "$C" || fail "it is still in use"

# held by what cannot be frozen
rm -f held
python3 -c 'import os, sys, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_EXCL)
open("held", "w").close()
time.sleep(3600)' "$D" &
on_exit kill $!
wait_for 60 test -e held || fail "it cannot be held"
refuses 'holds .* for itself.*--allow-held' "$D"
told crash "" --allow-held "$D"
snapset list -o +consistency >out
grep -q ' crash$' out || fail "list does not tell: $(cat out)"
drop
snapset create --store memory --allow-held "$D" >out 2>&1 || fail "$(cat out)"
grep -q 'NOT FROZEN' out || fail "create does not tell: $(cat out)"
drop
refuses 'cannot be frozen.*--require-frozen' --allow-held --require-frozen "$D"

events() { [ "$(grep -c '"state":"created","consistency":"crash"' events)" = 2 ]; }
wait_for 30 events || fail "the events do not tell: $(cat events)"
grep -q '"state":"created","consistency":"fs"' events || fail "the events tell no fs: $(cat events)"
finish
