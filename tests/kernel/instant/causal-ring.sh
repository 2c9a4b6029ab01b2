#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Causal order round a ring of eight disks with four writers at once.
#
# about: engine
# rounds: 40 takes, or 12.  A build that takes the members one after the other, 0.5 ms
# apart, is wrong in one take of three (10 of 30; 2 ms: 28 of 30): 40 takes miss it with
# 1e-7, 12 miss it with 1e-2 and 2 ms with 1e-14.
# Two processors, for the writers are to race the gates, which close one by one.
# vm: --smp 2 --mem 1G --disk 32M --disk 32M --disk 32M --disk 32M --disk 32M --disk 32M --disk 32M --disk 32M
. "$(dirname "$0")/../lib.sh"

load
read -ra disks <<<"$SCRATCH"
must causal --takes "$(often 40 12)" --writers 4 --slots 2 "${disks[@]}"
finish
