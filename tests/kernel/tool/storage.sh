#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The command with a store in a directory: on the very volume that it keeps, made larger
# from another one, shown, removed with the set; what an unclean end has left goes with
# the next; and what stands above or below the volume cannot hold it.
#
# about: tool
# vm: --mem 1G --disk 400M --disk 128M --disk 64M
. "$(dirname "$0")/../lib.sh"
# shellcheck source=/dev/null
. "$TESTS/tool/json.bash"

need snapset losetup
load
mounted ext4 "$SCRATCH0" "$TMP/a" -b 4096
mounted ext4 "$SCRATCH1" "$TMP/b" -b 4096
# a set that is left holds the file system with its store
on_exit snapset delete --all --force
mkdir i

stores() { find "$1" -name '.snapset-*' | wc -l; }

none() { [ "$(stores "$1")" = 0 ]; }

# says WORDS COMMAND...: it fails, and in these words
says() {
	local words=$1

	shift
	"$@" >out 2>&1 && fail "this should not work: $*"
	grep -q "$words" out || fail "$*: not '$words' but: $(cat out)"
	note "$(cat out)"
}

# left by a power cut: labels, and nobody has it; beside it a file of the user's
stale=$TMP/a/.snapset-01234567-89ab-4cde-8f01-23456789abcd.store
store_file "$stale" 1
echo mine >"$TMP/a/.snapset-01234567-89ab-4cde-8f01-23456789abce.store"

must dd if=/dev/urandom of="$TMP/a/file" bs=1M count=6 conv=fsync status=none
sum=$(md5sum <"$TMP/a/file")
must snapset create --json --store "$TMP/a:64M" "$TMP/a" >created
set=$(json created 'd["id"]') image=$(json created 'd["snapshots"][0]["device"]')
path=$(json created 'd["store"]["path"]')
[ ! -e "$stale" ] || fail "the stale file is left"
[ "$(json created 'd["store"]["kind"]') $(json created 'd["store"]["files"]')" = "file 1" ] ||
	fail "$(cat created)"
case $path in
"$TMP"/a/.snapset-*.store) [ -f "$path" ] || fail "there is no $path" ;;
*) fail "not this path: $path" ;;
esac
[ "$(stat -c %s "$path")" = $((64 << 20)) ] || fail "its size is $(stat -c %s "$path")"
must_not rm -f "$path"

# overwritten in place, and past the file system's cache
must dd if=/dev/urandom of="$TMP/a/file" bs=1M count=6 conv=notrunc oflag=direct status=none
must mount -o ro,noload "$image" i
on_exit umount i
[ "$(md5sum <i/file)" = "$sum" ] || fail "the image's file has changed"
must snapset show --json "$set" >shown
[ "$(json shown 'd["store"]["used"] >= 6 << 20')" = true ] || fail "$(cat shown)"
must snapset show "$set" >words
grep -q "^store  file $path, .* used" words || fail "$(cat words)"

# larger, from a volume without snapshots; not from one with
says 'which is in a set already.*E_NESTED' snapset storage extend "$set" "$TMP/a:1M"
[ "$(stores "$TMP/a")" = 2 ] || fail "a file is left of what was refused"
size=$(json shown 'd["store"]["size"]')
must snapset storage extend --json "$set" "$TMP/b:32M" >larger
[ "$(json larger 'd["store"]["files"]')" = 2 ] || fail "$(cat larger)"
[ "$(json larger "d['store']['size'] > $size + (31 << 20)")" = true ] || fail "$(cat larger)"
must snapset show "$set" >words
grep -q "^store  2 files, the first is $path" words || fail "$(cat words)"
must_not rm -f "$TMP"/b/.snapset-*
# neither is swept while it is a store
must_not snapset create --store "$TMP/a:1M" "$SCRATCH2"
[ "$(stores "$TMP/a") $(stores "$TMP/b")" = "2 1" ] || fail "a store was swept"
says 'no room.*E_INSUFFICIENT' snapset storage extend "$set" "$TMP/b:32G"
says 'E_OBJECT_NOT_FOUND' snapset storage extend "$set" "$TMP/nowhere"
must cp i/file copy
[ "$(md5sum <copy)" = "$sum" ] || fail "the image's file has changed"
must umount i
must snapset delete --set "$set"
wait_for 60 none "$TMP/b"
[ "$(stores "$TMP/a") $(stores "$TMP/b")" = "1 0" ] || fail "files are left"

# one in memory, too; not beside what a set that shares it stands on, nor the reverse
truncate -s 16M "$TMP/b/disk"
loop=$(losetup -f --show "$TMP/b/disk") || fail "losetup"
on_exit losetup -d "$loop"
must snapset create --json --store memory:64K "$SCRATCH2" >created
set=$(json created 'd["id"]')
must snapset create --json --store "shared:$set" "$loop" >created
other=$(json created 'd["id"]')
says 'loop device with its file on.*E_NESTED' snapset storage extend "$set" "$TMP/b:1M"
[ "$(stores "$TMP/b")" = 0 ] || fail "a file is left of what was refused"
must snapset delete --set "$other"
must snapset storage extend --json "$set" "$TMP/b:1M" >larger
[ "$(json larger 'd["store"]["kind"]') $(json larger 'd["store"]["files"]')" = "memory 1" ] ||
	fail "$(cat larger)"
[ "$(json larger 'd["store"]["size"] > 1 << 19')" = true ] || fail "$(cat larger)"
must snapset show "$set" >words
grep -q "^store  memory and file $TMP/b/.snapset-.*, .* used" words || fail "$(cat words)"
says 'loop device with its file on.*E_NESTED' snapset create --store "shared:$set" "$loop"
must dd if=/dev/urandom of="$SCRATCH2" bs=64K count=8 oflag=direct status=none
must snapset list --json >words
[ "$(json words '[p["state"] for s in d["sets"] for p in s["snapshots"]]')" = "['live']" ] || fail "$(cat words)"
must losetup -d "$loop"
must snapset delete --set "$set"
wait_for 60 none "$TMP/b" || fail "the file is left"

# above it: its own writes would go to the file's file system; below it: the reverse
truncate -s 16M "$TMP/a/disk"
loop=$(losetup -f --show "$TMP/a/disk") || fail "losetup"
on_exit losetup -d "$loop"
says 'loop device with its file on.*E_NESTED' snapset create --store "$TMP/a:1M" "$loop"
must losetup -d "$loop"
dm upper "0 $(sectors "$SCRATCH2") linear $SCRATCH2 0"
mounted ext4 /dev/mapper/upper "$TMP/c"
says 'is made of sectors of.*E_NESTED' snapset create --store "$TMP/c:1M" "$SCRATCH2"
wait_for 60 none "$TMP/c" || fail "a file is left of a set that was not made"
must snapset create --json --store "$TMP/c:1M" "$TMP/c" >created
must snapset delete --set "$(json created 'd["id"]')"
must umount "$TMP/c"
[ "$(stores "$TMP/a")" = 1 ] || fail "the user's own file has gone, or another is left"
must umount "$TMP/a"

# elsewhere, too, if it can be; else no file is left of the attempt
for kind in xfs btrfs; do
	modprobe -q $kind
	grep -qw $kind /proc/filesystems || { note "this kernel has no $kind"; continue; }
	mounted $kind "$SCRATCH0" "$TMP/a"
	must snapset create --json --store "$TMP/a:32M" "$TMP/a" >created
	[ "$(stores "$TMP/a")" = 1 ] || fail "$kind: no file"
	must snapset delete --set "$(json created 'd["id"]')"
	wait_for 60 none "$TMP/a" || fail "$kind: the file is left"
	must umount "$TMP/a"
done
must mount -t tmpfs tmpfs "$TMP/a"
says 'type tmpfs cannot.*E_VOLUME_NOT_SUPPORTED' snapset create --store "$TMP/a:1M" "$SCRATCH2"
none "$TMP/a" || fail "tmpfs: a file is left"
must umount "$TMP/a"
finish
