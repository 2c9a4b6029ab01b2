#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A snapshot whose writers wait for room in the store is deleted by force: it does not wait
# for them, nor they any longer for the room. The full wait is half a minute; both are over
# long before, by the writers' own clock.
#
# about: engine
# vm: --smp 1 --mem 1G --disk 24M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" a
take --store-limit 4M --full wait --full-wait 60000 "$SCRATCH0"
blk churn "$SCRATCH0" a --cover --from 0 --len 12M --min 4K --max 64K --depth 4 --engine aio >churn.out &
churn=$!
waits() { [ "$(snapraw room "$SET" | awk '{ print $8 }')" -ge 1 ]; }
wait_for 60 waits || fail "no write waits for room: $(snapraw room "$SET")"
pause 1		# and so they stand
begun=$(now_ms)
must snapraw delete --force "$SET"
must wait $churn
took=$(($(now_ms) - begun))
[ $took -lt 20000 ] || fail "deletion and writes took $took ms: they waited for each other"
note "deleted, and $took ms later the writes were through: $(cat churn.out)"
must blk verify "$SCRATCH0" a
finish
