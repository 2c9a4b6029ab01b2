#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""limits.py OUT: in the guest, what many and large snapshots cost: memory, and how takes,
reads and deletes grow. OUT gets a table with tabs between."""
import json
import os
import subprocess
import sys
import time

NULLB = "/sys/kernel/config/nullb"
OUT = None
MANY = 512
EXTENTS = 1000000


def command(*args):
    return subprocess.run(args, check=True, stdout=subprocess.PIPE, text=True).stdout


def device(name, mib, **settings):
    path = NULLB + "/" + name
    os.mkdir(path)
    settings = dict(size=mib, irqmode=2, completion_nsec=50000, blocksize=4096,
                    submit_queues=1, hw_queue_depth=64, **settings)
    for key, value in list(settings.items()) + [("power", 1)]:
        with open("%s/%s" % (path, key), "w") as f:
            f.write(str(value))
    with open(path + "/index") as f:
        index = f.read().strip()
    return "/dev/" + name if os.path.exists("/dev/" + name) else "/dev/nullb" + index


def say(what, value, unit, wanted=""):
    print(what, "%.*f" % (0 if value >= 100 else 1, value), unit, wanted, sep="\t", file=OUT, flush=True)
    print("%-60s %10.1f %-8s %s" % (what, value, unit, wanted), flush=True)


def meminfo(*fields):
    with open("/proc/meminfo") as f:
        kib = {line.split(":")[0]: int(line.split()[1]) for line in f}
    return sum(kib[field] for field in fields) * 1024


def used():
    """Memory that is not free, nor a cache of what lies on disks."""
    return (meminfo("MemTotal") - meminfo("MemFree", "Cached", "Buffers", "SReclaimable"))


def settled(read):
    """After caches have given back what nothing is in."""
    time.sleep(0.5)
    for cache in os.listdir("/sys/kernel/slab"):
        try:
            with open("/sys/kernel/slab/%s/shrink" % cache, "w") as f:
                f.write("1")
        except OSError:
            pass
    time.sleep(0.5)
    return read()


def create(origin, *options):
    made = json.loads(command("snapset", "create", "--keep", "--json", *options, origin))
    return made, image_of(made["id"])


def image_of(set_id):
    sets = json.loads(command("snapset", "list", "--json"))["sets"]
    return [s for s in sets if s["id"] == set_id][0]["snapshots"][0]


def fio(target, **options):
    args = dict(bs="4k", direct=1, ioengine="libaio", randrepeat=1)
    args.update(options)
    out = command("fio", "--name=x", "--filename=" + target, "--output-format=json",
                  *["--%s" % k if v is True else "--%s=%s" % (k, v) for k, v in args.items()])
    return json.loads(out)["jobs"][0]


def read_us(image, depth):
    job = fio(image, rw="randread", iodepth=depth, size="256m", io_size="8m", norandommap=True)
    return depth * 1e6 / job["read"]["iops"]


def delete_ms(*snaps):
    before = time.monotonic()
    command("snapset", "delete", *snaps)
    return (time.monotonic() - before) * 1e3


def write_granules(origin, n, area, seed):
    """So many first writes of 4 KiB, each in a place of its own in so many MiB."""
    fio(origin, rw="randwrite", iodepth=16, size="%dm" % area, io_size="%dk" % (4 * n), randseed=seed)


def takes_of_large():
    origin = device("large", 16 << 20)
    before = settled(used)
    made, _ = create(origin, "--store", "memory:1M")
    say("memory for a snapshot of 16 TiB", (settled(used) - before) / 2**20, "MiB", "<= 16")
    say("take of 16 TiB", made["times"]["total_ns"] / 1e6, "ms")
    command("snapset", "delete", "--all")


def index(origin, store):
    for name, options in [
            ("at random, 1 of 8", dict(rw="randwrite", size="4096m", io_size="512m")),
            ("at random, 1 of 64", dict(rw="randwrite", size="32768m", io_size="512m")),
            ("at random, 1 of 128", dict(rw="randwrite", size="65536m", io_size="512m")),
            ("at random, 1 of 512", dict(rw="randwrite", size="65536m", io_size="128m")),
            ("in sequence", dict(rw="write", bs="1m", size="4096m"))]:
        create(origin, "--store", store)
        before = settled(lambda: meminfo("Slab"))
        fio(origin, iodepth=16, **options)
        after = settled(lambda: meminfo("Slab"))
        snap = json.loads(command("snapset", "list", "--json"))["sets"][0]["snapshots"][0]
        say("index, a granule kept " + name, (after - before) / (snap["copied"] / 4096), "bytes",
            "<= 1" if name == "in sequence" else "<= 24")
        command("snapset", "delete", "--all")


def slow_store(origin):
    slow = device("slow", 4096)
    with open(NULLB + "/slow/power", "w") as f:
        f.write("0")
    with open(NULLB + "/slow/completion_nsec", "w") as f:
        f.write("20000000")
    with open(NULLB + "/slow/power", "w") as f:
        f.write("1")
    made, _ = create(origin, "--store", slow)
    before, most = settled(used), 0		# what the writer itself has counts as ours
    writer = subprocess.Popen(
        ["fio", "--name=x", "--filename=" + origin, "--ioengine=libaio", "--direct=1", "--bs=4k",
         "--rw=randwrite", "--iodepth=16", "--size=16384m", "--time_based", "--runtime=8"],
        stdout=subprocess.DEVNULL)
    while writer.poll() is None:
        most = max(most, used() - before)
        time.sleep(0.05)
    say("memory while the store takes 20 ms, above a budget of %d MiB" % (made["budget"] >> 20),
        (most - made["budget"]) / 2**20, "MiB", "<= 8")
    command("snapset", "delete", "--all")


def many_snapshots(origin, store):
    made, oldest = create(origin, "--store", store)
    first = made["times"]["total_ns"]
    reads = [read_us(oldest["device"], depth) for depth in (1, 16)]
    for i in range(MANY - 2):
        command("snapraw", "take", "--keep", "--store-limit", "1M", origin)
    time.sleep(1)
    made, newest = create(origin, "--store", "memory:64M")
    last = made["times"]["total_ns"]
    say("take of the snapshot %d, of the first" % MANY, last / first, "times", "<= 2")
    for depth, before in zip((1, 16), reads):
        say("read of the oldest of %d at depth %d, of a single one" % (MANY, depth),
            read_us(oldest["device"], depth) / before, "times", "<= 2")
    write_granules(origin, 1000, 64, 1)
    say("delete of the newest of %d" % MANY, delete_ms(newest["id"]), "ms")
    say("delete of the oldest of %d" % MANY, delete_ms(oldest["id"]), "ms")
    before = time.monotonic()
    command("snapset", "delete", "--all")
    say("delete of the other %d" % (MANY - 2), (time.monotonic() - before) * 1e3, "ms")


def many_extents(origin, store):
    figures = {}
    for n in 1000, EXTENTS:
        made, old = create(origin, "--store", store)
        write_granules(origin, n, 16384, 1)
        made, new = create(origin, "--store", "memory:64M")
        figures[n] = [made["times"]["total_ns"] / 1e6, read_us(old["device"], 1), read_us(old["device"], 16)]
        figures[n].append(delete_ms(new["id"]))
        writer = subprocess.Popen(
            ["fio", "--name=x", "--filename=" + origin, "--ioengine=libaio", "--direct=1", "--bs=4k",
             "--rw=randwrite", "--iodepth=1", "--size=256m", "--time_based", "--runtime=2",
             "--output-format=json", "--output=/tmp/writer.json"])
        time.sleep(0.5)
        figures[n].append(delete_ms(old["id"]))
        writer.wait()
        with open("/tmp/writer.json") as f:
            figures[n].append(json.load(f)["jobs"][0]["write"]["clat_ns"]["max"] / 1e3)
    few, many = figures[1000], figures[EXTENTS]
    for i, name in enumerate(["take beside", "read at depth 1 of", "read at depth 16 of",
                              "delete of a newer one beside"]):
        say("%s a snapshot of %d extents, of 1000" % (name, EXTENTS), many[i] / few[i], "times", "<= 2")
    say("delete of %d extents" % EXTENTS, many[4], "ms")
    say("longest write while 1000 extents go", few[5], "us")
    say("longest write while %d extents go" % EXTENTS, many[5], "us")


def main():
    global OUT
    command("modprobe", "null_blk", "nr_devices=0")
    if not os.path.ismount("/sys/kernel/config"):
        command("mount", "-t", "configfs", "none", "/sys/kernel/config")
    # what is written is not looked at: these keep nothing
    origin, store = device("origin", 65536), device("store", 65536)
    command("modprobe", "snapset")
    with open(sys.argv[1], "w") as OUT:
        print("what", "measured", "unit", "wanted", sep="\t", file=OUT)
        takes_of_large()
        index(origin, store)
        slow_store(origin)
        many_extents(origin, store)
        many_snapshots(origin, store)
    command("modprobe", "-r", "snapset")


main()
