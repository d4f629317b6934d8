"""The load generator beside oha, on one machine, in one run.

Closed loop: both ask the same trivial axum server (loadgen/examples/hello.rs, a word on one route) over the same number
of kept connections for the same time, alternately, several rounds; the medians are compared. oha runs as users run it
for this purpose (no terminal interface, no time limit per request). Telemetry is off on both sides (OTEL_SDK_DISABLED=true;
nothing is exported), but ours still sends its trace, baggage and correlation headers and keeps its three histograms and
exemplars, because it has no mode without them.

Open loop: ours alone at 5,000 requests a second of its steady profile; the figure is its own lag, from when a request was
due to when it was handed to a connection.

    python3 bench/loadgen.py [--seconds 5] [--rounds 5] [--connections 50] [--open-seconds 12]

oha is installed into target/bench-tools on the first run (a few minutes: it brings a TLS stack, which is not used).
"""

import argparse
import json
import subprocess
import sys

import oha
from report import median, report
from stack import ROOT

RATE = 5000


def build():
    """Builds both sides in release mode; returns the folder of our examples."""
    oha.install()
    subprocess.run(["cargo", "build", "--release", "--locked", "-p", "loadgen", "--examples"], cwd=ROOT, check=True)
    return ROOT / "target" / "release" / "examples"


def measure(examples, *arguments):
    """Our report of one run."""
    command = [str(examples / "measure"), *map(str, arguments)]
    done = subprocess.run(command, env=oha.QUIET, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=int, default=5)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--connections", type=int, default=50)
    options.add_argument("--open-seconds", type=int, default=12)
    options = options.parse_args()
    examples = build()
    server = subprocess.Popen([examples / "hello"], env=oha.QUIET, stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().strip()
        ours, theirs, rows = [], [], []
        oha.run(url, options.connections, 1)  # warms the server up, for both
        for turn in range(options.rounds):
            result, failed = oha.run(url, options.connections, options.seconds)
            theirs.append(result["summary"]["requestsPerSec"])
            closed = measure(examples, "closed", url, options.connections, options.seconds)
            ours.append(closed["throughput_rps"])
            if failed or closed["failed"]:
                sys.exit(f"requests failed (oha {failed}, loadgen {closed['failed']}): the figures would mean nothing")
            rows.append([f"closed {turn + 1}", f"{theirs[-1]:.0f}", f"{ours[-1]:.0f}", ""])
        opened = measure(examples, "open", url, RATE, options.open_seconds)
    finally:
        server.terminate()
        server.wait()
    ratio = median(ours) / median(theirs)
    rows.append(["closed, median", f"{median(theirs):.0f}", f"{median(ours):.0f}", ""])
    rows.append([f"open at {RATE}/s", "", f"{opened['fired'] / options.open_seconds:.0f}", opened["lag_ms"]["p99"]])
    planned = opened["expected_requests"]
    figures = {
        "oha_version": oha.VERSION,
        "connections": options.connections,
        "oha_rps": median(theirs),
        "loadgen_rps": median(ours),
        "ratio": round(ratio, 3),
        "open": {"planned": planned, **{k: opened[k] for k in ("fired", "shed", "failed", "late", "lag_ms")}},
    }
    met = {
        f"closed loop at least 0.9 of oha's throughput: {ratio:.2f}": ratio >= 0.9,
        f"open loop at {RATE}/s: lag p99 at most 1 ms: {opened['lag_ms']['p99']} ms": opened["lag_ms"]["p99"] <= 1.0,
        "open loop: nothing shed, nothing failed": opened["shed"] == 0 and opened["failed"] == 0,
    }
    report("loadgen", ["run", "oha req/s", "loadgen req/s", "lag p99 ms"], rows, figures, met)


if __name__ == "__main__":
    main()
