#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A disk to which a machine swaps, whose memory is short: its image stays as it was, what was
# swapped comes back, and nothing waits for memory that only the swap could give.
#
# about: interface
# long: 5.10 7
# vm: --smp 1 --mem 512M --disk 128M
. "$(dirname "$0")/../lib.sh"

need snapset python3
load
must mkswap "$SCRATCH0" >/dev/null
must swapon "$SCRATCH0"
on_exit swapoff "$SCRATCH0"

mkdir cg
must mount -t cgroup2 none cg
on_exit umount cg
echo +memory >cg/cgroup.subtree_control || fail "no memory controller"
mkdir cg/small
# not memory.max: 6.12 kills a program all of whose memory is on its way to the swap
echo 16M >cg/small/memory.high
# 24 MiB in 16, of which the program has half: each round is written out while the one before is read in; each page
# carries its number and its round, and is looked at before it is written again
cat >pages.py <<'P'
import mmap, struct, sys
N = 6144
m = mmap.mmap(-1, N * 4096)
rounds = 0
while True:
    for i in range(N):
        at = i * 4096
        if rounds and struct.unpack_from("<QQ", m, at) != (i, rounds - 1):
            print("page %d of round %d: %r" % (i, rounds, struct.unpack_from("<QQ", m, at)))
            sys.exit(1)
        struct.pack_into("<QQ", m, at, i, rounds)
    rounds += 1
    with open("rounds", "w") as f:
        f.write("%d\n" % rounds)
P
sh -c 'echo $$ >cg/small/cgroup.procs && exec python3 pages.py' >pages.out 2>&1 &
pages=$!
on_exit kill $pages
rounds() { gone $pages || [ "$(cat rounds)" -ge "$1" ]; }
goes() { # N
	wait_for 240 rounds "$1" || fail "it does not go round $1: $(cat pages.out)"
	! gone $pages || fail "it has died: $(cat pages.out) $(dmesg | grep -i 'killed process')"
}
goes 1
name=$(basename "$(readlink -f "$SCRATCH0")")
before=$(awk '{ print $7 }' "/sys/block/$name/stat")
must snapset create --store memory --json "$SCRATCH0" >created
image=$(json created 'd["snapshots"][0]["device"]')
digest=$(blk digest "$image")
now=$(cat rounds)
goes $((now + 2))
# it was swap to which it went
[ "$(awk '{ print $7 }' "/sys/block/$name/stat")" -ge $((before + 20000)) ] || fail "too little was written"
[ "$(blk digest "$image")" = "$digest" ] || fail "the image has changed"
kill -0 $pages || fail "the memory is not what was written: $(cat pages.out)"
kill $pages
wait $pages
must snapset delete --all >/dev/null
must swapoff "$SCRATCH0"
matrix virtio - swap swap right
finish
