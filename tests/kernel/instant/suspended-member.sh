#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Writes that a suspended member has put off since before it was added come by the
# hook again when it is resumed: the set may be made, and they do not change it.
#
# vm: --smp 2 --mem 1G --disk 32M --timeout 120
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
dm stuck "0 $(sectors "$SCRATCH0") linear $SCRATCH0 0"
must dmsetup suspend --nolockfs --noflush stuck
on_exit dmsetup resume stuck
blk churn /dev/mapper/stuck model --engine direct --threads 4 --seconds 3 >churn.out &
churn=$!
sleep 1.5
if snapraw take --keep --hold-timeout 800 /dev/mapper/stuck >out; then
	taken out
else
	grep -q 'E_HOLD_WRITES_TIMEOUT' out || fail "$(cat out)"
fi
gone $churn && fail "nobody was stuck: nothing is proved"
must dmsetup resume stuck
must wait $churn
must blk verify /dev/mapper/stuck model
[ -z "${SET:-}" ] || must blk verify "${IMAGE[0]}" model.then
finish
