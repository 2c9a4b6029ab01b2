#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Causal order round a ring of eight disks with four writers at once.
#
# vm: --smp 2 --mem 1G --disk 32M --disk 32M --disk 32M --disk 32M --disk 32M --disk 32M --disk 32M --disk 32M --timeout 900
. "$(dirname "$0")/../lib.sh"

load
read -ra disks <<<"$SCRATCH"
must causal --takes "$(often 200 20)" --writers 4 --slots 2 "${disks[@]}"
finish
