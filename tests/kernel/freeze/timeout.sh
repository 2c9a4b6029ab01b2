#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A file system that cannot be frozen, because a write to it is stuck half way: the
# set fails at the freeze's deadline and with a sentence, other file systems thaw
# at once, this one when its freeze has come to pass; and then there is a set.
#
# about: release
# vm: --smp 1 --mem 1G --disk 32M --disk 64M --disk 64M
. "$(dirname "$0")/../lib.sh"

load
mounted ext4 "$SCRATCH1" "$TMP/stuck"
mounted ext4 "$SCRATCH2" "$TMP/free"
# a write whose data come from a disk that stands still holds the file system open
dm source "0 $(sectors "$SCRATCH0") linear $SCRATCH0 0"
blockdev --flushbufs /dev/mapper/source
must dmsetup suspend --nolockfs --noflush source
on_exit dmsetup resume source
python3 -c 'import mmap, os, sys
source = mmap.mmap(os.open(sys.argv[1], os.O_RDONLY), 4096, prot=mmap.PROT_READ)
file = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT)
open("writing", "w")
os.write(file, source)' /dev/mapper/source "$TMP/stuck/file" &
writer=$!
must wait_for 60 test -e writing
must wait_for 60 waits_for_io $writer

made() { snapraw take --freeze "$TMP/free" --freeze "$TMP/stuck" "$SCRATCH1" "$SCRATCH2" >out; }
refused E_FLUSH_WRITES_TIMEOUT --freeze-timeout 3000 --freeze "$TMP/free" --freeze "$TMP/stuck" \
	"$SCRATCH1" "$SCRATCH2"
frozen=$(sed -n 's/^code .* frozen_ms \([0-9]*\) .*/\1/p' take)
note "$(cat take)"
gone $writer && fail "nobody was stuck: nothing is proved"
# the rest is for a machine that stands still for a moment
if [ "$frozen" -lt 2990 ] || [ "$frozen" -gt 5000 ]; then
	fail "frozen for $frozen ms instead of 3000"
fi
must timeout 60 dd if=/dev/zero of="$TMP/free/data" bs=64k count=4 conv=fsync status=none
# while the freeze is owed others can be snapshotted
must snapraw take --freeze "$TMP/free" "$SCRATCH2" >out
# but not this one, and nothing hangs either
timeout 60 snapraw take --freeze-timeout 700 --freeze "$TMP/free" --freeze "$TMP/stuck" \
	"$SCRATCH1" "$SCRATCH2" >out && fail "a set was made of what cannot be frozen"
grep -Eq '^(errno EBUSY|code E_PROVIDER_VETO|code E_FLUSH_WRITES_TIMEOUT) .* text [^ ]+ [^ ]+' out ||
	fail "$(cat out)"

must dmsetup resume source
wait_for 60 gone $writer || fail "the writer is stuck for good: the file system stays frozen"
must timeout 60 dd if=/dev/zero of="$TMP/stuck/data" bs=64k count=4 conv=fsync status=none
wait_for 60 made || fail "no set afterwards: $(cat out)"
for fs in free stuck; do
	must timeout 60 fsfreeze -f "$TMP/$fs"
	must timeout 60 fsfreeze -u "$TMP/$fs"
	must umount "$TMP/$fs"
done
finish
