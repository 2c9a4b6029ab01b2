#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A reader of an image whose cgroup slows it down holds up no writer of the origin, and what
# it reads beside the writes is as old as the rest.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 16M
. "$(dirname "$0")/../lib.sh"

cg=/sys/fs/cgroup/slow
echo +io >/sys/fs/cgroup/cgroup.subtree_control || skip "there is no io controller"
must mkdir $cg
on_exit rmdir $cg
disk=$(readlink -f "$SCRATCH0")
number=$(cat "/sys/class/block/${disk#/dev/}/dev")
load
fill "$SCRATCH0" a
take --store-limit 20M "$SCRATCH0"
# 2 MiB take half a minute
echo "$number rbps=65536" >$cg/io.max || skip "there is no io.max"
# shellcheck disable=SC2016 # it is the inner shell's
sh -c 'echo $$ >'$cg'/cgroup.procs && exec dd if="$1" of=slow.img bs=2M count=1 iflag=direct status=none' \
	sh "${IMAGE[0]}" &
reader=$!
waits_to_read() { awk '{ exit $3 != "D" }' "/proc/$reader/stat" && grep -q '^0 ' "/proc/$reader/syscall"; }
wait_for 60 waits_to_read || fail "the reader does not read: $(cat "/proc/$reader/syscall")"
for at in 0 512K 1M 1536K; do
	must blk put "$SCRATCH0" a $at 64K >put.out
done
gone $reader && fail "the reader was not slow, so nothing was shown"
echo "$number rbps=max" >$cg/io.max
must wait $reader
must dd if="${IMAGE[0]}" of=again.img bs=2M count=1 iflag=direct status=none
must cmp slow.img again.img
must blk verify "${IMAGE[0]}" a.then
finish
