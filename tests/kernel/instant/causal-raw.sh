#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Causal order on two raw disks: a writer that writes n to A and, when this has
# completed, n to B, while sets of A and B are taken: never B without A, nothing
# lost that had completed before the request, nothing that came later.
#
# about: release
# rounds: 60 takes, or 20.  A build that takes A and B one after the other, 2 ms apart, is
# wrong in half of the takes (15 of 30, 0.5 ms: 5 of 30): 20 takes miss it with 1e-6, and
# 60 miss 0.5 ms with 2e-5.  Of another fault that shows in one take of 20, 60 miss 5 %.
# Two processors, for the writer is to race the gates: a write is parked in two takes of
# three, and with one processor in one of thirty.
# vm: --smp 2 --mem 1G --disk 64M --disk 64M
. "$(dirname "$0")/../lib.sh"

load
must causal --takes "${TAKES:-$(often 60 20)}" "$SCRATCH0" "$SCRATCH1"
finish
