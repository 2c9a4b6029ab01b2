#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A store in a btrfs lies in a subvolume of its own: whose the file system is can make
# snapshots of the subvolumes while it is there, which btrfs refuses of one with a store.
#
# about: tool
# vm: --smp 1 --mem 1G --disk 256M
. "$(dirname "$0")/../lib.sh"

need snapset btrfs
load
mounted btrfs "$SCRATCH0" "$TMP/m"
head -c 1000000 /dev/urandom >m/a
btrfs subvolume create m/home >/dev/null || fail "no subvolume"
mkdir m/.snapset	# as it was made once
must snapset create --keep --json "$TMP/m" >created
path=$(json created 'd["store"]["path"]')
[ "$(dirname "$path")" = "$TMP/m/.snapset" ] || fail "the store is elsewhere: $path"
must btrfs subvolume show m/.snapset >/dev/null
[ "$(stat -c '%a %u' m/.snapset)" = '700 0' ] || fail "$(stat m/.snapset)"
image=$(json created 'd["snapshots"][0]["device"]')
before=$(blk digest "$image")
must btrfs subvolume snapshot -r m m/s1 >/dev/null
must btrfs subvolume snapshot m/home m/s2 >/dev/null
must cmp m/a m/s1/a
head -c 1000000 /dev/urandom >m/a
must sync -f m
[ "$(blk digest "$image")" = "$before" ] || fail "the image has changed"
must snapset delete --all >/dev/null
[ -z "$(ls -A m/.snapset)" ] || fail "left: $(ls -A m/.snapset)"
must snapset create --json "$TMP/m" --exec true >/dev/null
must btrfs subvolume delete m/.snapset >/dev/null
must umount m
must btrfs check --readonly "$SCRATCH0" >out 2>&1
finish
