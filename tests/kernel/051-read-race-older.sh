#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The same with three snapshots of one disk, each older than the other: all three
# stay as they were, also when the oldest goes and a new one comes. A module that
# does one snapshot for each disk says so, and the one is not harmed.
#
# vm: --smp 2 --mem 1G --disk 48M --timeout 250
. "$(dirname "$0")/lib.sh"

load
fill "$SCRATCH0" model
take "$SCRATCH0"
one=$SET kept_image=${IMAGE[0]}
if snapraw take "$SCRATCH0" >out; then
	must snapraw delete "$one"
	must race --seconds "$(often 40 20)" --round 4 --older 2 --readers 3 "$SCRATCH0" model
	must blk verify "$SCRATCH0" model
else
	grep -Eq '^errno EDQUOT .* text [^ ]+ [^ ]+ ' out || fail "$(cat out)"
	must blk churn "$SCRATCH0" model --engine aio --depth 4 --cover --min 4K --max 1M >churn.out
	must blk verify "$kept_image" model.then
fi
finish
