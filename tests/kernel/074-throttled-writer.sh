#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A write that waits in a cgroup's io.max since before the member was added never
# came by the hook's usual place. It is in the image wholly or not at all, piece by
# piece, and does not change it later.
#
# vm: --smp 2 --mem 1G --disk 64M --timeout 120
. "$(dirname "$0")/lib.sh"

cg=/sys/fs/cgroup/slow
echo +io >/sys/fs/cgroup/cgroup.subtree_control || skip "there is no io controller"
must mkdir $cg
on_exit rmdir $cg
disk=$(readlink -f "$SCRATCH0")
echo "$(cat "/sys/block/${disk#/dev/}/dev") wbps=1048576" >$cg/io.max || skip "there is no io.max"

load
for delay in 0.2 1.1; do
	fill "$SCRATCH0" model
	sh -c "echo \$\$ >$cg/cgroup.procs; exec blk put $SCRATCH0 model 4M 4M" >put.out &
	put=$!
	sleep $delay
	take "$SCRATCH0"
	gone $put && fail "the write was over before the take: nothing is proved"
	before=$(blk digest "${IMAGE[0]}")
	must wait $put
	note "the write took $(cat put.out) ms, the hold $(ms_of hold take) ms"
	[ "$(blk digest "${IMAGE[0]}")" = "$before" ] || fail "a throttled write has changed the image"
	# the sectors are of the old write or of the new one, whole
	must blk verify "$SCRATCH0" model
	blk verify "${IMAGE[0]}" model.then 2>err
	! grep -Eq 'torn|nobody wrote|zeroes' err || fail "the image holds rubbish: $(cat err)"
	must snapraw delete "$SET"
done
finish
