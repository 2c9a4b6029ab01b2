#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# every-phase with twenty rounds of each event at each place: several minutes.
#
# about: engine
#
# vm: --smp 1 --mem 1G --disk 32M --disk 64M --timeout 3000
# long
ROUNDS=20 exec "$(dirname "$0")/every-phase.sh"
