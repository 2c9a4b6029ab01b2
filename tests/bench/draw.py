#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""draw.py TABLE: the rows of first writes as a picture (SVG): each configuration's
share of what the raw device does, and where the floor of copying is."""
import sys

SHOWN = [("dm64k", "dm-snapshot, 64 KiB chunks", "#b8b8b8"),
         ("dm4k", "dm-snapshot, 4 KiB chunks", "#8c8c8c"),
         ("device", "snapset", "#1f6fb2"),
         ("device64", "snapset, 64 snapshots", "#8fbce0")]
ROWS = [("4k-sparse-qd1", "4 KiB random, sparse, depth 1"),
        ("4k-sparse-qd16", "4 KiB random, sparse, depth 16"),
        ("4k-dense-qd1", "4 KiB random, dense, depth 1"),
        ("4k-dense-qd16", "4 KiB random, dense, depth 16"),
        ("64k-random-qd8", "64 KiB random, depth 8"),
        ("64k-seq-qd8", "64 KiB sequential, depth 8"),
        ("1m-seq-qd4", "1 MiB sequential, depth 4")]
LEFT, WIDTH, BAR = 220, 500, 11


def text(x, y, words, more=""):
    return '<text x="%d" y="%.1f" %s>%s</text>' % (x, y, more, words)


def main():
    iops = {}
    with open(sys.argv[1]) as f:
        for line in list(f)[1:]:
            workload, config, value = line.split("\t")[:3]
            iops[workload, config] = float(value)
    shown = [s for s in SHOWN if any((w, s[0]) in iops for w, _ in ROWS)]
    out, y = [], 34
    for workload, words in ROWS:
        raw = iops.get((workload, "raw"))
        if not raw:
            continue
        top = y
        out.append(text(LEFT - 8, y + BAR * len(shown) / 2 + 4, words, 'text-anchor="end"'))
        for config, _, colour in shown:
            share = iops.get((workload, config), 0) / raw
            out.append('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>' %
                       (LEFT, y, share * WIDTH, BAR - 1, colour))
            out.append(text(LEFT + share * WIDTH + 4, y + BAR - 2.0, "%.0f %%" % (100 * share),
                            'font-size="9"'))
            y += BAR
        floor = iops.get((workload, "floor"))
        if floor:
            x = LEFT + floor / raw * WIDTH
            out.append('<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#c03020"/>' %
                       (x, x, top - 2, y + 2))
        y += 12
    x = LEFT
    for _, words, colour in shown:
        out.append('<rect x="%d" y="10" width="10" height="10" fill="%s"/>' % (x, colour))
        out.append(text(x + 14, 19, words, 'font-size="10"'))
        x += 24 + 6 * len(words)
    out.append(text(LEFT, y + 8, "first writes under a fresh snapshot, of what the raw device "
                    "does; red: the floor of copying", 'font-size="10"'))
    print('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
          'font-family="sans-serif" font-size="11"><rect width="100%%" height="100%%" '
          'fill="white"/>%s</svg>' % (LEFT + WIDTH + 60, y + 20, "\n".join(out)))


main()
