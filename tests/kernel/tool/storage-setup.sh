#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Where the store goes if nobody says so: on the volume, beside or in that of its other
# snapshots, elsewhere when no file can be there, in the directory that "snapset storage add"
# was told, in memory when there is no place; what that says, limits and refuses; and the
# file that remembers it.
#
# about: tool
# vm: --mem 1G --disk 256M --disk 400M --disk 64M
. "$(dirname "$0")/../lib.sh"
# shellcheck source=/dev/null
. "$TESTS/tool/json.bash"

need snapset
load
export SNAPSET_CONF_DIR=$TMP/etc
conf=$SNAPSET_CONF_DIR/storage.conf

stores() { find "$1" -name '.snapset-*' | wc -l; }

# created PLACE DIRECTORY VOLUME...: a set, with its store there and for that reason
created() {
	local place=$1 directory=$2 why path

	shift 2
	must snapset create --json "$@" >created 2>said
	[ ! -s said ] || note "$(cat said)"
	read -r set store why path <<<"$(json created \
		'" ".join([d["id"], str(d["store"]["id"]), d["store"]["place"], d["store"].get("path", "")])')"
	[ "$why" = "$place" ] || fail "not for $place: $(cat created)"
	[ "${path%/*}" = "$directory" ] || fail "$place: not in $directory but $path"
}

# says WORDS COMMAND...: it fails, and in these words
says() {
	local words=$1

	shift
	"$@" >out 2>&1 && fail "this should not work: $*"
	grep -q "$words" out || fail "$*: not '$words' but: $(cat out)"
	note "$(cat out)"
}

# listed N EXPRESSION: of the Nth storage, as Python
listed() {
	must snapset storage list --json >listed
	[ "$(json listed "(lambda s: $2)(d['storage'][$1])")" = true ] || fail "not $2: $(cat listed)"
}

# no file system for it: memory, and that is said
created memory '' "$SCRATCH2"
grep -q 'the store is in memory, as no file system' said || fail "not said: $(cat said)"
must snapset delete --set "$set"
# said so, it needs no words
must snapset create --store memory "$SCRATCH2" >out 2>said
[ ! -s said ] || fail "said: $(cat said)"
must snapset delete --all

# on the volume itself, by just "create"; the second one shares it, as no file can come there
mounted ext4 "$SCRATCH0" "$TMP/a" -b 4096
# nor on one that cannot hold it now, for whatever reason; the true one is told
memory() { # WORDS
	created memory '' "$SCRATCH2"
	grep -q "the store is in memory, as $1" said || fail "not '$1' but: $(cat said)"
	must snapset delete --all
}
must snapset create --store memory "$TMP/a" >out
memory 'no file system here can hold it that has no snapshots itself'
touch "$TMP/a/.snapset"
memory "no file can be the store: $TMP/a/.snapset cannot be made: Operation not permitted"
rm "$TMP/a/.snapset"
dd if=/dev/zero of="$TMP/a/big" bs=1M status=none 2>/dev/null
memory "no file system here has room for it: half of the .* free in $TMP/a, which has the most"
must rm "$TMP/a/big"
must mount -o remount,ro "$TMP/a"
memory 'no file system here can hold it: none is ext4, xfs or btrfs, .*writable'
must mount -o remount,rw "$TMP/a"
mounted ext4 "$SCRATCH1" "$TMP/b" -b 4096
# a set that is left holds the file system with its store
on_exit snapset delete --all --force
must dd if=/dev/urandom of="$TMP/a/file" bs=1M count=6 conv=fsync status=none
sum=$(md5sum <"$TMP/a/file")
created volume "$TMP/a/.snapset" "$TMP/a"
grep -q "a file of .* in $TMP/a/.snapset, on a volume of the set" said || fail "not said: $(cat said)"
[ "$(stat -c '%a %u' "$TMP/a/.snapset")" = '700 0' ] || fail "anybody may write there"
first=$set
must dd if=/dev/urandom of="$TMP/a/file" bs=1M count=6 conv=notrunc oflag=direct status=none
mkdir i
must mount -o ro,noload "$(json created 'd["snapshots"][0]["device"]')" i
on_exit umount i
[ "$(md5sum <i/file)" = "$sum" ] || fail "the image's file has changed"
must umount i
shared=$store
created copies "$TMP/a/.snapset" "$TMP/a"
[ "$store" = "$shared" ] || fail "it is another store: $(cat created)"
grep -q 'the store is the one which another snapshot has' said || fail "not said: $(cat said)"
must snapset delete --set "$first"
[ "$(stores "$TMP/a")" = 1 ] || fail "the store has gone with the first"
must snapset delete --all
# on what has snapshots, but no store to be shared, none is made; beside another file one is
must snapset create --json --store memory "$TMP/a" >created
first=$(json created 'd["id"]')
created room "$TMP/b/.snapset" "$TMP/a"
must snapset delete --set "$first"
created copies "$TMP/b/.snapset" "$TMP/a"
[ "$(stores "$TMP/b")" = 2 ] || fail "not two files"
must snapset delete --all
# nothing is made on the place of somebody else
must rm -rf "$TMP/a/.snapset"
must ln -s "$TMP/b" "$TMP/a/.snapset"
created room "$TMP/b/.snapset" "$TMP/a"
must snapset delete --all
must rm "$TMP/a/.snapset"

# as it is set up: for one volume, and for all others
mkdir "$TMP/b/all"
says 'E_OBJECT_NOT_FOUND' snapset storage add "$TMP/a" "$TMP/b/no/one"
says 'E_OBJECT_NOT_FOUND' snapset storage add /dev/nothing "$TMP/b/one"
[ ! -e "$TMP/b/one" ] || fail "a directory is left of what did not work"
# nor where no store can ever be: what "create" would say, and nothing is left or set up
cannot() { # WORDS DIRECTORY: with the module, and without
	says "$1" snapset storage add "$SCRATCH2" "$2"
	must rmmod snapset
	says "$1" snapset storage add "$SCRATCH2" "$2"
	load
	[ ! -e "$2" ] || [ "$(find "$2" -mindepth 1 | wc -l)" = 0 ] || fail "a file is left in $2"
	[ ! -e "$conf" ] || fail "it is set up: $(cat "$conf")"
}
mkdir t
must mount -t tmpfs tmpfs t
on_exit umount t
cannot 'type tmpfs cannot.*E_VOLUME_NOT_SUPPORTED' "$TMP/t"
cannot 'type tmpfs cannot.*E_VOLUME_NOT_SUPPORTED' "$TMP/t/new"
[ ! -e t/new ] || fail "a directory is left of what did not work"
mkdir "$TMP/b/ro"
must mount -o remount,ro "$TMP/b"
cannot 'Read-only file system.*E_INVALIDARG' "$TMP/b/ro"
cannot 'Read-only file system.*E_INVALIDARG' "$TMP/b/new"
must mount -o remount,rw "$TMP/b"
# what is full now need not stay so
dd if=/dev/zero of="$TMP/b/big" bs=1M status=none 2>/dev/null
must snapset storage add "$SCRATCH2" "$TMP/b/ro"
must snapset storage remove "$SCRATCH2"
must rm "$TMP/b/big" "$conf"
must rmdir "$TMP/b/ro"
must snapset storage add --minimum 16M --maximum 40M "$TMP/a" "$TMP/b/one" 2>said
grep -q "made the directory $TMP/b/one" said || fail "not said: $(cat said)"
must snapset storage add --maximum 10% '*' "$TMP/b/all"
grep -q "^$TMP/a	$TMP/b/one	16M	40M\$" "$conf" || fail "not written: $(cat "$conf")"
[ "$(stat -c '%a %u' "$TMP/b/one")" = '700 0' ] || fail "anybody may look into the new directory"
says 'already.*E_OBJECT_ALREADY' snapset storage add "$TMP/a" "$TMP/b/one"
says 'one volume has one.*E_MAXIMUM_DIFFAREA' snapset storage add "$SCRATCH0" "$TMP/b/all"
says 'E_OBJECT_NOT_FOUND' snapset storage add /dev/nothing "$TMP/b/all"
listed 0 's["minimum"] == 16 << 20 and s["maximum"] == 40 << 20 and s["stores"] == 0'
listed 1 's["volume"] == "*" and s["maximum_percent"] == 10 and 30 << 20 < s["maximum"] < 40 << 20'
created storage "$TMP/b/one" "$TMP/a"
[ ! -s said ] || fail "who has set it up need not be told: $(cat said)"
first=$set
must dd if=/dev/urandom of="$TMP/a/file" bs=1M count=4 conv=notrunc oflag=direct status=none
listed 0 's["stores"] == 1 and 15 << 20 < s["allocated"] <= 16 << 20 and s["used"] >= 4 << 20'
listed 1 's["stores"] == 0'
created storage "$TMP/b/all" "$SCRATCH2"
listed 1 's["stores"] == 1'
must snapset storage list >words
grep -q '^all others in ' words || fail "$(cat words)"

# the maximum is for all of its stores; less than they have takes nothing away
created storage "$TMP/b/one" "$TMP/a"
created storage "$TMP/b/one" "$TMP/a"
listed 0 's["stores"] == 3 and 39 << 20 < s["allocated"] <= 40 << 20'
says 'has no room for a store.*E_INSUFFICIENT' snapset create "$TMP/a"
# a link stays one
must mv "$conf" real.conf
must ln -s "$TMP/real.conf" "$conf"
must snapset storage resize --maximum 20M "$TMP/a" 2>said
[ -L "$conf" ] || fail "the link was replaced: $(ls -l "$conf")"
must grep -q '	20M$' real.conf
# but not one that somebody else could have changed meanwhile
must chmod 777 "$TMP"
says 'cannot write.*not permitted' snapset storage resize --maximum 30M "$TMP/a"
must chmod 700 "$TMP"
grep -q 'more than that is allocated' said || fail "not said: $(cat said)"
listed 0 's["stores"] == 3 and s["maximum"] == 20 << 20'
[ "$(snapset list | grep -c live)" = 4 ] || fail "a snapshot is lost: $(snapset list)"
must snapset storage resize --maximum unbounded "$SCRATCH0"
listed 0 '"maximum" not in s and s["minimum"] == 16 << 20'
created storage "$TMP/b/one" "$TMP/a"

# forgotten only when nothing lies there, or by force, and then that stays
says '4 stores lie in .*E_VOLUME_IN_USE' snapset storage remove "$TMP/a"
must snapset storage remove --force "$TMP/a"
[ "$(stores "$TMP/b/one")" = 4 ] || fail "the stores have gone"
must snapset delete --set "$first"
says '1 store lies in .*E_VOLUME_IN_USE' snapset storage remove '*'
must snapset delete --all
must snapset storage remove '*'
must snapset storage list >words
[ ! -s words ] || fail "left: $(cat words)"

# a "#" in a name is no remark, wherever it stands in it
mkdir "$TMP/b/#x"
mounted ext4 "$SCRATCH2" "$TMP/a#b"
must snapset storage add --maximum 20M "$TMP/a#b" "$TMP/b/#x"
listed 0 "s['volume'] == '$TMP/a#b' and s['directory'] == '$TMP/b/#x'"
must snapset storage resize --minimum 1M "$TMP/a#b"
created storage "$TMP/b/#x" "$TMP/a#b"
says '1 store lies in .*E_VOLUME_IN_USE' snapset storage remove "$TMP/a#b"
must snapset delete --all
printf '%s\t%s\t-\t20M\t# %s /#\n' "$TMP/a#b" "$TMP/b/#x" "$TMP/a#b" >"$conf"
listed 0 's["maximum"] == 20 << 20'
created storage "$TMP/b/#x" "$TMP/a#b"
must snapset storage resize --maximum 10M "$TMP/a#b"
tail -n 1 "$conf" | grep -qF "a\\043b	$TMP/b/\\043x	-	10M	# $TMP/a#b /#" || fail "$(cat "$conf")"
must snapset delete --all
must snapset storage remove "$TMP/a#b"
must umount "$TMP/a#b"

# by hand, and badly: nothing is done by halves
printf '# mine\n%s %s 16M # why\n%s\n' "$TMP/a" "$TMP/b/one" "$TMP/b" >"$conf"
cp "$conf" conf.then
says "$conf:3: the directory is missing" snapset create "$TMP/a"
says "$conf:3: the directory is missing" snapset storage remove "$TMP/a"
cmp "$conf" conf.then || fail "a file that was not understood has changed"
sed -i '$d' "$conf"
must rmmod snapset		# it does not need the module
must snapset storage resize --maximum 50% "$SCRATCH0"
printf '# mine\n%s\t%s\t16M\t50%%\t# why\n' "$TMP/a" "$TMP/b/one" | cmp - "$conf" || fail "$(cat "$conf")"
[ ! -e /sys/module/snapset ] || fail "what does not need the module has it loaded"
# who needs it has it loaded by the question
created storage "$TMP/b/one" "$TMP/a"
must snapset delete --all
[ "$(stores "$TMP")" = 0 ] || fail "a file is left"
finish
