#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""table.py DIR: fio's results CONFIGURATION:WORKLOAD.json and, beside them, what the
processor had worked before and after, as a table with tabs between."""
import glob
import json
import os
import sys

COLUMNS = ["workload", "configuration", "IOPS", "MiB/s", "mean_us", "p99_us", "max_us",
           "cpu_ns_per_io"]


def row(path):
    config, workload = os.path.basename(path)[:-len(".json")].split(":")
    with open(path) as f:
        job = json.load(f)["jobs"][0]
    # of a mix the writes are shown, and the processor's work is for both
    io = job["write"] if job["write"]["total_ios"] else job["read"]
    total = job["write"]["total_ios"] + job["read"]["total_ios"]
    with open(path[:-len("json")] + "busy") as f:
        before, after = (int(line) for line in f)
    return [workload, config, "%.0f" % io["iops"], "%.1f" % (io["bw_bytes"] / 2**20),
            "%.1f" % (io["clat_ns"]["mean"] / 1000),
            "%.1f" % (io["clat_ns"]["percentile"]["99.000000"] / 1000),
            "%.1f" % (io["clat_ns"]["max"] / 1000),
            "%.0f" % ((after - before) / total)]


def main():
    # in the order in which they were measured, by workload
    files = sorted(glob.glob(sys.argv[1] + "/*.json"), key=os.path.getmtime)
    rows = [row(path) for path in files]
    order = list(dict.fromkeys(r[0] for r in rows))
    rows.sort(key=lambda r: order.index(r[0]))
    for r in [COLUMNS] + rows:
        print("\t".join(r))


main()
