#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# An image is read where writes wait for room in the store: the reader does not wait with
# them.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 16M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" a
take --store-limit 4M --full wait --full-wait 60000 "$SCRATCH0"
blk churn "$SCRATCH0" a --cover --from 0 --len 12M --min 4K --max 64K --depth 4 --engine aio >churn.out &
churn=$!
waits() { [ "$(snapraw room "$SET" | awk '{ print $8 }')" -ge 1 ]; }
wait_for 60 waits || fail "no write waits for room: $(snapraw room "$SET")"
must blk verify "${IMAGE[0]}" a.then
waits || fail "there is room: nothing was shown"
gone $churn && fail "the writes are through: nothing was shown: $(cat churn.out)"
dead "${SNAP[0]}" && fail "the wait was over before: $(snapraw snap "${SNAP[0]}")"
must snapraw delete --force "$SET"
must wait $churn
must blk verify "$SCRATCH0" a
finish
