#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""latency.py OUT [BESIDE...]: in the guest, how long somebody waits whose direct writes come
one by one, beside others that write much, without and with a snapshot; on a slow disk, and,
beside a cgroup that io.cost slows down, on a fast one. OUT gets a table with tabs between."""
import json
import mmap
import os
import subprocess
import sys
import time

NULLB = "/sys/kernel/config/nullb"
CGROUP = "/sys/fs/cgroup"
MIB = 1 << 20
FLUSH = 96 * MIB		# what is dirty, of 120 MiB of which there are old data
SLOW = 20, 200000		# MB/s, ns of a request
FAST = 400, 200000
BESIDE = [("nobody", SLOW), ("flush", SLOW), ("writeback", SLOW), ("flood 16", SLOW),
          ("flood 256", SLOW), ("nobody", FAST), ("cgroup 32", FAST)]
COLUMNS = ["disk", "beside", "configuration", "writes", "p50_us", "p99_us", "max_us"]


def put(path, value):
    with open(path, "w") as f:
        f.write(str(value))


def command(*args):
    return subprocess.run(args, check=True, stdout=subprocess.PIPE).stdout


def device(name, mbps, nsec):
    path = NULLB + "/" + name
    os.mkdir(path)
    for key, value in [("size", 128), ("memory_backed", 1), ("irqmode", 2),
                       ("completion_nsec", nsec), ("mbps", mbps), ("blocksize", 4096),
                       ("submit_queues", 1), ("hw_queue_depth", 64), ("power", 1)]:
        put("%s/%s" % (path, key), value)
    with open(path + "/index") as f:
        index = f.read().strip()
    node = "/dev/" + name
    if not os.path.exists(node):
        node = "/dev/nullb" + index
    put("/sys/block/%s/queue/scheduler" % os.path.basename(node), "mq-deadline")
    return node


class Writer:
    """Direct synchronous writes of 4 KiB where nobody else writes, one after another."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_WRONLY | os.O_DIRECT | os.O_DSYNC)
        self.page = mmap.mmap(-1, 4096)
        self.page.write(b"w" * 4096)
        self.at = 100 * MIB

    def write(self, until, most):
        """The microseconds of each, until that is true."""
        us = []
        while len(us) < most and not (until and until()):
            begun = time.monotonic_ns()
            os.pwrite(self.fd, self.page, self.at)
            us.append((time.monotonic_ns() - begun) / 1000)
            self.at += 8192		# always what has not been kept
            if self.at >= 127 * MIB:
                self.at = 100 * MIB + 4096
            time.sleep(0.002)
        return us


def flushed(path, how):
    """Somebody who has FLUSH bytes dirty, and writes them back."""
    pid = os.fork()
    if pid:
        return pid
    fd = os.open(path, os.O_RDWR)
    for at in range(0, FLUSH, MIB):
        os.pwrite(fd, bytes(MIB), at)
    open("/tmp/dirty", "w").close()
    if how == "flush":
        os.fsync(fd)
    else:		# as the kernel's own flusher does: nobody waits for it
        put("/proc/sys/vm/dirty_background_bytes", 65536)
        put("/proc/sys/vm/dirty_writeback_centisecs", 10)
        while dirty():
            time.sleep(0.02)
    os._exit(0)


def dirty():
    with open("/proc/meminfo") as f:
        kib = dict(line.split(":") for line in f)
    return sum(int(kib[what].split()[0]) for what in ("Dirty", "Writeback")) > 1024


def flood(path, depth, limited):
    def enter():
        put(CGROUP + "/slow/cgroup.procs", os.getpid())

    begun = writes_done(path)
    fio = subprocess.Popen(
        ["fio", "--name=flood", "--thread", "--filename=" + path, "--ioengine=libaio",
         "--direct=1", "--rw=randwrite", "--bs=4k", "--size=96m", "--iodepth=%d" % depth,
         "--time_based", "--runtime=3600"], stdout=subprocess.DEVNULL,
        preexec_fn=enter if limited else None)
    while writes_done(path) < begun + (2 if limited else depth):
        time.sleep(0.01)
    return fio


def writes_done(path):
    with open("/sys/block/%s/stat" % os.path.basename(path)) as f:
        return int(f.read().split()[4])


def beside(what, path):
    writer = Writer(path)
    writer.write(None, 5)		# what is done for the first time
    if what == "nobody":
        return writer.write(None, 300)
    if what in ("flush", "writeback"):
        pid = flushed(path, what)
        while not os.path.exists("/tmp/dirty"):
            time.sleep(0.01)
        os.unlink("/tmp/dirty")
        time.sleep(0.3)
        us = writer.write(lambda: os.waitpid(pid, os.WNOHANG)[0], 100000)
        put("/proc/sys/vm/dirty_background_ratio", 50)
        return us
    fio = flood(path, int(what.split()[-1]), what.startswith("cgroup"))
    us = writer.write(None, 300)
    fio.terminate()
    fio.wait()
    return us


def limit(path, on):
    """io.cost lets the cgroup write twenty times a second; the root is never limited."""
    with open("/sys/block/%s/dev" % os.path.basename(path)) as f:
        number = f.read().strip()
    if on:
        put(CGROUP + "/cgroup.subtree_control", "+io")
        put(CGROUP + "/io.cost.model", number + " ctrl=user model=linear rbps=1000000000"
            " rseqiops=100000 rrandiops=100000 wbps=1000000000 wseqiops=20 wrandiops=20")
        if not os.path.isdir(CGROUP + "/slow"):
            os.mkdir(CGROUP + "/slow")
    put(CGROUP + "/io.cost.qos", number + (" enable=%d ctrl=user rpct=0 rlat=1000000 wpct=0"
                                           " wlat=1000000 min=100 max=100" % on))


def measure(what, path, snapshot):
    if snapshot:
        command("snapset", "create", "--keep", "--store", "memory:160M", path)
    us = sorted(beside(what, path))
    if snapshot:
        sets = json.loads(command("snapset", "list", "--json"))["sets"]
        if "dead" in json.dumps(sets):
            sys.exit("latency: the snapshot died: %r" % sets)
        command("snapset", "delete", "--all")
    return us


def main():
    command("modprobe", "null_blk", "nr_devices=0")
    if not os.path.ismount("/sys/kernel/config"):
        command("mount", "-t", "configfs", "none", "/sys/kernel/config")
    put("/proc/sys/vm/dirty_background_ratio", 50)
    put("/proc/sys/vm/dirty_ratio", 60)
    disks = {SLOW: device("slow", *SLOW), FAST: device("fast", *FAST)}
    held = [os.open(path, os.O_RDONLY) for path in disks.values()]	# or who closes flushes
    for path in disks.values():
        command("dd", "if=/dev/zero", "of=" + path, "bs=1M", "count=128", "oflag=direct",
                "status=none")
    command("modprobe", "snapset")
    with open(sys.argv[1], "w") as out:
        print(*COLUMNS, sep="\t", file=out)
        for what, disk in BESIDE:
            if sys.argv[2:] and what not in sys.argv[2:]:
                continue
            path = disks[disk]
            if what.startswith("cgroup"):
                limit(path, 1)
            for snapshot in False, True:
                us = measure(what, path, snapshot)
                row = ["%d MB/s" % disk[0], what, "snapshot" if snapshot else "raw", len(us)]
                row += ["%.0f" % us[min(len(us) - 1, int(len(us) * p))] for p in (.5, .99, 1)]
                print(*row, sep="\t", file=out, flush=True)
                print(*row, flush=True)
            if what.startswith("cgroup"):
                limit(path, 0)
    for fd in held:
        os.close(fd)
    command("modprobe", "-r", "snapset")


main()
