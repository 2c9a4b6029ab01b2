# SPDX-License-Identifier: GPL-2.0-only
"""What tests/run makes of what its VMs do: whose fault it is, and what still gets run.  A VM
is a script here that does what the name of the test that it is fed with says."""

import contextlib
import io
import os
import stat
import tempfile
import unittest

from . import catalog, kernels, machine, plan, results

FAKE = r"""#!/bin/bash
case $1 in
fetch) [ ! -e "$0.gone" ] || { echo "vm: no archive has it" >&2; exit 123; }; exit 0 ;;
build) exit 0 ;;
esac
while [ $# -gt 0 ]; do [ "$1" != --log ] || log=$2; shift; done
echo boot >>"$0.boots"
echo "Linux version" >"$log"
[ ! -e "$0.dead" ] || exit 125
[ ! -e "$0.once" ] || { rm "$0.once"; echo "[ 4.0] Oops: int3" >>"$log"; exit 99; }
echo "KTAP version 1"
n=0 status=0
while read -r test; do
	n=$((n + 1))
	echo "$test" >>"$0.order"
	[[ $before != */behind ]] || echo "[ 1.0] BUG: later" >>"$log"
	echo "snapset-test: $test begins" >>"$log"
	result="ok $n $test # 1 s 2 ticks"
	case $test in
	*/fails) echo "  # FAIL: two, not one"; result="not ok $n $test # exit=1 1 s 2 ticks" ;;
	*/skips) echo "  ok 1 $test # SKIP no disk"; result="ok $n $test # SKIP 1 s 2 ticks" ;;
	*/splat) echo "[ 1.0] WARNING: at kmod" >>"$log" ;;
	*/dies) exit 125 ;;
	*/hangs) sleep 100 ;;
	*/leaves) echo "# $test leaves the machine other than it was:"; left=1 ;;
	*/late) echo "[  20.0] snapset: writes were held for 3000000 us of 2000 ms" >>"$log" ;;
	*/excused) echo "[  20.0] snapset: writes were held for 3000000 us of 2000 ms" >>"$log"
		echo "[  20.1] snapset-test: stood still for 900 ms" >>"$log" ;;
	*/stale) echo "[  16.9] snapset-test: stood still for 900 ms" >>"$log"
		echo "[  20.0] snapset: writes were held for 3000000 us of 2000 ms" >>"$log" ;;
	*/part) echo "  # FAIL: in a part of it" ;;
	*/leaks) status=99 ;;
	esac
	[[ $test = */cut ]] || echo "snapset-test: $test ends" >>"$log"
	echo "$result"
	before=$test
	[ -z "$left" ] || exit 2
done
exit $status
"""


class FakeTest(catalog.VmTest):     # pylint: disable=too-few-public-methods
    """One that has no file."""

    def __init__(self, name, disks=(), options=()):    # pylint: disable=super-init-not-called
        self.name, self.about, self.kernels, self.long = name, "engine", [], False
        self.disks, self.options, self.limit = list(disks), list(options), 5


class PlanTest(unittest.TestCase):
    """Each runs a plan of some tests and looks at what is reported."""

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.vm = os.path.join(self.dir.name, "vm")
        with open(self.vm, "w", encoding="utf-8") as f:
            f.write(FAKE)
        os.chmod(self.vm, stat.S_IRWXU)
        for module in (machine, plan):
            self.replace(module, "VM", self.vm)
        self.replace(machine, "GRACE", 1)
        self.replace(results, "LOGS", os.path.join(self.dir.name, "log"))
        self.replace(results, "CACHE", self.dir.name)

    def replace(self, module, name, value):
        """For the time of a test."""
        self.addCleanup(setattr, module, name, getattr(module, name))
        setattr(module, name, value)

    def run_plan(self, *tests, jobs=1):
        """Returns the report and what it printed."""
        kernel = kernels.Kernel(["6.1", "bookworm", "-", "engine", "default"])
        report, out = results.Report(), io.StringIO()
        with contextlib.redirect_stdout(out):
            plan.Plan([(kernel, list(tests))], results.Times(), report, {}).run(jobs)
            self.good = report.finish()
        self.out = out.getvalue()
        return report

    def lines(self, what):
        """Of a file that the fake VM has written."""
        with open(self.vm + "." + what, encoding="utf-8") as f:
            return f.read().split()

    def test_results(self):
        """Each verdict with its reason, and the closing line."""
        self.run_plan(FakeTest("a/passes"), FakeTest("a/skips"), FakeTest("a/fails"))
        self.assertFalse(self.good)
        self.assertIn("SKIPPED 6.1 a/skips: no disk\n", self.out)
        self.assertIn("FAILED 6.1 a/fails: two, not one\n", self.out)
        self.assertIn("again: make check K=6.1 T=a/fails", self.out)
        self.assertTrue(self.out.endswith("1 passed, 1 failed, 1 skipped\n"))

    def test_all_well(self):
        """One VM for all, and the status of a good run."""
        self.run_plan(FakeTest("a/one"), FakeTest("a/two"))
        self.assertTrue(self.good)
        self.assertEqual(len(self.lines("boots")), 1)
        self.assertTrue(self.out.endswith("\n2 passed, 0 failed\n"))

    def test_part(self):
        """What a part of a test says is the test's."""
        self.run_plan(FakeTest("a/part"), FakeTest("a/passes"))
        self.assertIn("FAILED 6.1 a/part: in a part of it\n", self.out)
        self.assertTrue(self.out.endswith("\n1 passed, 1 failed\n"))

    def test_cut(self):
        """A log that ends too early proves nothing."""
        self.run_plan(FakeTest("a/cut"), FakeTest("a/passes"))
        self.assertIn("FAILED 6.1 a/cut: the kernel's log does not tell", self.out)
        self.assertTrue(self.out.endswith("\n1 passed, 1 failed\n"))

    def test_behind(self):
        """What the kernel says between two tests is told, and of which was before."""
        self.run_plan(FakeTest("a/behind"), FakeTest("a/passes"))
        self.assertIn("a/passes: the kernel complained behind a/behind: [ 1.0] BUG", self.out)

    def test_not_run(self):
        """A result that never came is a failure, whatever lost it."""
        def lost(_plan, _pool):
            return None
        self.replace(plan.Plan, "_take", lost)
        self.replace(plan.Pool, "urgency", lambda pool: 0 if pool.booted else 1)
        self.run_plan(FakeTest("a/passes"))
        self.assertIn("FAILED 6.1 a/passes: it was not run", self.out)
        self.assertFalse(self.good)

    def test_nothing_ran(self):
        """That is no success."""
        self.run_plan(FakeTest("a/skips"))
        self.assertFalse(self.good)

    def test_splat(self):
        """The kernel's complaint is the fault of the test that ran; the rest gets another VM."""
        self.run_plan(FakeTest("a/passes"), FakeTest("a/splat"), FakeTest("a/zzz"))
        self.assertIn("FAILED 6.1 a/splat: the kernel complained: [ 1.0] WARNING: at kmod", self.out)
        self.assertEqual(len(self.lines("boots")), 2)
        self.assertIn("2 passed, 1 failed", self.out)

    def test_dies(self):
        """So with a VM that ends in the middle."""
        self.run_plan(FakeTest("a/dies"), FakeTest("a/passes"))
        self.assertIn("FAILED 6.1 a/dies: the VM ended", self.out)
        self.assertIn("1 passed, 1 failed", self.out)

    def test_hangs(self):
        """A VM that says nothing any more is ended, and the others are run."""
        self.run_plan(FakeTest("a/hangs"), FakeTest("a/passes"))
        self.assertIn("FAILED 6.1 a/hangs: the VM said nothing for too long", self.out)
        self.assertIn("1 passed, 1 failed", self.out)

    def test_leaves(self):
        """Who leaves something gets nobody to follow."""
        self.run_plan(FakeTest("a/leaves"), FakeTest("a/passes"))
        self.assertEqual(len(self.lines("boots")), 2)
        self.assertIn("2 passed, 0 failed", self.out)

    def test_leaks(self):
        """What shows only when the VM ends is told, though no test is to blame."""
        self.run_plan(FakeTest("a/leaks"))
        self.assertIn("the kernel complained behind the last test", self.out)
        self.assertIn("1 passed, 1 failed", self.out)

    def test_late(self):
        """A hold beyond its timeout fails, unless the VM stood still."""
        self.run_plan(FakeTest("a/excused"))
        self.assertTrue(self.good)
        self.run_plan(FakeTest("a/stale"))
        self.assertFalse(self.good)     # it stood still before
        self.run_plan(FakeTest("a/late"))
        self.assertIn("held 1000000 us longer than 2000 ms", self.out)
        self.assertFalse(self.good)

    def test_no_boot(self):
        """A VM that does not come up, nor the next, fails all that it was for, once."""
        with open(self.vm + ".dead", "w", encoding="utf-8"):
            pass
        self.run_plan(FakeTest("a/one"), FakeTest("a/two"))
        self.assertIn("0 passed, 3 failed", self.out)
        self.assertEqual(len(self.lines("boots")), 2)

    def test_boot_again(self):
        """One that dies before any test is told of, and another one is booted."""
        with open(self.vm + ".once", "w", encoding="utf-8"):
            pass
        self.run_plan(FakeTest("a/one"), FakeTest("a/two"))
        self.assertIn("6.1: vm-0-1 died in its boot, before any test, and is booted once more: "
                      "2:[ 4.0] Oops: int3", self.out)
        self.assertEqual(len(self.lines("boots")), 2)
        self.assertIn("2 passed, 0 failed", self.out)

    def test_gone(self):
        """A kernel that nobody serves any more is skipped, with the reason."""
        with open(self.vm + ".gone", "w", encoding="utf-8"):
            pass
        self.run_plan(FakeTest("a/one"))
        self.assertIn("SKIPPED 6.1 prepare: vm: no archive has it", self.out)
        self.assertIn("0 passed, 0 failed, 1 skipped", self.out)

    def test_machines(self):
        """What asks for other machines gets them; long tests go first; disks are shared."""
        self.replace(results.Times, "of", lambda _, __, test: {"a/long": 50}.get(test.name, 1))
        self.run_plan(FakeTest("a/short", ["32M", "64M"]), FakeTest("a/long", ["32M", "32M"]),
                      FakeTest("a/two", options=["--smp", "2"]))
        self.assertEqual(self.lines("order"), ["a/long", "a/short", "a/two"])
        self.assertEqual(len(self.lines("boots")), 2)
        pool = plan.Pool(None, [])
        pool.add(1, FakeTest("a", ["32M", "64M"]))
        pool.add(1, FakeTest("b", ["32M", "32M"]))
        self.assertEqual(sorted(pool.disks), ["32M", "32M", "64M"])


if __name__ == "__main__":
    unittest.main()
