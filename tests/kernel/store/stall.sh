#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# When the store stands still the snapshot is killed within the stall bound, and no
# writer waits longer than that.
#
# row dead E_UNEXPECTED_PROVIDER_ERROR - "the store stands still for the stall timeout" "the store completed no write for*"
#
# about: interface
# vm: --smp 1 --mem 1G --disk 16M --disk 24M
. "$(dirname "$0")/../lib.sh"

load
fill "$SCRATCH0" model
dm store "0 $(sectors "$SCRATCH1") linear $SCRATCH1 0"
take --store /dev/mapper/store --stall-timeout 1500 --budget 1M "$SCRATCH0"
must blk churn "$SCRATCH0" model --engine aio --depth 8 --writes 50 --max 64K >churn.out

must dmsetup suspend --nolockfs --noflush store
on_exit dmsetup resume store
begun=$(now_ms)
must blk churn "$SCRATCH0" model --engine aio --depth 8 --threads 2 --cover --min 4K --max 256K >churn.out
note "with a stalled store: $(cat churn.out), $(($(now_ms) - begun)) ms in all"
# by the guest's clock: 1.5 s is the bound, the rest is for a machine that stands still
slowest=$(awk '{ print $8 }' churn.out)
[ "$slowest" -lt 8000 ] || fail "a writer waited for $slowest ms, the bound is 1500 and 6500 for a slow machine"
dead "${SNAP[0]}" || fail "not dead: $(snapraw snap "${SNAP[0]}")"
must blk verify "$SCRATCH0" model
must blk eio "${IMAGE[0]}"
must dmsetup resume store
must snapraw delete "$SET"
finish
