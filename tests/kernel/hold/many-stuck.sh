#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# 64 members whose writes from before the set do not end: the set is given up when the
# preparation's time is over, not after all queues have been looked at once more.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 64M
. "$(dirname "$0")/../lib.sh"

members=64
hanging stuck "$SCRATCH0"
# All by one program: to start one for each is most of what this test would cost.
cat >loops.py <<'END'
import fcntl, os, struct, sys
LOOP_CONFIGURE, LOOP_CTL_GET_FREE, DIRECT_IO = 0x4c0a, 0x4c82, 16
control = os.open("/dev/loop-control", os.O_RDWR)
below = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
for i in range(int(sys.argv[2])):
    name = "/dev/loop%d" % fcntl.ioctl(control, LOOP_CTL_GET_FREE)
    loop = os.open(name, os.O_RDWR)
    config = struct.pack("<II5Q4I", below, 512, 0, 0, 0, i << 20, 1 << 20, 0, 0, 0, DIRECT_IO)
    fcntl.ioctl(loop, LOOP_CONFIGURE, config.ljust(8 + 232 + 64, b"\0"))
    os.close(loop)
    print(name, flush=True)
END
cat >writers.py <<'END'
import mmap, os, sys, threading
block = mmap.mmap(-1, 4096)
def write(name):
    os.pwrite(os.open(name, os.O_WRONLY | os.O_DIRECT), block, 0)
threads = [threading.Thread(target=write, args=(name,)) for name in sys.argv[1:]]
for t in threads:
    t.start()
for t in threads:
    t.join()
END
forget_loops() {
	local -a made

	mapfile -t made <loops
	losetup -d "${made[@]}"
}
on_exit forget_loops
python3 loops.py /dev/mapper/stuck $members >loops 2>err || fail "no $members loop devices: $(cat err)"
mapfile -t loops <loops
udevadm settle --timeout=60
for loop in "${loops[@]}"; do
	[ "$(<"/sys/block/${loop#/dev/}/loop/dio")" = 1 ] || fail "$loop writes to the cache: nothing would be stuck"
done
load
# on a slow machine the writers may stand still for long
may_hang
# below the loops it is, so these have been sent and do not end until it goes on
on_exit dmsetup resume stuck-below	# before the loops go
hang stuck
python3 writers.py "${loops[@]}" 2>err &
writers=$!
# all of them sleep in pwrite()
all_wait() {
	local task call stat n=0

	for task in "/proc/$writers/task"/*; do
		read -r call _ <"$task/syscall" && read -r stat <"$task/stat" || return
		[ "$call" != 18 ] || [[ $stat != *") D "* ]] || n=$((n + 1))
	done
	[ $n = $members ]
}
wait_for 120 all_wait || fail "not all writes have been sent: $(cat err)"
limit=/sys/module/snapset/parameters/prepare_timeout_s
on_exit sh -c "echo 60 >$limit 2>/dev/null"
# What a set of so many takes besides, on a machine as busy as this one: for one second
# it is over in the second round.
echo 1 >$limit
refused E_FLUSH_WRITES_TIMEOUT "${loops[@]}"
note "$(cat take)"
short=$(awk '{ print $4 }' take)
# Rounds of 4 x 100, 200, 400, 800 ms are over after 6.2 s, and of the next one no more than
# a quarter is to come: it is given up after 7.8 s. With all of it that would be 12.6 s. (Where
# the driver may sleep there are more rounds, and the steps are smaller.)
echo 7 >$limit
refused E_FLUSH_WRITES_TIMEOUT "${loops[@]}"
note "$(cat take)"
took=$(awk '{ print $4 }' take)
[ "$took" -ge 6900 ] || fail "gave up after $took ms instead of 7000"
[ $((took - short)) -lt 9400 ] || fail "gave up 6500 ms later only after $took instead of $short ms"
# nor does any worker of ours sleep until then, for which it would be called hung
asleep() {
	local pid

	grep -l '^State:[[:space:]]*D' /proc/[0-9]*/status 2>/dev/null |
		while IFS=/ read -r _ _ pid _; do
			! grep -q '\[snapset\]' "/proc/$pid/stack" 2>/dev/null || echo "$pid"
		done
}
asleep >asleep.then
pause 5
asleep >asleep.now
while read -r pid; do
	! grep -qx "$pid" asleep.then || fail "$(cat "/proc/$pid/comm") sleeps: $(cat "/proc/$pid/stack")"
done <asleep.now
all_wait || fail "a write was over before: nothing is proved"
let_go stuck
must wait $writers
finish
