# SPDX-License-Identifier: GPL-2.0-only
"""What came of the tests, and where the time went."""

import collections
import json
import os
import re
import subprocess
import threading

from . import CACHE, LOGS, TOP

PASS, FAIL, SKIP = "ok", "not ok", "skip"
LATE_US = 500000    # a hold may exceed its timeout by this, and what the VM stood still
STALL_US = 100000   # what prog/stall.c says comes so late, itself, at most


def base(kernel, name):
    """Where the logs of a test are, without the ending."""
    path = os.path.join(LOGS, kernel, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def tail(path, lines):
    """The last lines of a file, indented."""
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return "".join("    " + line.rstrip("\r\n") + "\n"
                           for line in collections.deque(f, lines))
    except OSError:
        return ""


def complaints(path):
    """The lines of a kernel's log that fail a test, by tests/vm/lib/splat.sh."""
    script = '. "$0/tests/vm/lib/splat.sh"; splats "$1"'
    return subprocess.run(["bash", "-c", script, TOP, path], stdout=subprocess.PIPE, check=False,
                          errors="replace").stdout


class Holds:
    """The longest hold of all, and the one that exceeded its timeout most."""

    def __init__(self):
        self.longest, self.latest, self.overlong = (0, ""), (0, ""), []

    def look(self, what, path):
        """At the kernel's log of a test."""
        try:
            with open(path, encoding="utf-8", errors="replace") as f:
                log = f.read()
        except OSError:
            return True
        # when and for how long the VM's own processor was away: prog/stall.c
        stalls = [(_us(at), 1000 * int(ms)) for at, ms in
                  re.findall(r"\[ *(\d+\.\d+)\] snapset-test: stood still for (\d+) ms", log)]
        good = True
        for at, us, limit in re.findall(
                r"\[ *(\d+\.\d+)\] snapset: writes were held for (\d+) us of (\d+) ms", log):
            late = int(us) - int(limit) * 1000
            begun, over = _us(at) - int(us), _us(at)
            still = sum(away for end, away in stalls
                        if end > begun and end - away - STALL_US < over)
            self.longest = max(self.longest, (int(us), what))
            self.latest = max(self.latest, (late, what))
            if late > LATE_US + still:
                self.overlong.append("%s: writes were held %d us longer than %s ms; the VM stood "
                                     "still for %d us" % (what, late, limit, still))
                good = False
        return good


def _us(stamp):
    """Of a line of the kernel's log."""
    return round(float(stamp) * 1000000)


class Times:
    """What tests took of the processors the last time, for the order of the next run."""

    def __init__(self):
        self.path = os.path.join(CACHE, "test-times.json")
        try:
            with open(self.path, encoding="utf-8") as f:
                self.known = json.load(f)
        except (OSError, ValueError):
            self.known = {}

    def of(self, kernel, test):
        """Seconds; a guess for what has never run."""
        return self.known.get("%s %s" % (kernel.name, test.name)) or \
            (10 + test.limit / 100) * kernel.slower

    def save(self, cpu):
        """@cpu: kernel and name -> seconds."""
        self.known.update({"%s %s" % key: round(s, 1) for key, s in cpu.items()})
        os.makedirs(CACHE, exist_ok=True)
        with open(self.path + ".new", "w", encoding="utf-8") as f:
            json.dump(self.known, f, indent=0, sort_keys=True)
        os.replace(self.path + ".new", self.path)


class Report:
    """Prints each result when it is there, and at the end all that counts."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.failures, self.skips = [], []
        self.cpu = {}               # (kernel, test) -> seconds
        self.account = collections.defaultdict(float)   # (kind, kernel) -> seconds
        self.holds = Holds()
        self.due = {}               # (kernel, test) -> True, in order: without a result

    def spend(self, kind, kernel, cpu):
        """kind: builds, boots, tests"""
        with self.lock:
            self.account[kind, kernel] += cpu

    def expect(self, kernel, names):
        """Tests whose results are to come."""
        with self.lock:
            self.due.update(((kernel, name), True) for name in names)

    def excuse(self, kernel):
        """No results will come from there: why has been reported."""
        with self.lock:
            self.due = {key: True for key in self.due if key[0] != kernel}

    def say(self, text):
        """Something that is no result."""
        with self.lock:
            print(text, flush=True)

    def result(self, verdict, kernel, name, seconds, cpu, why=""):
        """One test's, with its logs in place."""
        path, what = base(kernel, name), "%s %s" % (kernel, name)
        with self.lock:
            self.due.pop((kernel, name), None)
            if not self.holds.look(what, path + ".kmsg") and verdict != FAIL:
                verdict, why = FAIL, self.holds.overlong[-1]
            self.counts[verdict] += 1
            self.cpu[kernel, name] = cpu
            self.account["tests", kernel] += cpu
            took = "%d s, %.1f s of CPU" % (seconds, cpu)
            if verdict == PASS:
                print("ok %s %s%s" % (what, took, why and " # " + why), flush=True)
            elif verdict == SKIP:
                self.skips.append("%s: %s" % (what, why))
                print("skip %s %s: %s" % (what, took, why), flush=True)
            else:
                self.failures.append("%s: %s" % (what, why))
                print("FAIL %s %s: %s" % (what, took, why))
                print(tail(path + ".log", 80), end="")
                if os.path.exists(path + ".kmsg"):
                    print("  the end of the kernel's log:\n" + tail(path + ".kmsg", 30), end="")
                print("  logs: %s.log .kmsg\n  again: make check K=%s T=%s" %
                      (os.path.relpath(path, TOP), kernel, name), flush=True)

    def finish(self):
        """The account and the closing line; True if all is well."""
        self._where_it_went()
        if self.holds.longest[0]:
            print("longest hold: %d us (%s); at most %d us beyond its timeout (%s)" %
                  (self.holds.longest + self.holds.latest))
        # once more, since what a test said may be thousands of lines above
        for why in self.skips:
            print("SKIPPED " + why)
        for why in self.failures:
            print("FAILED " + why)
        for key in self.due:
            print("FAILED %s %s: it was not run, and nothing says why" % key)
        self.counts[FAIL] += len(self.due)
        closing = "%d passed, %d failed" % (self.counts[PASS], self.counts[FAIL])
        if self.counts[SKIP]:
            closing += ", %d skipped" % self.counts[SKIP]
        print(closing, flush=True)
        return self.counts[PASS] > 0 and not self.counts[FAIL]

    def _where_it_went(self):
        if not self.account:
            return
        kernels = sorted({k for _, k in self.account})
        print("\nseconds of CPU %s" % "".join("%9s" % k for k in kernels + ["all"]))
        for kind in ("builds", "boots", "tests"):
            row = [self.account.get((kind, k), 0) for k in kernels]
            print("%-14s %s" % (kind, "".join("%9.0f" % s for s in row + [sum(row)])))
        dearest = sorted(self.cpu.items(), key=lambda item: -item[1])[:10]
        print("the dearest: " + ", ".join("%s %s %.0f" % (k + (s,)) for k, s in dearest))
