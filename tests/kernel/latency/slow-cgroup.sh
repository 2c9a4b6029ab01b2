#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A cgroup that io.cost allows one write a second has 64 of them under way, all of which
# have been taken: the writes of others, the origin's own copies and a flush of dirty pages
# do not wait for its turn.
#
# about: interface
# vm: --smp 1 --mem 1G --disk 32M
. "$(dirname "$0")/../lib.sh"

cgroups=/sys/fs/cgroup
grep -q io "$cgroups/cgroup.controllers" 2>/dev/null || skip "there is no io controller"
need snapset
load
echo +io >"$cgroups/cgroup.subtree_control" || fail "the io controller cannot be enabled"
number=$(cat "/sys/class/block/$(basename "$(readlink -f "$SCRATCH0")")/dev")
cost() { echo "$number $1" >"$cgroups/io.cost.$2"; }
cost "ctrl=user model=linear rbps=100000000 rseqiops=1000 rrandiops=1000 wbps=100000000 wseqiops=1 wrandiops=1" \
	model 2>/dev/null || skip "this kernel has no io.cost"
must cost "enable=1 ctrl=user rpct=0 rlat=1000000 wpct=0 wlat=1000000 min=100 max=100" qos
unlimited() { cost "enable=0" qos; }
on_exit unlimited
must mkdir "$cgroups/slow"
on_exit rmdir "$cgroups/slow"

fill "$SCRATCH0" model
cp model mine
take --store-limit 20M "$SCRATCH0"
copied() { snapraw snap "${SNAP[0]}" | awk '{ print $5 }'; }
cp model slow
sh -c "echo \$\$ >$cgroups/slow/cgroup.procs
	exec blk churn $SCRATCH0 slow --engine aio --depth 64 --from 0 --len 16M --min 4K \
		--max 4K --align 4K --writes 64 --noflush" >slow.out 2>&1 &
slow=$!
all_taken() { [ "$(copied)" -ge $((48 * 4096)) ]; }
wait_for 60 all_taken || fail "the slow cgroup's writes are not copied: $(snapraw snap "${SNAP[0]}")"
for at in 20M 21M 22M 23M; do
	must blk put "$SCRATCH0" mine $at 4K >>put.out
done
gone $slow && fail "others have waited for the slow cgroup: $(tr '\n' ' ' <put.out)ms"
must blk churn "$SCRATCH0" mine --engine buffered --from 24M --len 4M --writes 100 >churn.out
gone $slow && fail "a flush has waited for the slow cgroup: $(cat churn.out)"
note "ms of four writes beside the slow cgroup: $(tr '\n' ' ' <put.out)"
unlimited
must wait $slow
must blk verify "${IMAGE[0]}" model.then
finish
