#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# An image that is open is not deleted, and then nothing of the set is; by force it
# is, and whoever has it open reads EIO, and nothing else, for ever.
#
# vm: --smp 2 --mem 1G --disk 32M --disk 32M --timeout 120
. "$(dirname "$0")/lib.sh"

load
fill "$SCRATCH0" model
take "$SCRATCH0" "$SCRATCH1"
exec 9<"${IMAGE[1]}"
udevadm settle
snapraw delete --now "$SET" >out && fail "an open image was deleted"
grep -Eq '^errno EBUSY .* text [^ ]+ [^ ]+' out || fail "$(cat out)"
must blk verify "${IMAGE[0]}" model
[ "$(snapraw sets)" = 1 ] || fail "the set is gone"
must snapraw snap "${SNAP[1]}" >snap.out
grep -q 'openers 1 ' snap.out || fail "$(cat snap.out)"

must snapraw delete --force "$SET"
dd if=/dev/stdin of=/dev/null bs=4096 count=1 <&9 2>err && fail "a deleted image can be read"
grep -q 'Input/output error' err || fail "$(cat err)"
exec 9<&-
wait_for 10 test ! -e "${IMAGE[1]}" || fail "the image's node stays"
[ "$(snapraw sets)" = 0 ] || fail "the set stays"

# the same with readers in full swing
take "$SCRATCH0"
for i in 1 2 3; do
	sh -c "while blk verify ${IMAGE[0]} model; do :; done" 2>"reader$i" &
done
sleep 1
must snapraw delete --force "$SET"
wait
grep -hv 'Input/output error' reader? >other
! grep -q 'is of write\|torn\|zeroes\|nobody' other || fail "a reader saw wrong data: $(cat other)"
finish
