#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Causal order on two raw disks: a writer that writes n to A and, when this has
# completed, n to B, while sets of A and B are taken: never B without A, nothing
# lost that had completed before the request, nothing that came later.
#
# vm: --smp 2 --mem 1G --disk 64M --disk 64M --timeout 400
. "$(dirname "$0")/../lib.sh"

load
must causal --takes "${TAKES:-$(often 200 20)}" "$SCRATCH0" "$SCRATCH1"
finish
