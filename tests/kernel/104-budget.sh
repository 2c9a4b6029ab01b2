#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What is in RAM on its way to a slow store stays under the set's budget while
# writers are faster than the store, and the image stays frozen.
#
# vm: --smp 2 --mem 1G --disk 32M --disk 96M --timeout 200
. "$(dirname "$0")/lib.sh"

load
fill "$SCRATCH0" model
dm store "0 $(sectors "$SCRATCH1") delay $SCRATCH1 0 0 $SCRATCH1 0 20"
budget=$((1 << 20))
take --store /dev/mapper/store --budget $budget "$SCRATCH0"
blk churn "$SCRATCH0" model --engine aio --depth 32 --threads 2 --cover --min 4K --max 128K >churn.out &
churn=$!
most=0 looks=0
until gone $churn; do
	in_ram=$(snapraw snap "${SNAP[0]}" | awk '{ print $9 }')
	[ "$in_ram" -le "$most" ] || most=$in_ram
	looks=$((looks + 1))
done
must wait $churn
note "at most $most bytes in RAM in $looks looks; $(cat churn.out)"
[ "$most" -le $budget ] || fail "$most bytes in RAM, the budget is $budget"
[ "$most" -gt 0 ] || fail "never anything in RAM: the test proves nothing"
must blk verify "${IMAGE[0]}" model.then
must blk verify "$SCRATCH0" model
finish
