#!/usr/bin/env python3
"""The embedded backend and the real stack side by side: start, first trace, memory, spans per second.

Start and memory: `up` with each stack in turn, 20 requests/s, medians of several starts, then the resident sizes after
some minutes of traffic. Spans per second: the same spans, OTLP protobuf over HTTP, 500 a request, four connections, into
each stack without traffic, until all of them are stored; then every trace is fetched by id and must be whole.
On the embedded one that is one program; on the real one the way is the collector (with its queue on disk), then Jaeger.

Usage: python3 bench/backends.py [--starts 5] [--minutes 3] [--rps 50] [--spans 200000]
The real stack's programs are found or built as by `up --stack native`: stack/native/build.
"""

import argparse
import http.client
import json
import threading
import time

from report import median, report
from spans import PER_TRACE, requests, send
from stack import Stack, build, cpu_seconds, resident_mb

CONNECTIONS, LAST = 4, 200

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--starts", type=int, default=5)
parser.add_argument("--minutes", type=float, default=3)
parser.add_argument("--rps", type=int, default=50)
parser.add_argument("--spans", type=int, default=200_000)
options = parser.parse_args()


def starts(stack_name):
    """Milliseconds until ready, and from then until the first trace can be read."""
    ready, first = [], []
    for _ in range(options.starts):
        with Stack("--stack", stack_name, "--rps", "20") as stack:
            time.sleep(5)
            summary = stack.stop()
            ready.append(summary["ready_ms"])
            first.append(summary["first_trace_ms"])
    return median(ready), median(first)


def memory(stack_name):
    """Resident MB of the backends and of everything, after some minutes of traffic."""
    with Stack("--stack", stack_name, "--rps", str(options.rps)) as stack:
        time.sleep(options.minutes * 60)
        sizes = {name: resident_mb(pid) for name, pid in stack.pids().items()}
    own = ("user-service", "product-service", "order-service", "loadgen", "console", "up")
    return sum(size for name, size in sizes.items() if name not in own), sum(sizes.values()), sizes


def whole(jaeger, trace):
    """Whether the API returns the trace with all its spans."""
    jaeger.request("GET", f"/api/traces/{trace}")
    answer = jaeger.getresponse()
    body = answer.read()
    return answer.status == 200 and len(json.loads(body)["data"][0]["spans"]) == PER_TRACE


def throughput(stack_name, bodies, traces):
    """Spans per second from the first byte until all are stored, processor seconds per million, traces that are not whole."""
    with Stack("--stack", stack_name, "--no-load") as stack:
        backends = [pid for name, pid in stack.run["pids"].items() if name in ("backend", "otelcol", "jaeger")]
        address = stack.run["urls"]["otlp_http"].removeprefix("http://")
        jaeger, refused = http.client.HTTPConnection(stack.run["urls"]["jaeger"].removeprefix("http://")), []
        parts = [bodies[i::CONNECTIONS] for i in range(CONNECTIONS)]
        senders = [threading.Thread(target=send, args=(address, part, refused)) for part in parts]
        used, began = sum(map(cpu_seconds, backends)), time.monotonic()
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        # The queues are first in, first out, but several workers empty them: all of the last traces have to be there.
        for trace in traces[-LAST:]:
            while not whole(jaeger, trace):
                time.sleep(0.05)
        took = time.monotonic() - began
        used = sum(map(cpu_seconds, backends)) - used
        lost = sum(not whole(jaeger, trace) for trace in traces)
    return options.spans / took, used / options.spans * 1e6, lost, len(refused)


build()
spans = requests(1, options.spans)
names, columns = ("embedded", "native"), {}
for name in names:
    ready, first = starts(name)
    backends, everything, sizes = memory(name)
    rate, cost, lost, refused = throughput(name, *spans)
    columns[name] = {
        "ready_ms": ready, "first_trace_ms": first, "backends_mb": round(backends, 1), "all_mb": round(everything, 1),
        "spans_per_s": round(rate), "cpu_us_per_span": round(cost, 1), "not_whole": lost, "refused": refused,
        "processes_mb": {part: round(size, 1) for part, size in sorted(sizes.items())},
    }

titles = {
    "ready_ms": "ready (ms)", "first_trace_ms": "first trace after ready (ms)",
    "backends_mb": f"resident: backends, {options.minutes:g} min at {options.rps}/s (MB)", "all_mb": "resident: everything (MB)",
    "spans_per_s": "spans/s, all stored", "cpu_us_per_span": "processor time per span (us)",
    "not_whole": f"of {len(spans[1])} traces by id, not whole", "refused": "requests refused for now and sent again",
}
rows = [[title, *(columns[name][key] for name in names)] for key, title in titles.items()]
report(
    "backends", ["figure", *names], rows, columns,
    {f"no span lost on {name}": columns[name]["not_whole"] == 0 for name in names},
)
