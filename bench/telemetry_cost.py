#!/usr/bin/env python3
"""What full telemetry costs order-service.

The same binary and the same stack, in turn with telemetry on (traces and logs exported over OTLP, JSON lines on
standard output, everything sampled) and off (`OTEL_SDK_DISABLED=true`, `RUST_LOG=off`), under the same closed-loop load
of orders. Compared are the requests that order-service answers per second of its own processor time: on two cores the
load generator, the neighbours and the backend share the machine with it, so requests per second of the wall clock would
measure them as well. Metrics are always on. The wall-clock throughput of the whole stack is given beside it.
"""

import argparse
import pathlib
import tempfile

from report import median, report
from stack import ROOT, Stack, build, cpu_seconds

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--pairs", type=int, default=5)
parser.add_argument("--seconds", type=int, default=10)
options = parser.parse_args()

OFF = {"OTEL_SDK_DISABLED": "true", "RUST_LOG": "off"}
COUNT = "http_server_request_duration_seconds_count"


def profile():
    """The steady profile with nothing but buyers."""
    text = (ROOT / "loadgen" / "profiles" / "steady.toml").read_text(encoding="utf-8")
    lines, journeys = [], False
    for line in text.splitlines():
        if line.startswith("["):
            journeys = line.startswith("[journeys]")
            lines.append(line)
            if journeys:
                lines.append("buy = 100")
        elif not journeys:
            lines.append(line)
    path = pathlib.Path(tempfile.mkdtemp()) / "buyers.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def once(buyers, env):
    """Requests per processor second of order-service, and per second of the wall clock."""
    with Stack("--no-load", env=env) as stack:
        load = ["load", "--profile", str(buyers), "--closed", "8"]
        stack.command(*load, "--for", "2s", env=OFF)
        pid = stack.run["pids"]["order-service"]
        cpu, count = cpu_seconds(pid), stack.metric("order-service", COUNT)
        sent = stack.command(*load, "--for", f"{options.seconds}s", env=OFF)
        answered = stack.metric("order-service", COUNT) - count
        used = cpu_seconds(pid) - cpu
    return answered / used, sent["throughput_rps"]


build()
buyers = profile()
pairs = [(once(buyers, {}), once(buyers, OFF)) for _ in range(options.pairs)]
on, off = [pair[0][0] for pair in pairs], [pair[1][0] for pair in pairs]
cost = median([1 - a / b for a, b in zip(on, off)]) * 100
wall_on, wall_off = median([p[0][1] for p in pairs]), median([p[1][1] for p in pairs])
report(
    "telemetry_cost",
    ["order-service", "requests per processor second", "range", "whole stack, requests/s"],
    [
        ["telemetry on", f"{median(on):.0f}", f"{min(on):.0f} to {max(on):.0f}", f"{wall_on:.0f}"],
        ["telemetry off", f"{median(off):.0f}", f"{min(off):.0f} to {max(off):.0f}", f"{wall_off:.0f}"],
        ["cost", f"{cost:.1f}%", "", f"{(1 - wall_on / wall_off) * 100:.1f}%"],
    ],
    {"on": median(on), "off": median(off), "cost_percent": cost, "wall_on": wall_on, "wall_off": wall_off},
    {"full telemetry costs order-service at most 15% of its throughput": cost <= 15},
)
