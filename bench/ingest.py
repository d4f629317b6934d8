"""How fast the embedded backend takes spans, and how fast it finds a trace among a million.

The backend runs alone in a process pinned to one core; this script sends from another one. Ten spans a trace, ten
attributes a span, 500 spans a request, OTLP protobuf over HTTP, four connections. The clock runs from the first
request until the backend's own counter says that all spans are stored, which is when they are readable. Then, with
the million still in the store, traces picked at random are fetched by id, one after another, over HTTP.

Usage: python3 bench/ingest.py [SPANS]    (default 1000000)
"""

import http.client
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time

from programs import PINNED, build_embedded, metric, start_embedded, stop_embedded
from report import median, report
from spans import PER_TRACE, requests, send
from stack import cpu_seconds, resident_mb

SPANS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
CONNECTIONS, LOOKUPS = 4, 500


def main():
    build_embedded()
    folder = tempfile.mkdtemp(prefix="firedrill-bench-")
    process, urls = start_embedded(folder, PINNED)
    try:
        if PINNED:
            os.sched_setaffinity(0, set(range(1, os.cpu_count())))
        bodies, traces = requests(1, SPANS)
        refused = []
        senders = [
            threading.Thread(target=send, args=(urls["otlp_http"], bodies[i::CONNECTIONS], refused))
            for i in range(CONNECTIONS)
        ]
        used, started = cpu_seconds(process.pid), time.monotonic()
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        while metric(urls["prometheus"], "backend_ingested_spans_total") < SPANS:
            time.sleep(0.01)
        took = time.monotonic() - started
        rate, used = SPANS / took, cpu_seconds(process.pid) - used
        stored_spans = metric(urls["prometheus"], "backend_stored_spans")
        after = resident_mb(process.pid), resident_mb(process.pid, "VmHWM")

        jaeger, times = http.client.HTTPConnection(urls["jaeger"]), []
        for trace in random.Random(2).choices(traces, k=LOOKUPS):
            began = time.monotonic()
            jaeger.request("GET", f"/api/traces/{trace}")
            answer = jaeger.getresponse()
            body = answer.read()
            times.append((time.monotonic() - began) * 1000)
            if answer.status != 200 or len(json.loads(body)["data"][0]["spans"]) != PER_TRACE:
                raise SystemExit(f"trace {trace} came back as {answer.status}: {body[:200]}")
        times.sort()
        p99, stored = times[int(len(times) * 0.99)], metric(urls["prometheus"], "backend_stored_bytes")
        rows = [
            ["spans per second, all readable", f"{rate:,.0f}"],
            ["seconds by the clock, of CPU", f"{took:.2f}, {used:.2f}"],
            ["CPU microseconds per span", f"{used / SPANS * 1e6:.1f}"],
            ["requests refused as busy", len(refused)],
            ["bytes on disk per span", f"{stored / SPANS:.0f}"],
            ["resident after ingest, peak (MB)", f"{after[0]:.0f}, {after[1]:.0f}"],
            ["trace by id, median (ms)", f"{median(times):.2f}"],
            ["trace by id, p99 (ms)", f"{p99:.2f}"],
        ]
        figures = {
            "spans": SPANS, "spans_per_s": round(rate), "trace_ms_median": round(median(times), 3),
            "trace_ms_p99": round(p99, 3), "bytes_per_span": round(stored / SPANS), "rss_mb": round(after[0], 1),
            "rss_peak_mb": round(after[1], 1), "cpu_us_per_span": round(used / SPANS * 1e6, 2), "took_s": round(took, 2), "stored_spans": stored_spans,
            "busy": len(refused), "pinned": bool(PINNED),
        }
        met = {"at least 50,000 spans/s": rate >= 50_000, "trace by id under 5 ms (p99)": p99 < 5}
    finally:
        stop_embedded(process)
        shutil.rmtree(folder, ignore_errors=True)
    report("ingest", ["", ""], rows, figures, met)


if __name__ == "__main__":
    main()
