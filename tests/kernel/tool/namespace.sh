#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# An agent in a container speaks of the host's mount points: --mount-namespace, and
# snap_set_mount_namespace(). What it runs, and where it is, stays as it was.
#
# about: tool
# vm: --smp 1 --mem 1G --disk 64M --disk 64M
. "$(dirname "$0")/../lib.sh"
# shellcheck source=/dev/null
. "$TESTS/tool/json.bash"

need snapset mkfs.ext4 python3
load
must mkfs.ext4 -qF "$SCRATCH0"
mkdir there store

# the host's: the file system is mounted in this namespace only
# shellcheck disable=SC2016 # the other shell's
unshare -m sh -c 'mount "$1" there && echo old >there/file && : >mounted && exec sleep 3600' sh "$SCRATCH0" &
host=$!
on_exit kill $host
wait_for 60 test -e mounted || fail "no mount in a namespace"

snapset create --store memory "$PWD/there" >out 2>&1 && fail "taken without being seen"
grep -q 'neither a mount point nor' out || fail "$(cat out)"
mkdir sub
cd sub || exit
# shellcheck disable=SC2016 # the command's
must snapset create --store memory --mount-namespace $host --mount "$TMP/store" "$TMP/there" --exec \
	sh -c 'pwd; readlink /proc/self/ns/mnt; cat "$SNAP_MOUNT$1/file"; snapset list --json' sh "$TMP/there" >"$TMP/out" 2>"$TMP/err"
cd .. || exit
[ "$(sed -n 1p out)" = "$PWD/sub" ] || fail "the command runs in $(sed -n 1p out)"
[ "$(sed -n 2p out)" != "$(readlink /proc/$host/ns/mnt)" ] || fail "the command runs in the other namespace"
[ "$(sed -n 3p out)" = old ] || fail "it sees $(cat out err)"
sed 1,3d out | grep -q '"consistency": *"fs"' || fail "not frozen: $(cat out)"

# the store's directory is there as well, and the default one
must snapset create --keep --store "$PWD/there:1M" --mount-namespace $host --json "$(readlink -f "$SCRATCH1")" >created
[ "$(json created 'd["store"]["kind"]')" = file ] || fail "$(cat created)"
[ -n "$(find "/proc/$host/root$PWD/there" -name '.snapset*' -o -name '*.store' | head -n 1)" ] ||
	[ "$(du -s "/proc/$host/root$PWD/there" | cut -f 1)" -gt 1000 ] || fail "no store on the host's file system"
must snapset delete --all >/dev/null

# from a program with several threads, through the library
cat >agent.py <<'END'
import ctypes, os, sys, threading, time
lib = ctypes.CDLL("libsnap.so.0")
threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
class Info(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("code", ctypes.c_int), ("sys_errno", ctypes.c_int),
                ("phase", ctypes.c_int), ("member", ctypes.c_char * 256), ("text", ctypes.c_char * 512)]
def check(s, st, what):
    if st:
        info = Info(size=ctypes.sizeof(Info))
        lib.snap_last_error(s, ctypes.byref(info))
        sys.exit("%s: %s" % (what, info.text.decode()))
s, job = ctypes.c_void_p(), ctypes.c_void_p()
check(None, lib.snap_open(0, ctypes.byref(s)), "open")
assert lib.snap_set_mount_namespace(s, -1) != 0
assert lib.snap_set_mount_namespace(s, 0x3fffffff) != 0
check(s, lib.snap_set_mount_namespace(s, int(sys.argv[1])), "namespace")
id = ctypes.create_string_buffer(16)
check(s, lib.snap_start_snapshot_set(s, id), "start")
yes, why = ctypes.c_bool(), ctypes.c_int()
check(s, lib.snap_is_volume_supported(s, sys.argv[2].encode(), ctypes.byref(yes), ctypes.byref(why)), "supported")
assert yes.value
here = os.readlink("/proc/thread-self/ns/mnt"), os.getcwd()
st = lib.snap_add_to_snapshot_set(s, b"/nothing", None)
assert st
info = Info(size=ctypes.sizeof(Info))
lib.snap_last_error(s, ctypes.byref(info))
assert b"/nothing" in info.text, info.text
check(s, lib.snap_add_to_snapshot_set(s, sys.argv[2].encode(), None), "add")
check(s, lib.snap_do_snapshot_set(s, ctypes.byref(job)), "do")
lib.snap_async_wait(job, -1)
status = ctypes.c_int()
check(s, lib.snap_async_status(job, ctypes.byref(status)), "status")
assert status.value == 0x0004230A, hex(status.value)
assert here == (os.readlink("/proc/thread-self/ns/mnt"), os.getcwd())
os.system("snapset list --json >listed")
lib.snap_async_free(job)
lib.snap_close(s)
END
must python3 agent.py $host "$PWD/there"
grep -q '"consistency": *"fs"' listed || fail "not frozen: $(cat listed)"

snapset create --store memory --mount-namespace 999999999 "$PWD/there" >out 2>&1 && fail "whose namespace?"
grep -q 'OBJECT_NOT_FOUND' out || fail "$(cat out)"
snapset create --store memory --mount-namespace 1 --transactions /etc "$PWD/there" >out 2>&1 && fail "with transactions"
grep -q 'programs of this mount namespace' out || fail "$(cat out)"
finish
