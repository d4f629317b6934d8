"""How fast the embedded backend finds traces by tag and duration among a million spans.

The backend runs alone in a process pinned to one core; this script sends from another one. Three services, ten spans a
trace; of every 1,000 spans five are slow, one in 200 has status 503 and few have both, so that searches meet every case:
many answers at once, few in all the million, and none, which is the dearest because nothing ends it early. Each search is
asked over HTTP twenty times, over all the time there is; its answer is the traces themselves, as Jaeger's page wants them.

Usage: python3 bench/search.py [SPANS]    (default 1000000)
"""

import http.client
import json
import os
import random
import shutil
import struct
import sys
import tempfile
import threading
import time
import urllib.parse

from programs import PINNED, build_embedded, metric, start_embedded, stop_embedded
from report import median, report
from spans import PER_REQUEST, PER_TRACE, SERVICES, attribute, field, send, varint

SPANS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
CONNECTIONS, ASKED, LIMIT_MS = 4, 20, 50


def span(rng, trace, parent, start):
    slow = rng.random() < 0.005
    duration = rng.randrange(500_000_000, 900_000_000) if slow else rng.randrange(100_000, 20_000_000)
    status = rng.choices((200, 404, 503), (985, 10, 5))[0]
    body = field(1, trace) + field(2, rng.randbytes(8)) + (field(4, parent) if parent else b"")
    body += field(5, b"GET /users/{id}") + varint(6 << 3) + varint(3 if parent else 2)
    body += varint(7 << 3 | 1) + struct.pack("<Q", start) + varint(8 << 3 | 1) + struct.pack("<Q", start + duration)
    for key, value in (
        ("http.request.method", "GET"),
        ("http.route", "/users/{id}"),
        ("http.response.status_code", status),
        ("url.path", f"/users/{rng.randrange(10_000)}"),
        ("server.address", "127.0.0.1"),
        ("server.port", 5001),
        ("user.id", f"u-{rng.randrange(100_000)}"),
        ("network.protocol.version", "1.1"),
        ("client.address", f"10.0.{rng.randrange(256)}.{rng.randrange(256)}"),
        ("user_agent.original", "loadgen/0.1"),
    ):
        body += field(9, attribute(key, value))
    return body


def requests(count):
    rng, bodies, start = random.Random(1), [], time.time_ns() - 3_000_000_000_000
    step = 2_900_000_000_000 // count
    for at in range(0, count, PER_REQUEST):
        by_service = {service: b"" for service in SERVICES}
        for _ in range(at, min(at + PER_REQUEST, count), PER_TRACE):
            trace, parent = rng.randbytes(16), None
            for i in range(PER_TRACE):
                start += step
                by_service[SERVICES[i % len(SERVICES)]] += field(2, span(rng, trace, parent, start))
                parent = b"parent.."
        body = b""
        for service, spans in by_service.items():
            resource = field(1, attribute("service.name", service))
            body += field(1, field(1, resource) + field(2, field(1, field(1, b"bench")) + spans))
        bodies.append(body)
    return bodies


SEARCHES = {
    "status 503, over 500 ms": ({"http.response.status_code": "503"}, "500ms"),
    "status 200, over 500 ms": ({"http.response.status_code": "200"}, "500ms"),
    "one user, over 1 ms": ({"user.id": "u-4711"}, "1ms"),
    "two tags, over 500 ms": ({"http.response.status_code": "404", "http.request.method": "GET"}, "500ms"),
    "status 200, over 900 ms: none": ({"http.response.status_code": "200"}, "900ms"),
    "status 418, over 1 ms: none": ({"http.response.status_code": "418"}, "1ms"),
    "method GET and status 503 of one user: none": (
        {"http.request.method": "GET", "http.response.status_code": "503", "user.id": "u-none"}, "500ms"),
}


def main():
    build_embedded()
    folder = tempfile.mkdtemp(prefix="firedrill-bench-")
    process, urls = start_embedded(folder, PINNED)
    try:
        if PINNED:
            os.sched_setaffinity(0, set(range(1, os.cpu_count())))
        bodies, refused = requests(SPANS), []
        began = time.monotonic()
        senders = [
            threading.Thread(target=send, args=(urls["otlp_http"], bodies[i::CONNECTIONS], refused))
            for i in range(CONNECTIONS)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        while metric(urls["prometheus"], "backend_ingested_spans_total") < SPANS:
            time.sleep(0.01)
        rate = SPANS / (time.monotonic() - began)
        stored = metric(urls["prometheus"], "backend_stored_bytes") / SPANS

        jaeger, rows, figures, worst = http.client.HTTPConnection(urls["jaeger"]), [], {}, 0
        for name, (tags, least) in SEARCHES.items():
            asked = urllib.parse.urlencode({
                "service": "user-service", "tags": json.dumps(tags), "minDuration": least, "limit": 20,
                "start": (time.time_ns() - 3_600_000_000_000) // 1000, "end": time.time_ns() // 1000,
            })
            times = []
            for _ in range(ASKED):
                began = time.monotonic()
                jaeger.request("GET", f"/api/traces?{asked}")
                answer = jaeger.getresponse()
                body = answer.read()
                times.append((time.monotonic() - began) * 1000)
                if answer.status != 200:
                    raise SystemExit(f"{name}: {answer.status}: {body[:200]}")
            found = len(json.loads(body)["data"])
            if (found == 0) != name.endswith("none"):
                raise SystemExit(f"{name}: {found} traces")
            times.sort()
            worst = max(worst, median(times))
            rows.append([name, found, f"{median(times):.1f}", f"{times[-1]:.1f}"])
            figures[name] = {"traces": found, "ms_median": round(median(times), 2), "ms_max": round(times[-1], 2)}
        rows.append(["spans per second, bytes on disk per span", "", f"{rate:,.0f}", f"{stored:.0f}"])
        met = {f"each search at most {LIMIT_MS} ms (median)": worst <= LIMIT_MS}
    finally:
        stop_embedded(process)
        shutil.rmtree(folder, ignore_errors=True)
    figures.update({"spans": SPANS, "worst_ms": round(worst, 2), "spans_per_s": round(rate), "bytes_per_span": round(stored)})
    report("search", ["search of a million spans", "traces", "median ms", "max ms"], rows, figures, met)


if __name__ == "__main__":
    main()
