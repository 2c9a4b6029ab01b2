#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A write that waits in a cgroup's io.max since before the member was added never
# came by the hook's usual place. It is in the image wholly or not at all, piece by
# piece, and does not change it later.
#
# about: release
# vm: --smp 1 --mem 1G --disk 32M
. "$(dirname "$0")/../lib.sh"

cg=/sys/fs/cgroup/slow
echo +io >/sys/fs/cgroup/cgroup.subtree_control || fail "there is no io controller"
must mkdir $cg
on_exit rmdir $cg
disk=$(readlink -f "$SCRATCH0")
name=${disk#/dev/}
number=$(cat "/sys/block/$name/dev")
throttle() { echo "$number wbps=$1" >$cg/io.max || fail "no io.max of $1"; }
written() { # sets WRITTEN: sectors
	local -a stat

	read -ra stat <"/sys/block/$name/stat"
	WRITTEN=${stat[6]}
}
some_written() { written; [ "$WRITTEN" -gt "$was" ]; }

cat >whole.py <<'EOF'
import sys
image, old, new = (open(name, "rb").read() for name in sys.argv[1:])
assert len(image) == len(old) == len(new)
of = {"old": 0, "new": 0}
for at in range(0, len(image), 512):
    s = slice(at, at + 512)
    if old[s] == new[s] == image[s]:
        continue
    if image[s] not in (old[s], new[s]):
        sys.exit("sector %d is neither of the old write nor of the new one" % (at // 512))
    of["new" if image[s] == new[s] else "old"] += 1
assert sum(of.values()) == 8192, "%s: the write is not of 8192 sectors" % of
print(of["new"], "of 8192 sectors are of the new write")
EOF

copy() { must dd if="$1" of="$2" bs=1M iflag=direct status=none; }

need python3
load
for seconds in 0 6; do
	fill "$SCRATCH0" model
	copy "$SCRATCH0" old
	written
	was=$WRITTEN
	# 4 s for each MiB. The kernel lets go at once what is contiguous in memory, so a first
	# piece may come in time or not.
	throttle $((262144 / SLOWER))
	[ $seconds != 0 ] || throttle 4096
	sh -c "echo \$\$ >$cg/cgroup.procs; exec blk put $SCRATCH0 model 4M 4M" >put.out &
	put=$!
	must wait_for 60 waits_for_io $put
	# so long at most: all of it takes 16 s
	end=$(($(now_ms) + seconds * SLOWER * 1000))
	until some_written || [ "$(now_ms)" -ge $end ]; do
		pause 0.05
	done
	# the rest comes when we say so: by itself after a quarter of an hour
	throttle 4096
	take "$SCRATCH0"
	gone $put && fail "the write was over before the take: nothing is proved"
	before=$(blk digest "${IMAGE[0]}")
	throttle max
	must wait $put
	note "the write took $(cat put.out) ms, the hold $(ms_of hold take) ms"
	[ "$(blk digest "${IMAGE[0]}")" = "$before" ] || fail "a throttled write has changed the image"
	# the sectors are of the old write or of the new one, whole
	must blk verify "$SCRATCH0" model
	copy "$SCRATCH0" new
	copy "${IMAGE[0]}" image
	python3 whole.py image old new >out 2>&1 || fail "the image holds rubbish: $(cat out)"
	note "$(cat out)"
	must snapraw snap "${SNAP[0]}" >snap.out
	grep -q '^live' snap.out || fail "$(cat snap.out)"
	must snapraw delete "$SET"
done
finish
