#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A mount point whose file system is mounted on demand, as systemd does it for
# x-systemd.automount: to name it is a demand. One that cannot be mounted is refused.
#
# about: library
# vm: --smp 1 --mem 1G --disk 32M
. "$(dirname "$0")/../lib.sh"

need snapset python3
modprobe autofs4 2>/dev/null || modprobe autofs 2>/dev/null || skip "no autofs"
load
mkdir direct
where=$PWD/direct
# a direct mount that is made at the first access
cat >auto.py <<'P'
import ctypes, fcntl, os, struct, subprocess, sys
where, device = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
r, w = os.pipe2(0)
os.setpgid(0, 0)
options = b'fd=%d,pgrp=%d,minproto=5,maxproto=5,direct' % (w, os.getpgrp())
if libc.mount(b'systemd-1', where.encode(), b'autofs', 0, options):
    sys.exit('mount: ' + os.strerror(ctypes.get_errno()))
os.close(w)
control = os.open('/dev/autofs', os.O_RDONLY)
def ask(number, fd, a=0, b=0, path=b''):
    buf = bytearray(struct.pack('IIII', 1, 0, 24 + len(path), fd & 0xffffffff) + struct.pack('II', a, b) + path)
    fcntl.ioctl(control, (3 << 30) | (24 << 16) | (0x93 << 8) | number, buf)
    return buf
major, minor = [l.split() for l in open('/proc/self/mountinfo') if l.split()[4] == where][-1][2].split(':')
opened = ask(0x74, -1, int(major) << 20 | int(minor), 0, where.encode() + b'\0')
fd = struct.unpack('I', bytes(opened[12:16]))[0]
open('ready', 'w').close()
while True:
    packet = os.read(r, 304)
    if len(packet) < 12:
        break
    token = struct.unpack('III', packet[:12])[2]
    ok = subprocess.call(['mount', device, where]) == 0
    ask(0x76 if ok else 0x77, fd, token, 0 if ok else 0xfffffffe)
    open('mounted' if ok else 'failed', 'w').close()
P
python3 auto.py "$where" "$SCRATCH0" >auto.out 2>&1 &
auto=$!
on_exit umount -l "$where"
on_exit kill $auto
on_exit umount "$where"
wait_for 60 test -e ready || fail "no automount: $(cat auto.out)"

# nothing is on the disk yet
! snapset create --store memory "$where" >out 2>&1 || fail "taken, and nothing can be mounted"
[ -e failed ] || fail "it was not asked: $(cat out)"
grep -q "$where" out || fail "$(cat out)"
[ -z "$(snapraw list)" ] || fail "a set is left"

must mkfs.ext4 -qF "$SCRATCH0"
[ ! -e mounted ] || fail "it is mounted already"
must snapset create --store memory --json "$where" >created
[ -e mounted ] || fail "it was not mounted"
[ "$(json created 'd["snapshots"][0]["consistency"]')" = fs ] || fail "$(cat created)"
must fsck.ext4 -fn "$(json created 'd["snapshots"][0]["device"]')" >fsck.out 2>&1
must snapset delete --all >/dev/null
must umount "$where"
kill $auto
wait $auto 2>/dev/null
must umount -l "$where"
finish
