# SPDX-License-Identifier: GPL-2.0-only
"""A VM that is fed with tests one by one, and whose KTAP is read."""

import os
import re
import time

from . import TOP, VM
from .results import FAIL, PASS, SKIP, base, complaints
from .work import Command, Late

BOOT = 900          # seconds until the runner speaks; vm has limits of its own
GRACE = 240         # a test's limit is kept in the guest; this is for a guest that is dead
RESULT = re.compile(r"(not ok|ok) \d+ (\S+) # (.*)")
COMPLAINED, LATE, BROKEN = 99, 124, 125     # exit statuses of vm


class Machine:
    """@options, @disks: what all tests for it ask of vm run."""

    def __init__(self, kernel, options, disks, log, env):
        self.kernel, self.log = kernel, log
        words = [VM, "run", "--kernel", kernel.name, "--no-build", "--stdin", "--log", log,
                 "--timeout", "86400"] + options
        for size in disks:
            words += ["--disk", size]
        if os.path.exists(log):
            os.remove(log)
        self.command = Command(words + ["--", os.path.join(TOP, "tests/kernel/runner"), "-"],
                               env=env)
        self.said = []              # what came before the first test
        self.ended = False          # nothing more comes from it
        self.usable = self._up()
        self.seen = 0               # so much of the log belongs to tests that have run
        self.before = ""            # the test that ran before
        self.cpu = self.command.cpu_now()
        self.blamed = False         # a test has failed of what vm will complain of
        self.failed = False         # the test that runs has said that it failed

    def _up(self):
        try:
            while True:
                line = self.command.line(BOOT * self.kernel.slower)
                if line is None:
                    return False
                self.said.append(line)
                if line == "KTAP version 1":
                    return True
        except Late:
            self.said.append("the guest does not come up in %d s" % BOOT)
            return False

    def run(self, test):
        """Returns verdict, seconds, cpu, why."""
        path = base(self.kernel.name, test.name)
        begun, before = time.monotonic(), self.command.cpu_now()
        verdict, why, self.failed = None, "", False
        limit = test.limit * self.kernel.slower + GRACE
        with open(path + ".log", "w", encoding="utf-8") as log:
            self.command.say(test.name)
            try:
                while verdict is None:
                    left = begun + limit - time.monotonic()
                    line = self.command.line(max(left, 0.1))
                    if line is None:
                        raise EOFError
                    log.write(line + "\n")
                    verdict, why = self._read(line, test, verdict, why)
            except Late:
                verdict, why, self.usable = FAIL, "the VM said nothing for too long", False
                self.blamed = self.ended = True
                log.write("no result after %d s: the VM is stopped\n" % limit)
                self.command.kill()
            except EOFError:
                verdict, why, self.usable = FAIL, "the VM ended", False
                self.blamed = self.ended = True
        cpu = max(self.command.cpu_now() - before, 0)
        whole, early = self._section(test, path + ".kmsg")
        lines = complaints(path + ".kmsg")
        if lines:
            verdict, self.usable, self.blamed = FAIL, False, True
            number, line = lines.splitlines()[0].split(":", 1)
            behind = " behind " + self.before if int(number) <= early and self.before else ""
            why = "the kernel complained%s: %s" % (behind, line.strip())
        elif not whole and verdict != FAIL:
            verdict, self.usable, why = FAIL, False, "the kernel's log does not tell of its end"
        self.before = test.name
        return verdict, time.monotonic() - begun, cpu, why

    def _read(self, line, test, verdict, why):
        found = RESULT.match(line)
        if found and found[2] == test.name:
            status = re.search(r"exit=(\d+)", found[3])
            if found[1] == "ok" and not self.failed:
                return (SKIP if found[3].startswith("SKIP") else PASS), why
            self.usable = False
            return FAIL, why or "exit %s" % (status[1] if status else "?")
        found = re.match(r"  # FAIL: (.*)|  ok 1 \S+ # SKIP (.*)|# (no end after .*); what", line)
        if found:
            # also of a part of the test whose end the rest did not look at
            self.failed = self.failed or found[1] is not None
            why = why or found[1] or found[2] or found[3]
        elif re.match(r"# \S+ leaves the machine other|# something that \S+ started", line):
            self.usable, why = False, why or line[2:]
        return verdict, why

    def _section(self, test, path):
        """The part of the kernel's log that is the test's, and what came since the one before:
        a slow console comes late.  Returns whether its end is there, and how many of the
        lines came before it began."""
        ends = b"snapset-test: %s ends" % test.name.encode()
        end = time.monotonic() + GRACE * self.kernel.slower
        while True:
            with open(self.log, "rb") as f:
                f.seek(self.seen)
                text = f.read()
            if ends in text or self.ended or time.monotonic() > end:
                break
            time.sleep(0.05)
        self.seen += len(text)
        with open(path, "wb") as f:
            f.write(text.replace(b"\r", b""))
        begins = text.find(b"snapset-test: %s begins" % test.name.encode())
        return ends in text, text[:begins].count(b"\n") if begins >= 0 else 0

    def finish(self):
        """No more tests: waits for its end.  Returns what is wrong that no test has been
        blamed for, or nothing; last has what it said."""
        self.last = []
        try:
            self.command.hush()
            while self.command.status is None:
                line = self.command.line(GRACE * self.kernel.slower)
                if line is None:
                    break
                self.last.append(line)
            self.command.end(GRACE)
        except Late:
            self.command.kill()
            self.command.end(GRACE)
            return "the VM does not end"
        if self.blamed:
            return ""
        return {COMPLAINED: "the kernel complained behind the last test",
                LATE: "the VM took too long",
                BROKEN: "the VM broke"}.get(self.command.status, "")
