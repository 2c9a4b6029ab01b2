# SPDX-License-Identifier: GPL-2.0-only
"""Which work is next: kernels are prepared one after another, while the tests of those that
are run; long tests go first, so that none is left over to run alone at the end."""

import contextlib
import os
import threading

from . import TOP, VM
from .catalog import BuildTest, HostTest, PackageTest, VmTest
from .machine import Machine
from .results import FAIL, PASS, SKIP, base, complaints, tail
from .work import Command, Late

PREPARE = 5400      # seconds; the debug kernel is compiled, which takes half an hour
STAGE = "run.cpio"  # what this run boots, in build/<kernel>
GONE = 123          # exit status of vm: no archive has that kernel any more
SKIPPED = 4         # of a test, as in kselftest
WORTH_A_BOOT = 20   # seconds of tests, for another VM beside one that runs them


class Pool:
    """Tests of one kernel that ask for the same machine but for its disks; those it has."""

    def __init__(self, kernel, options):
        self.kernel, self.options = kernel, options
        self.tests, self.machines, self.booted = [], 0, 0
        self.dead = ""          # the machine that died before it was up
        self.disks = []

    def add(self, seconds, test):
        """Long ones first."""
        self.tests.append((seconds, test))
        self.tests.sort(key=lambda item: -item[0])
        for size in set(test.disks):
            missing = test.disks.count(size) - self.disks.count(size)
            self.disks += [size] * missing

    def left(self):
        """Seconds of work."""
        return sum(seconds for seconds, _ in self.tests)

    def urgency(self):
        """By what another machine here would make the end come sooner."""
        left = self.left()
        if not self.tests or (self.machines and left / (self.machines + 1) < WORTH_A_BOOT):
            return 0
        return left / (self.machines + 1)


class Plan:
    """@wanted: lines (kernel, its tests)."""

    def __init__(self, wanted, times, report, env):
        self.times, self.report, self.env = times, report, dict(env, VM_STAGE=STAGE)
        self.changed = threading.Condition()
        self.unprepared = [(k, tests) for k, tests in wanted if tests]
        for kernel, tests in self.unprepared:
            report.expect(kernel.name, [test.name for test in tests])
        self.preparing, self.working, self.stopped = 0, 0, False
        self.alone, self.pools = [], []     # (seconds, kernel, test); Pool

    def run(self, jobs):
        """With so many things at once, until nothing is left."""
        threads = [threading.Thread(target=self._worker, daemon=True) for _ in range(jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(1)      # lets an interrupt through

    def _worker(self):
        while True:
            with self.changed:
                job = self._next()
                while job is None:
                    if not self.working:
                        self.changed.notify_all()
                        return
                    self.changed.wait()
                    job = self._next()
                self.working += 1
            try:
                job[0](*job[1:])
            except Exception as wrong:     # pylint: disable=broad-except
                self.report.result(FAIL, "harness", job[0].__name__, 0, 0, repr(wrong))
                raise
            finally:
                with self.changed:
                    self.working -= 1
                    self.changed.notify_all()

    def _next(self):
        """What to do now, or None.  The lock is held."""
        pool = max(self.pools, key=Pool.urgency, default=None)
        ready = bool(self.alone) or (pool and pool.urgency() > 0)
        if self.unprepared and (not self.preparing or not ready):
            self.preparing += 1
            return (self._prepare,) + self.unprepared.pop(0)
        if self.alone and (not pool or pool.urgency() <= self.alone[0][0]):
            return (self._alone,) + self.alone.pop(0)[1:]
        if pool and pool.urgency() > 0:
            pool.machines += 1
            pool.booted += 1
            return self._serve, pool, pool.booted
        return None

    def _prepare(self, kernel, tests):
        path = base(kernel.name, "prepare")
        self.report.say("preparing " + kernel.name)
        # what is built then is what is tested, whatever is built meanwhile
        script = '"$0" fetch --kernel "$1" >/dev/null && "$0" build --kernel "$1" && ' \
                 'if [ -e "$2/stage.cpio" ]; then ln -f "$2/stage.cpio" "$2/%s"; fi' % STAGE
        command = Command(["bash", "-c", script, VM, kernel.name,
                           os.path.join(TOP, "build", kernel.name)], log=path + ".log")
        why = ""
        try:
            status = command.end(PREPARE)
        except Late:
            status, why = 1, "no end after %d s" % PREPARE
        self.report.spend("builds", kernel.name, command.cpu)
        if status == 0:
            self.report.say("prepared %s in %d s, %.0f s of CPU" %
                            (kernel.name, command.seconds, command.cpu))
            for line in tail(path + ".log", 100).splitlines():
                if "is used instead" in line:
                    self.report.say(line)
        else:
            why = why or tail(path + ".log", 1).strip()
            why += " (%d tests are not run)" % len(tests)
            self.report.excuse(kernel.name)
            self.report.result(SKIP if status == GONE else FAIL, kernel.name, "prepare",
                               command.seconds, command.cpu, why)
            tests = []
        with self.changed:
            self.preparing -= 1
            for test in tests:
                self._queue(kernel, test)

    def _queue(self, kernel, test):
        seconds = self.times.of(kernel, test)
        for old in (".log", ".kmsg"):       # of another run
            with contextlib.suppress(FileNotFoundError):
                os.remove(base(kernel.name, test.name) + old)
        if not isinstance(test, VmTest):
            self.alone.append((seconds, kernel, test))
            self.alone.sort(key=lambda item: -item[0])
            return
        for pool in self.pools:
            if pool.kernel is kernel and pool.options == test.options:
                break
        else:
            pool = Pool(kernel, test.options)
            self.pools.append(pool)
        pool.add(seconds, test)

    def _alone(self, kernel, test):
        path = base(kernel.name, test.name)
        if isinstance(test, BuildTest):
            words = [VM, "compile", "--kernel", kernel.name, "--flavour", test.flavour,
                     "--compiler", test.compiler]
        elif isinstance(test, PackageTest):
            words = [VM, "package", "--kernel", kernel.name]
        else:
            assert isinstance(test, HostTest)
            # ASan's shadow and a randomised address space collide now and then
            words = [VM, "exec", "--kernel", kernel.name, "--", "setarch", "-R", "make", "-C",
                     test.directory, "O=/mnt/build/check-" + test.name, "check"]
            if not kernel.default:      # only that suite's root has a C++ compiler
                words.append("CXX=")
        command = Command(words, log=path + ".log")
        why = ""
        try:
            status = command.end(test.limit)
        except Late:
            status, why = 1, "no end after %d s" % test.limit
        verdict = PASS if status == 0 else SKIP if status == GONE else FAIL
        if verdict != PASS:
            why = why or "exit %d: %s" % (status, tail(path + ".log", 1).strip())
        self.report.result(verdict, kernel.name, test.name, command.seconds, command.cpu, why)

    def _take(self, pool):
        with self.changed:
            return pool.tests.pop(0)[1] if pool.tests and not self.stopped else None

    def _serve(self, pool, number):
        """A VM, as long as it is good and there are tests for it."""
        kernel = pool.kernel
        name = "vm-%d-%d" % (self.pools.index(pool), number)
        path = base(kernel.name, name)
        machine = Machine(kernel, pool.options, pool.disks, path + ".kmsg", self.env)
        try:
            self.report.spend("boots", kernel.name, machine.cpu)
            test = self._take(pool) if machine.usable else None
            while test:
                verdict, seconds, cpu, why = machine.run(test)
                self.report.result(verdict, kernel.name, test.name, seconds, cpu, why)
                test = self._take(pool) if machine.usable else None
        finally:
            with self.changed:
                pool.machines -= 1
        up = machine.said and machine.said[-1] == "KTAP version 1"
        wrong = machine.finish()
        if not up and self._once_more(pool, path):
            return
        if wrong or not up:
            with open(path + ".log", "w", encoding="utf-8") as f:
                f.write("\n".join(machine.said + machine.last) + "\n")
            self.report.result(FAIL, kernel.name, name, 0, 0, wrong or "the VM did not come up")
        if not up:
            with self.changed:      # or it would be tried for ever
                if pool.machines:
                    return          # another one is up
                for _, test in pool.tests:
                    self.report.result(FAIL, kernel.name, test.name, 0, 0, "no VM for it")
                pool.tests = []

    def _once_more(self, pool, path):
        """An emulated machine dies in its boot now and then, before anything of ours has
        run: code that the kernel patches is run by another processor as it was.  Once is
        told, and forgiven: tests are left, so another one is booted."""
        with self.changed:
            if pool.dead:
                return False
            pool.dead = path
        why = complaints(path + ".kmsg").splitlines()
        self.report.say("%s: %s died in its boot, before any test, and is booted once more: %s" %
                        (pool.kernel.name, os.path.basename(path),
                         why[0] if why else "it said nothing"))
        return True
