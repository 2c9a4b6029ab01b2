# SPDX-License-Identifier: GPL-2.0-only
"""What tests/run is made of.  Documentation/testing.rst tells how it works."""

import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VM = os.path.join(TOP, "tests/vm/vm")
LOGS = os.path.join(TOP, "build/log")
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "snapset")
