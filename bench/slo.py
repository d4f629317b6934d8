#!/usr/bin/env python3
"""How long all alert contracts take, the built-in rule engine beside Prometheus' own (promtool).

`firedrill slo test --skip-slow` scores every contract of up to a week of virtual minutes, once with each engine, in turns, both with as
many threads as there are processors. The figure is the ratio of the times, the median over the rounds; both must keep all
contracts. Then `slo simulate` computes a month of minutes.

Usage: FIREDRILL_BACKENDS=… python3 bench/slo.py [ROUNDS]    (default 3; needs a release build)
"""

import json
import os
import subprocess
import sys
import time

from report import median, report
from stack import ROOT

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
FIREDRILL = os.path.join(ROOT, "target", "release", "firedrill")


def slo(*args):
    """The last line of a command's output, which is JSON, and how long the whole command took."""
    began = time.monotonic()
    done = subprocess.run([FIREDRILL, "slo", *args, "--json"], cwd=ROOT, capture_output=True, text=True, check=False)
    took = time.monotonic() - began
    assert done.returncode == 0, f"{args}: {done.stdout[-2000:]} {done.stderr}"
    return json.loads(done.stdout.splitlines()[-1]), took


times = {"builtin": [], "promtool": []}
contracts = set()
for _ in range(ROUNDS):
    for engine, seconds in times.items():
        answer, took = slo("test", "--skip-slow", "--engine", engine)
        contracts.add(answer["contracts"])
        seconds.append(took)
month = []
for _ in range(ROUNDS):
    answer, took = slo("simulate", "order-placement-availability", "--errors", "0.2%", "--for", "30d")
    month.append(took)
ratio = median([theirs / ours for ours, theirs in zip(times["builtin"], times["promtool"])])
rows = [[engine, f"{median(seconds):.2f}", f"{min(seconds):.2f}", f"{max(seconds):.2f}"] for engine, seconds in times.items()]
rows.append(["simulate 30 days", f"{median(month):.3f}", f"{min(month):.3f}", f"{max(month):.3f}"])
report(
    "slo",
    ["engine", "seconds", "least", "most"],
    rows,
    {"contracts": max(contracts), "builtin_s": median(times["builtin"]), "promtool_s": median(times["promtool"]),
     "ratio": ratio, "simulate_s": median(month)},
    {"at least 5 times as fast as promtool": ratio >= 5, "30 days simulated in under a second": median(month) < 1},
)
