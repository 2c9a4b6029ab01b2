#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# NAME: what it proves, in one or two sentences.
#
# about: interface
# vm: --smp 1 --mem 1G --disk 32M
. "$(dirname "$0")/../lib.sh"

load
# a model of what the disk holds, in "model.then" as it was now
fill "$SCRATCH0" model
take "$SCRATCH0"
must blk churn "$SCRATCH0" model --engine direct --writes 50 >churn.out
must blk verify "${IMAGE[0]}" model.then
finish
