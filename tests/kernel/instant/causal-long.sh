#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# causal-raw with 1000 takes: several minutes.
#
# vm: --smp 2 --mem 1G --disk 64M --disk 64M --timeout 3000
# long
TAKES=1000 exec "$(dirname "$0")/causal-raw.sh"
