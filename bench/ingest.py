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
import struct
import subprocess
import sys
import tempfile
import threading
import time

from report import median, report

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SPANS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
PER_TRACE, PER_REQUEST, CONNECTIONS, LOOKUPS = 10, 500, 4, 500
SERVICES = ["user-service", "product-service", "order-service"]


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def attribute(key, value):
    if isinstance(value, int):
        any_value = varint(3 << 3) + varint(value)
    else:
        any_value = field(1, value.encode())
    return field(1, key.encode()) + field(2, any_value)


def span(trace, span_id, parent, service, start, correlation):
    body = field(1, trace) + field(2, span_id)
    if parent:
        body += field(4, parent)
    body += field(5, b"GET /users/{id}") + varint(6 << 3) + varint(2 if not parent else 3)
    body += varint(7 << 3 | 1) + struct.pack("<Q", start) + varint(8 << 3 | 1) + struct.pack("<Q", start + 1_500_000)
    for key, value in (
        ("correlation.id", correlation),
        ("http.request.method", "GET"),
        ("http.route", "/users/{id}"),
        ("http.response.status_code", 200),
        ("url.path", "/users/1"),
        ("server.address", "127.0.0.1"),
        ("server.port", 5001),
        ("network.protocol.version", "1.1"),
        ("client.address", "127.0.0.1"),
        ("user_agent.original", "loadgen/0.1"),
    ):
        body += field(9, attribute(key, value))
    return body


def requests(rng, count):
    """Bodies of OTLP export requests with `count` spans in all, and the ids of their traces."""
    bodies, traces, start = [], [], time.time_ns() - 60_000_000_000
    for at in range(0, count, PER_REQUEST):
        by_service = {service: b"" for service in SERVICES}
        for first in range(at, min(at + PER_REQUEST, count), PER_TRACE):
            trace, correlation = rng.randbytes(16), f"corr-{rng.getrandbits(64):016x}"
            traces.append(trace.hex())
            parent = None
            for i in range(PER_TRACE):
                span_id, service = rng.randbytes(8), SERVICES[i % len(SERVICES)]
                start += 1000
                by_service[service] += field(2, span(trace, span_id, parent, service, start, correlation))
                parent = span_id
        body = b""
        for service, spans in by_service.items():
            resource = field(1, attribute("service.name", service)) + field(1, attribute("service.version", "0.1.0"))
            scope = field(1, field(1, b"bench"))
            body += field(1, field(1, resource) + field(2, scope + spans))
        bodies.append(body)
    return bodies, traces


def send(address, bodies, refused):
    connection = http.client.HTTPConnection(address)
    for body in bodies:
        while True:
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                break
            refused.append(answer.status)
            time.sleep(0.02)


def metric(address, name):
    connection = http.client.HTTPConnection(address)
    connection.request("GET", "/metrics")
    for line in connection.getresponse().read().decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    raise SystemExit(f"no metric {name}")


def resident_mb(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        kb = {line.split(":")[0]: line.split()[1] for line in status if line.startswith(("VmRSS", "VmHWM"))}
    return int(kb["VmRSS"]) / 1024, int(kb["VmHWM"]) / 1024


def cpu_seconds(pid):
    """What the process has used of any core: shows whether the clock or other programs' load was measured."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    subprocess.run(["cargo", "build", "--release", "-q", "-p", "backend", "--example", "ingest"], cwd=ROOT, check=True)
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
    program = os.path.join(target, "release", "examples", "ingest")
    folder = tempfile.mkdtemp(prefix="firedrill-bench-")
    pinned = ["taskset", "-c", "0"] if shutil.which("taskset") and os.cpu_count() > 1 else []
    process = subprocess.Popen(
        pinned + [program, os.path.join(folder, "data")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    try:
        urls = json.loads(process.stdout.readline())
        if pinned:
            os.sched_setaffinity(0, set(range(1, os.cpu_count())))
        bodies, traces = requests(random.Random(1), SPANS)
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
        after = resident_mb(process.pid)

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
            "busy": len(refused), "pinned": bool(pinned),
        }
        met = {"at least 50,000 spans/s": rate >= 50_000, "trace by id under 5 ms (p99)": p99 < 5}
    finally:
        process.stdin.close()
        process.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)
    report("ingest", ["", ""], rows, figures, met)


if __name__ == "__main__":
    main()
