#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# chain with 2000 operations: several minutes.
#
# about: engine
# vm: --smp 2 --mem 1G --disk 8M --disk 12M --disk 88M --disk 24M --timeout 4000
# long
CHAIN_OPS=2000 exec "$(dirname "$0")/chain.sh"
