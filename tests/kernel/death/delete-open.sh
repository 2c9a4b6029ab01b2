#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# An image that is open is not deleted, and then nothing of the set is; by force it
# is, and whoever has it open reads EIO, not an end of file and not anything else.
#
# row delete E_VOLUME_IN_USE - "an image is open" "the image * of * is open"
#
# Two processors: some read while the disk is taken away.
#
# about: release
# vm: --smp 2 --mem 1G --disk 8M --disk 32M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
take "$SCRATCH0" "$SCRATCH1"
cat >reader.py <<'EOF'
import errno, mmap, os, sys
fds = [os.open(sys.argv[1], os.O_RDONLY), os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)]
buf = mmap.mmap(-1, 4096)
for fd in fds:
    assert os.preadv(fd, [buf], 4096) == 4096
print("open", flush=True)
sys.stdin.readline()
for fd in fds:
    for off in 0, 4 << 20, 32 << 20:
        try:
            print(off, "read", os.preadv(fd, [buf], off), "bytes")
        except OSError as e:
            print(off, errno.errorcode[e.errno])
EOF
mkfifo go
python3 reader.py "${IMAGE[1]}" <go >reader.out &
reader=$!
exec 8>go
wait_for 60 grep -q open reader.out || fail "the image cannot be read"
udevadm settle
snapraw delete --now "$SET" >out && fail "an open image was deleted"
grep -Eq '^errno EBUSY .* text [^ ]+ [^ ]+' out || fail "$(cat out)"
must blk verify "${IMAGE[0]}" model
[ "$(snapraw sets)" = 1 ] || fail "the set is gone"
must snapraw snap "${SNAP[1]}" >snap.out
grep -q 'openers 2 ' snap.out || fail "$(cat snap.out)"

must snapraw delete --force "$SET"
echo >&8
must wait $reader
exec 8>&-
# behind the end there is none to read, and sector 0 may still be in the cache
[ "$(sed 1d reader.out | grep -c EIO)" -ge 3 ] || fail "no EIO: $(cat reader.out)"
grep -q '^4194304 read' reader.out && fail "no EIO: $(cat reader.out)"
wait_for 60 test ! -e "${IMAGE[1]}" || fail "the image's node stays"
[ "$(snapraw sets)" = 0 ] || fail "the set stays"

# the same with readers in full swing
take "$SCRATCH0"
for i in 1 2 3; do
	sh -c "while blk verify ${IMAGE[0]} model; do echo >read$i; done" 2>"reader$i" &
done
for i in 1 2 3; do
	wait_for 60 test -e "read$i" || fail "reader $i has not read the image once: $(cat "reader$i")"
done
must snapraw delete --force "$SET"
wait
grep -hv 'Input/output error' reader? >other
! grep -q 'is of write\|torn\|zeroes\|nobody' other || fail "a reader saw wrong data: $(cat other)"
finish
