#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""takes.py OUT: how long a set takes, and for how long it holds writes, in the guest: of
1, 8 and 64 sparse devices of 1 TiB, idle and with 16 writes under way on each. OUT gets
a table with tabs between."""
import json
import os
import statistics
import subprocess
import sys
import time

TAKES = 5
NULLB = "/sys/kernel/config/nullb"
PARTS = ["hold", "drain", "prepare", "freeze", "total"]
COLUMNS = ["members", "load"] + ["%s_%s_us" % (part, of) for part in PARTS for of in ("p50", "max")]


def device(n):
    path = "%s/take%d" % (NULLB, n)
    os.mkdir(path)
    for key, value in [("size", 1 << 20), ("irqmode", 2),
                       ("completion_nsec", 50000), ("blocksize", 4096), ("submit_queues", 1),
                       ("hw_queue_depth", 64), ("power", 1)]:
        with open("%s/%s" % (path, key), "w") as f:
            f.write(str(value))
    with open(path + "/index") as f:
        name = "/dev/nullb" + f.read().strip()
    return name if os.path.exists(name) else "/dev/take%d" % n


def command(*args):
    return subprocess.run(args, check=True, stdout=subprocess.PIPE).stdout


def writers(devices):
    jobs = []
    for d in devices:
        jobs += ["--name=w", "--filename=" + d]
    # after the commands, of which there is but one processor's worth
    fio = subprocess.Popen(
        ["nice", "-n", "19", "fio", "--thread", "--ioengine=libaio", "--direct=1", "--rw=randwrite", "--bs=4k",
         "--size=16m", "--iodepth=16", "--time_based", "--runtime=3600"] + jobs,
        stdout=subprocess.DEVNULL)
    while any(writes_done(d) == 0 for d in devices):
        time.sleep(0.01)
    return fio


def writes_done(d):
    with open("/sys/class/block/%s/stat" % os.path.basename(d)) as f:
        return int(f.read().split()[4])


def take(devices):
    made = json.loads(command("snapset", "create", "--keep", "--json", "--store", "memory:512M",
                              *devices))
    if made["members"] != len(devices):
        sys.exit("takes: %r" % made)
    command("snapset", "delete", "--all")
    return made["times"]


def main():
    command("modprobe", "null_blk", "nr_devices=0")
    if not os.path.ismount("/sys/kernel/config"):
        command("mount", "-t", "configfs", "none", "/sys/kernel/config")
    devices = [device(n) for n in range(64)]
    command("modprobe", "snapset")
    with open(sys.argv[1], "w") as out:
        print(*COLUMNS, sep="\t", file=out)
        for members in 1, 8, 64:
            for load in "idle", "busy":
                used = devices[:members]
                fio = writers(used) if load == "busy" else None
                times = [take(used) for _ in range(TAKES)]
                if fio:
                    fio.terminate()
                    fio.wait()
                row = []
                for part in PARTS:
                    us = [t[part + "_ns"] / 1000 for t in times]
                    row += ["%.0f" % statistics.median(us), "%.0f" % max(us)]
                print(members, load, *row, sep="\t", file=out, flush=True)
                print(members, load, *row, flush=True)
    command("modprobe", "-r", "snapset")


main()
