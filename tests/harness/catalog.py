# SPDX-License-Identifier: GPL-2.0-only
"""The tests: what each says of itself in its head, and on which kernels it runs."""

import glob
import os
import re

from . import TOP

ABOUT = ("release", "interface", "engine", "library", "tool", "build")
LIMIT = 900         # seconds; the runner in tests/kernel has the same
HEAD = 15           # lines
FLAGS = ("--wake",)   # of vm: they have no value


class Test:
    """A script of tests/kernel, or a directory whose Makefile knows "check"."""

    def __init__(self, name, path):
        self.name, self.path = name, path
        with open(path, encoding="utf-8") as f:
            head = [next(f, "") for _ in range(HEAD)]
        says = {}
        for line in head:
            found = re.match(r"# (vm|about|kernels|timeout|long)(?::\s*(.*?))?\s*$", line)
            if found:
                says[found[1]] = found[2] or ""
        self.about = says.get("about", "interface")
        self.kernels = says.get("kernels", "").split()
        self.long = "long" in says
        self.long_on = says.get("long", "").split()     # on these only; none: on each
        self.disks, self.options, limit = [], [], says.get("timeout")
        words = iter(says.get("vm", "").split())
        for option in words:
            value = None if option in FLAGS else next(words, "")
            if value is None:
                self.options.append(option)
            elif option == "--disk":
                self.disks.append(value)
            elif option == "--timeout":
                limit = value
            else:
                self.options += [option, value]
        self.limit = int(limit or LIMIT)

    def is_long(self, kernel):
        """Whether it is run there only where long tests are."""
        return self.long and (not self.long_on or kernel.name in self.long_on)

    def fits(self, kernel, everything):
        """Whether it is run there; @everything: whatever it is about."""
        if self.kernels and kernel.name not in self.kernels and \
           not (kernel.on_request and "6.1" in self.kernels):
            return False
        return everything or self.about in kernel.about


class VmTest(Test):
    """One that runs in a VM."""


class HostTest(Test):
    """One that runs in the build root of a kernel's suite, without a VM."""

    def __init__(self, name, directory):
        super().__init__(name, os.path.join(TOP, directory, "Makefile"))
        self.directory = directory


class BuildTest(Test):
    """The module built with another compiler or for another flavour of a kernel."""

    def __init__(self, kernel, flavour, compiler):
        self.name = "build/%s-%s" % (flavour, compiler)
        self.kernels, self.about, self.long, self.limit = [kernel], "build", False, 1800
        self.long_on = []
        self.flavour, self.compiler = flavour, compiler

    def fits(self, kernel, everything):
        """On its kernel only: the debug kernel stands for no other one here."""
        return kernel.name in self.kernels and super().fits(kernel, everything)


class PackageTest(Test):
    """The packages of a kernel's suite: built, installed, used and purged (vm package)."""

    def __init__(self):
        super().__init__("packages", os.path.join(TOP, "tests/package/use"))


def read():
    """All tests; a head that says nothing sensible ends the run."""
    tests = [VmTest(os.path.relpath(p, os.path.join(TOP, "tests/kernel"))[:-3], p)
             for p in sorted(glob.glob(os.path.join(TOP, "tests/kernel/*/*.sh")))]
    tests += [HostTest("unit", "tests/unit"), HostTest("lib", "tests/lib"),
              HostTest("harness", "tests/harness"), HostTest("lint", "tests/lint"),
              HostTest("prog", "tests/kernel/prog"), PackageTest()]
    for test in tests:
        if test.about not in ABOUT:
            raise SystemExit("%s: its head has no line '# about: %s'" %
                             (os.path.relpath(test.path, TOP), "|".join(ABOUT)))
    return tests


def matches(test, patterns):
    """T="a b": the name contains one of them."""
    return not patterns or any(p in test.name for p in patterns)
