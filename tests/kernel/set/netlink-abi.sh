#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Every request that is wrong, in form or in content or by who makes it, is refused
# with the protocol's errno and a sentence.
#
# about: release
# vm: --smp 1 --mem 1G --disk 32M --disk 32M
. "$(dirname "$0")/../lib.sh"

load
must nlabi "$SCRATCH0" "$SCRATCH1"
finish
