#!/usr/bin/env python3
"""Each backend of the real stack taken away under load: what users notice, what is lost, whether the loss is counted.

In a fresh stack per case, `firedrill load` sends traffic twice for the same time: first with everything well, then with
one backend down, hanging, slow or with a full disk. The fault begins 3 s after the load and ends 3 s before it, so that
going and coming back are under load, too. Response times and failures are those of the two reports of `load`. Then
everything is left alone until nothing is on its way any more: each service says that what it made is exported or dropped
(`telemetry_{created,exported,dropped}_total`), the collector's queues are empty, and no further line arrives.

Counted is exactly, over the whole life of the stack and for the three services (the load sends no telemetry):
- made: `telemetry_created_total`, counted when a span ends or a line is written, before any queue.
- stored: log lines by Loki's `count_over_time`; spans by reading every trace from Jaeger, a second at a time, each span id
  counted once. Not by the programs' own counters, which begin again with a restart and count what is sent twice twice.
- missing: made - stored. counted: what the services say that they dropped. Where the collector's own disk is full, it can
  also lose what it has answered for: then what it took in and did not send on (two counters of its own) is added.
A batch whose answer was lost (the collector is killed between taking it and saying so, or hangs longer than the 3 s that a
service waits and then goes on with what is in its socket) is counted as dropped although it is stored: then `counted` is
above `missing`. It may never be below.

Two cases need other words. Jaeger's store is memory: a killed Jaeger forgets what it had, so it is killed while nothing is
under way, before the second load, and counted is what was made since. Prometheus holds neither spans nor lines: its loss is
scrapes (counted: seconds without a sample of order-service), and since counters are cumulative no event is: `missing` is
what its counters of requests are short of those of the services in the end.

`firedrill audit` asks the same of each request of its own, but waits for no return and counts requests. It runs twice: after
each case, where it has to find nothing, and once while the collector is down, where it has to find every request missing,
and the services to have counted exactly what they made meanwhile.

Usage: python3 bench/outages.py [--seconds 60] [--rounds 3] [--fault-seconds 30] [--fault-rounds 1] [--rps 200]
                                [--only loki,otelcol] [--skip-faults]
Needs the programs of the real stack (stack/native/build), and to be root for the small disks.
"""

import argparse
import os
import threading
import time

from faults import Down, FullDisk, Hanging, Programs, Slow, pid
from report import median, report
from stack import Stack, build
from stores import SIGNALS, at_rest, growth, handed_over, lines_stored, made, not_sent_on, prometheus, requests_counted, spans_stored

MARGIN = 3
AUDITED = 50
KINDS = (Down, Hanging, Slow, FullDisk)
# Where the loss, or that nothing is lost but late, is seen on dashboards/telemetry-pipeline.json.
PANELS = {
    ("loki", Down): "How full are the export queues?", ("loki", Hanging): "How full are the export queues?",
    ("loki", Slow): "How full are the export queues?", ("loki", FullDisk): "Writes that a full disk refuses",
    ("jaeger", Down): "How full are the export queues?", ("jaeger", Hanging): "How full are the export queues?",
    ("jaeger", Slow): "How full are the export queues?",
    ("otelcol", Down): "Lost, by place and signal", ("otelcol", Hanging): "Lost, by place and signal",
    ("otelcol", Slow): "Lost, by place and signal", ("otelcol", FullDisk): "Taken in by the collector and not sent on",
    ("prometheus", Down): "Which target answers, and since when?",
    ("prometheus", Hanging): "Which target answers, and since when?",
    ("prometheus", Slow): "Which target answers, and since when?", ("prometheus", FullDisk): "Writes that a full disk refuses",
}


def load(stack, seconds, seed):
    """The report of a load that sends no telemetry of its own."""
    arguments = ["load", "--rps", str(options.rps), "--for", f"{seconds}s", "--seed", str(seed), "--lag-budget", "1s"]
    return stack.command(*arguments, env={"OTEL_SDK_DISABLED": "true", "RUST_LOG": "off"})


def once(programs, name, kind, seconds):
    """One case in a stack of its own."""
    fault = kind(programs, name)
    fault.prepare()
    with Stack("--stack", "native", "--no-load", env=programs.env) as stack:
        load(stack, 5, 1)
        began = time.time()
        before = load(stack, seconds + 2 * MARGIN, 2)
        at_rest(stack)
        forgets = name == "jaeger" and kind is Down
        base = made(stack) if forgets else dict.fromkeys(SIGNALS, 0)
        since = time.time() if forgets else began - 60
        during = {}
        if forgets:
            fault.begin(stack)
        thread = threading.Thread(target=lambda: during.update(load(stack, seconds + 2 * MARGIN, 3)))
        thread.start()
        time.sleep(MARGIN)
        if not forgets:
            fault.begin(stack)
        time.sleep(seconds)
        fault.end(stack)
        returned = time.monotonic()
        thread.join()
        at_rest(stack)
        settled = time.monotonic() - returned
        counts = growth(stack)
        if name == "otelcol" and kind is FullDisk:
            for signal in SIGNALS:
                counts[signal]["dropped"] += not_sent_on(stack, signal)
        result = {
            "requests": during["fired"], "failed": before["failed"] + during["failed"],
            "p99_before_ms": before["response_ms"]["p99"], "p99_during_ms": during["response_ms"]["p99"],
            "settled_s": settled,
            "spans_missing": counts["traces"]["created"] - base["traces"] - spans_stored(stack, since),
            "spans_counted": counts["traces"]["dropped"],
            "lines_missing": counts["logs"]["created"] - lines_stored(stack),
            "lines_counted": counts["logs"]["dropped"],
        }
        if name == "prometheus":
            elapsed = time.time() - began
            samples = prometheus(stack, f'count_over_time(up{{job="order-service"}}[{elapsed:.0f}s])')
            result["scrapes_missing"] = max(0, round(elapsed - samples))
            result["requests_missing"] = requests_counted(stack) - prometheus(
                stack, 'sum(http_server_request_duration_seconds_count{service=~".+-service"})')
        result["audit_mismatches"] = stack.command("audit", "--requests", str(AUDITED))["mismatches"]
    return result


def audit_in_the_dark(programs):
    """An audit without a collector: what it misses, and what the services have made and lost meanwhile."""
    fault = Down(programs, "otelcol")
    with Stack("--stack", "native", "--no-load", env=programs.env) as stack:
        load(stack, 2, 1)
        at_rest(stack)
        before = growth(stack)
        fault.begin(stack)
        found = stack.command("audit", "--requests", str(AUDITED))
        after = handed_over(stack)
        fault.end(stack)
    grown = {
        f"{signal}_{what}": after[signal][what] - before[signal][what]
        for signal in SIGNALS for what in ("created", "dropped")
    }
    return {
        "requests": found["requests"], "traces_missing": found["requests"] - found["traces_complete"],
        "logs_missing": found["requests"] - found["logs_joined"], "metrics_equal": found["metrics_equal"], **grown,
    }


def case(programs, name, kind, seconds, rounds):
    """A case several times: the worst of what is lost, the medians of the times."""
    results = [once(programs, name, kind, seconds) for _ in range(rounds)]
    worst = {key: max((result[key] for result in results), key=abs) for key in results[0]}
    times = {key: median([result[key] for result in results]) for key in ("p99_before_ms", "p99_during_ms", "settled_s")}
    exact = all(r[f"{what}_missing"] == r[f"{what}_counted"] for r in results for what in ("spans", "lines"))
    honest = all(0 <= r[f"{what}_missing"] <= r[f"{what}_counted"] for r in results for what in ("spans", "lines"))
    return {
        **worst, **{key: round(value, 2) for key, value in times.items()}, "rounds": rounds, "seconds": seconds,
        "slower_percent": round((times["p99_during_ms"] / times["p99_before_ms"] - 1) * 100, 1),
        "exact": exact, "honest": honest, "failed": sum(r["failed"] for r in results),
    }


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seconds", type=int, default=60, help="how long Loki and the collector are down in the first two cases")
parser.add_argument("--rounds", type=int, default=3, help="of these two")
parser.add_argument("--fault-seconds", type=int, default=30, help="how long each other fault lasts")
parser.add_argument("--fault-rounds", type=int, default=1)
parser.add_argument("--rps", type=int, default=200)
parser.add_argument("--only", default="loki,otelcol,jaeger,prometheus", help="these programs")
parser.add_argument("--skip-faults", action="store_true", help="only Loki and the collector down")
parser.add_argument("--kinds", default="Down,Hanging,Slow,FullDisk", help="these faults")
options = parser.parse_args()

build()
programs, cases = Programs(), {}
try:
    for name in options.only.split(","):
        for kind in KINDS:
            first = kind is Down and name in ("loki", "otelcol")
            if (name, kind) not in PANELS or kind.__name__ not in options.kinds.split(","):
                continue
            if options.skip_faults and not first:
                continue
            if kind is FullDisk and os.geteuid() != 0:
                print(f"not measured, needs root: {name} {kind.title}")
                continue
            length = (options.seconds, options.rounds) if first else (options.fault_seconds, options.fault_rounds)
            cases[name, kind] = case(programs, name, kind, *length)
            print(name, kind.title, cases[name, kind], flush=True)
    dark = audit_in_the_dark(programs)
finally:
    programs.remove()

rows, met = [], {}
for (name, kind), c in cases.items():
    what = f"{name} {kind.title}, {c['seconds']} s"
    loss = f"{c['scrapes_missing']} scrapes, {c['requests_missing']:.0f} requests" if name == "prometheus" else ""
    rows.append([
        what, c["requests"], c["failed"], c["p99_before_ms"], c["p99_during_ms"], f"{c['slower_percent']:+}%",
        f"{c['spans_missing']} / {c['spans_counted']}", f"{c['lines_missing']} / {c['lines_counted']}", loss,
        f"{c['settled_s']:.0f}", c["audit_mismatches"], PANELS[name, kind],
    ])
    met[f"{what}: no request failed"] = c["failed"] == 0
    met[f"{what}: an audit afterwards finds nothing"] = c["audit_mismatches"] == 0
    met[f"{what}: p99 at most 5% slower"] = c["slower_percent"] <= 5
    if name == "otelcol":
        met[f"{what}: all that is missing is counted"] = c["honest"]
    else:
        met[f"{what}: nothing is missing"] = c["spans_missing"] == 0 and c["lines_missing"] == 0
print(f"without a collector, an audit of {dark['requests']} requests misses {dark['traces_missing']} traces and the lines of "
      f"{dark['logs_missing']}; the services made {dark['traces_created']} spans and {dark['logs_created']} lines, "
      f"and count {dark['traces_dropped']} and {dark['logs_dropped']} as dropped")
met["what an audit misses without a collector is counted"] = (
    dark["traces_missing"] == dark["logs_missing"] == AUDITED and dark["metrics_equal"]
    and dark["traces_created"] == dark["traces_dropped"] and dark["logs_created"] == dark["logs_dropped"]
)
report(
    "outages",
    ["case", "requests", "failed", "p99 before (ms)", "p99 during", "change", "spans missing / counted",
     "lines missing / counted", "not scraped", "settled after (s)", "audit after", "panel"],
    rows, {"cases": {f"{name} {kind.title}": c for (name, kind), c in cases.items()}, "audit_in_the_dark": dark}, met,
)
