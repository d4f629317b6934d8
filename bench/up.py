#!/usr/bin/env python3
"""How fast a stack is ready, when its first trace can be read, and what it takes in memory.

Start: several starts of the built program in an empty home each, medians of what `up --json` says. Memory: the sum of
the resident sizes of all processes, at 3/5 and at the end of 5 minutes at 200 requests/s (`--minutes` to shorten).
"""

import argparse
import time

from report import median, report
from stack import Stack, build, resident_mb

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--starts", type=int, default=7)
parser.add_argument("--minutes", type=float, default=5)
parser.add_argument("--rps", type=int, default=200)
options = parser.parse_args()

build()
ready, first = [], []
for _ in range(options.starts):
    with Stack("--rps", "20") as stack:
        time.sleep(2.5)
        summary = stack.stop()
        ready.append(summary["ready_ms"])
        first.append(summary["first_trace_ms"])

at_three_fifths = None
with Stack("--rps", str(options.rps)) as stack:
    began = time.monotonic()
    while (minute := (time.monotonic() - began) / 60) < options.minutes:
        if at_three_fifths is None and minute >= options.minutes * 3 / 5:
            at_three_fifths = {name: resident_mb(pid) for name, pid in stack.pids().items()}
        time.sleep(1)
    sizes = {name: resident_mb(pid) for name, pid in stack.pids().items()}
    summary = stack.stop()
third, end = sum(at_three_fifths.values()), sum(sizes.values())

rows = [
    ["ready", f"{median(ready)} ms", f"{min(ready)} to {max(ready)} ms"],
    ["first trace after ready", f"{median(first)} ms", f"{min(first)} to {max(first)} ms"],
    *[
        [f"resident: {name}", f"{size:.1f} MB", f"{at_three_fifths[name]:.1f} MB at 3/5 of the run"]
        for name, size in sorted(sizes.items())
    ],
    ["resident: all", f"{end:.1f} MB", f"{third:.1f} MB at 3/5 of the run"],
    ["traffic", f"{summary['requests']} requests", f"{summary['failed']} failed"],
]
report(
    "up", ["figure", "median or value", "range"], rows,
    {
        "ready_ms": median(ready), "first_trace_ms": median(first), "rss_mb": end, "rss_mb_at_three_fifths": third,
        "processes_mb": sizes, "requests": summary["requests"], "failed": summary["failed"], "spans": summary["spans"],
        "series": summary["series"],
    },
    {
        "ready in at most 1 s": median(ready) <= 1000,
        "first trace readable at most 1 s after ready": median(first) <= 1000,
        f"at most 200 MB resident after {options.minutes:g} minutes at {options.rps} requests/s": end <= 200,
    },
)
