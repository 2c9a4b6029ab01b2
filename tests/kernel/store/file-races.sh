#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Files that are stores, and others at the same time: a store that goes while another set
# is made of the volume that it lies on; a mapping of the file that is written to while it
# is pinned; a file of which a store is refused; one that ends inside of a block.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 16M --disk 64M --disk 16M --disk 320M
. "$(dirname "$0")/../lib.sh"

load
mkdir m i
fill "$SCRATCH0" model
fill "$SCRATCH2" other

# The second set has left the first one's file out when that is deleted. Its blocks must
# not become somebody else's before the instant of the second: those would be zeros.
mounted ext4 "$SCRATCH1" m
store_file m/s 30
snapraw take --keep --store-file m/s --freeze m "$SCRATCH1" >out || fail "no set: $(cat out)"
taken out
fault 'prepare 2 1 100000 0'
snapraw take --keep --freeze m "$SCRATCH1" "$SCRATCH2" >out.two &
taker=$!
wait_for 60 fault_hit prepare || fail "the second set is not being made"
must snapraw delete "$SET"
sync -f m
python3 -c '
import errno
f = open("m/g", "wb", buffering=0)
try:
    for i in range(60):
        f.write(bytes([i + 1]) * (1 << 20))
except OSError as e:
    if e.errno != errno.ENOSPC: raise
import os
os.fsync(f.fileno())' || fail "nothing could be written"
gone $taker && fail "the set was made before the file was written: nothing is proved"
md5sum <m/g >sum.then
fault go
must wait $taker
taken out.two
fault off
must mount -o ro,noload "${IMAGE[0]}" i
md5sum <i/g | cmp -s - sum.then || fail "what was written while the set was made is wrong in it"
must umount i
wait_for 60 test ! -e m/s || fail "the first store's file is left"
must snapraw delete "$SET"
rm m/g

# Who maps the file between the first look and the mark could make a page dirty after all
# has been written, in a fault that has not seen the mark: it is refused.
store_file m/s 16
cat >dirty.py <<'E2'
import mmap, os
m = mmap.mmap(os.open("m/s", os.O_RDWR), 0)
print("mapped", flush=True)
while True:
    for i in range(8, len(m) // 4096 - 8):
        m[i * 4096] = 0x58
E2
fault 'pin 1 1 100000 0'
fault 'pin-mark 1 1 100000 0'
snapraw take --keep --store-file m/s "$SCRATCH0" >out &
taker=$!
wait_for 60 fault_hit pin || fail "nothing is pinned"
python3 dirty.py >dirty.out 2>&1 &
dirty=$!
wait_for 60 grep -q mapped dirty.out || fail "the file cannot be mapped: $(cat dirty.out)"
fault go
wait_for 60 fault_hit pin-mark || fail "nothing is to be marked"
gone $dirty && fail "nobody writes any more before the mark: $(cat dirty.out)"
fault go
wait $taker && fail "a file that somebody writes to is a store: $(cat out)"
grep -q "^errno EBUSY .* mapped into somebody" out || fail "refused for another reason: $(cat out)"
fault off
# it may have met the mark
kill $dirty
wait $dirty 2>/dev/null
cp model model.then
take --store-file m/s "$SCRATCH0"
must blk churn "$SCRATCH0" model --engine aio --cover --len 12M --min 4K --max 64K --depth 4 >churn.out
sync
must blk verify "${IMAGE[0]}" model.then
must snapraw delete "$SET"

# no memory for the store: the file stays its owner's
store_file m/s 16
fault 'alloc:snapset_store_open* 2 1 0 12'
refused ENOMEM --store-file m/s "$SCRATCH0"
fault_hit 'alloc:snapset_store_open*' || fail "nothing was refused"
fault off
sleep 0.5
[ -e m/s ] || fail "the file of a store that was refused has gone"
take --store-file m/s "$SCRATCH0"
must snapraw delete "$SET"
must umount m

# blocks larger than pages, where the kernel knows these
modprobe -q xfs
if mkfs.xfs -qf -b size=16k "$SCRATCH3" && mount -t xfs "$SCRATCH3" m 2>/dev/null; then
	on_exit umount m
	store_file m/s 16
	must truncate -s $(((16 << 20) + 4096)) m/s
	refused EINVAL --store-file m/s "$SCRATCH0"
	grep -q 'not of whole blocks of 16384 bytes' take || fail "refused for another reason: $(cat take)"
	rm m/s
	store_file m/s 16
	take --store-file m/s "$SCRATCH0"
	must snapraw delete "$SET"
	must umount m
else
	note "this kernel's xfs has no blocks of 16 KiB"
fi
finish
