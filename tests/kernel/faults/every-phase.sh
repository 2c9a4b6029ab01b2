#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Cancel, death of the owner, end of time and removal of a member, at each place of a
# take, while others write and check what they wrote: one of the allowed outcomes,
# nothing frozen, nothing held, no write lost, nothing left.
#
# row dead E_UNEXPECTED_PROVIDER_ERROR - "the device is pulled out" "the device has gone"
#
# rounds: the first of each event at each place has it while the take stands still there:
# no chance is needed. The others have it about when the take goes on, in a time of 24 ms
# in which what races takes microseconds: what goes wrong there alone is found once in many
# runs, or by every-phase-long.
# about: engine
# vm: --smp 1 --mem 1G --disk 32M --disk 64M
. "$(dirname "$0")/../lib.sh"

need fio
load
mounted ext4 "$SCRATCH1" "$TMP/e"
# phases itself switches it on and off
null_disk pulled size=16 memory_backed=1
nullb=/sys/kernel/config/nullb/pulled
echo 0 >$nullb/power

# not as fast as it can: all the writes that there are do not make a held one more likely
fio --name=v --directory="$TMP/e" --size=2m --bs=4k-16k --rw=randwrite --ioengine=libaio \
	--iodepth=4 --rate_iops=,30 --verify=crc32c --verify_fatal=1 --time_based --runtime=9000 \
	--do_verify=1 --output="$TMP/fio" &
fio=$!
must phases --rounds "${ROUNDS:-$(often 3 2)}" --mount "$TMP/e:$SCRATCH1" --remove $nullb "$SCRATCH0" >table
sed 's/^/# /' table
gone $fio && fail "fio has ended: $(cat fio)"
kill -INT $fio
wait $fio	# told to stop: that is not its success, but what it says of errors counts
grep -q 'err= 0' fio || fail "$(cat fio)"
must umount "$TMP/e"
must fsck.ext4 -fn "$SCRATCH1" >/dev/null 2>&1
finish
