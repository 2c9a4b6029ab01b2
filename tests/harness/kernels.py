# SPDX-License-Identifier: GPL-2.0-only
"""The kernels of tests/vm/kernels, and what is proved on each."""

import os

from . import TOP


class Kernel:
    """One line of the list."""

    def __init__(self, words):
        self.name, self.suite, self.extra, about = words[:4]
        self.about = about.split(",")
        self.flags = words[4:]
        self.default = "default" in self.flags
        self.on_request = "source" in self.flags
        # emulated, with everything checked, it is ten times as slow
        self.slower = 8 if self.on_request else 1


def read():
    """All of the list, the default kernel first."""
    kernels = []
    with open(os.path.join(TOP, "tests/vm/kernels"), encoding="utf-8") as f:
        for line in f:
            words = line.split("#")[0].split()
            if words:
                kernels.append(Kernel(words))
    return sorted(kernels, key=lambda k: not k.default)


def chosen(names):
    """Those that are named, or all that are not run on request only."""
    every = read()
    if not names:
        return [k for k in every if not k.on_request]
    unknown = set(names) - {k.name for k in every}
    if unknown:
        raise SystemExit("no such kernel: %s (tests/vm/kernels has %s)" %
                         (" ".join(sorted(unknown)), " ".join(k.name for k in every)))
    return [k for k in every if k.name in names]
