#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# chain with 2000 operations: several minutes.
#
# about: engine
# two processors: with one the readers and writers seldom meet
# vm: --smp 2 --mem 1G --disk 8M --disk 8M --disk 96M --disk 24M --timeout 4000
# long
CHAIN_OPS=2000 exec "$(dirname "$0")/chain.sh"
