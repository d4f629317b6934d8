"""Dashboard queries over an hour, the embedded backend beside the real Prometheus.

The same 2,000 series of an hour and five minutes, one sample every five seconds, are written into both by remote write.
Then 50 range queries as dashboards ask them (an hour, a step of five seconds), one after the other, over HTTP, first all
of one and then all of the other, in turns; and the same queries at one instant. Both processes are pinned to one core,
this script to another. The figure is the ratio of total times, the median over the rounds. The answers must have the
same number of series.

Usage: FIREDRILL_BACKENDS=… python3 bench/promql.py [ROUNDS]    (default 5)
"""

import json
import os
import random
import shutil
import sys
import tempfile
import time
import urllib.parse

from programs import PINNED, build_embedded, find, free_port, start_embedded, start_real
from remote_write import body, connect, labels, post, sample, series
from report import median, report

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
SPAN, BEFORE, STEP = 3600, 300, 5
BUCKETS = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"]
SERVICES = ["user-service", "product-service", "order-service", "loadgen"]


def queries():
    """Fifty, by the kinds of panel there are."""
    server, client = "http_server_request_duration_seconds", "http_client_request_duration_seconds"
    found = []
    for metric in (server, client):
        for by in ("service", "route", "service, route", "status"):
            found += [
                f"sum by ({by}) (rate({metric}_count[1m]))",
                f'sum by ({by}) (rate({metric}_count{{status=~"5.."}}[1m])) / sum by ({by}) (rate({metric}_count[1m]))',
                f"histogram_quantile(0.99, sum by (le, {by}) (rate({metric}_bucket[1m])))",
                f"sum by ({by}) (rate({metric}_sum[1m])) / sum by ({by}) (rate({metric}_count[1m]))",
            ]
        found += [
            f"histogram_quantile(0.5, sum by (le) (rate({metric}_bucket[5m])))",
            f'topk(5, sum by (route) (increase({metric}_count{{service="order-service"}}[5m])))',
            f'1 - sum(rate({metric}_bucket{{le="0.25"}}[5m])) / sum(rate({metric}_count[5m]))',
        ]
    for gauge in ("process_resident_memory_bytes", "queue_length"):
        found += [
            gauge, f"max by (service) ({gauge})", f"avg_over_time({gauge}[5m])", f"sum({gauge}) without (instance)",
            f"deriv({gauge}[5m])", f"max_over_time({gauge}[1m]) > 100",
        ]
    found = found[:50]
    assert len(found) == 50
    return found


def all_series():
    """Labels and kind of each: 1,680 of histograms, 320 gauges."""
    found = []
    for metric in ("http_server_request_duration_seconds", "http_client_request_duration_seconds"):
        for service in SERVICES:
            for route in range(5):
                for status in ("200", "404", "503"):
                    own = {"service": service, "job": service, "instance": f"{service}:1", "route": f"/r{route}/{{id}}",
                           "method": "GET", "status": status}
                    for suffix in ("count", "sum"):
                        found.append(({"__name__": f"{metric}_{suffix}", **own}, "counter"))
                    for le in BUCKETS:
                        found.append(({"__name__": f"{metric}_bucket", "le": le, **own}, "counter"))
    for i in range(160):
        own = {"service": SERVICES[i % 4], "instance": f"host-{i}:1"}
        found.append(({"__name__": "process_resident_memory_bytes", **own}, "gauge"))
        found.append(({"__name__": "queue_length", **own}, "gauge"))
    return found


def requests(end):
    """All samples, the earlier half of every series first: Prometheus takes nothing an hour older than the latest."""
    rng, count = random.Random(3), (SPAN + BEFORE) // STEP
    halves = [[], []]
    for pairs, kind in all_series():
        own, value, points = labels(pairs), 0.0, []
        for i in range(count):
            value = value + rng.randrange(30) if kind == "counter" else rng.uniform(0, 1e9)
            points.append(sample((end - (count - 1 - i) * STEP) * 1000, value))
        for half, part in zip(halves, (points[: count // 2], points[count // 2 :])):
            half.append(series(own, b"".join(part)))
    return [body(half[at : at + 500]) for half in halves for at in range(0, len(half), 500)]


def prometheus(folder):
    """A real Prometheus and its address."""
    program = find("prometheus")
    if program is None:
        raise SystemExit("prometheus is not there: run stack/native/build prometheus")
    config, port = os.path.join(folder, "prometheus.yaml"), free_port()
    with open(config, "w", encoding="utf-8") as file:
        file.write("global: {}\n")
    command = PINNED + [
        program, f"--config.file={config}", f"--storage.tsdb.path={folder}/theirs",
        f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver", "--log.level=error",
    ]
    return start_real(command, port, "/-/ready"), f"127.0.0.1:{port}"


def ask(connection, path, **params):
    """The time of one query in milliseconds, and how many series it answered with."""
    form = urllib.parse.urlencode(params)
    began = time.monotonic()
    connection.request("POST", path, form, {"content-type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    text = answer.read()
    took = (time.monotonic() - began) * 1000
    data = json.loads(text)
    if data["status"] != "success":
        raise SystemExit(f"{params['query']}: {text[:300]}")
    return took, len(data["data"]["result"])


def measure(address, end, instant):
    connection, times, sizes = connect(address), {}, {}
    for query in queries():
        if instant:
            times[query], sizes[query] = ask(connection, "/api/v1/query", query=query, time=end)
        else:
            times[query], sizes[query] = ask(
                connection, "/api/v1/query_range", query=query, start=end - SPAN, end=end, step=STEP
            )
    return times, sizes


def main():
    build_embedded()
    folder = tempfile.mkdtemp(prefix="firedrill-bench-")
    processes = []
    try:
        ours, urls = start_embedded(folder, PINNED)
        processes.append(ours)
        theirs, theirs_at = prometheus(folder)
        processes.append(theirs)
        ours_at = urls["prometheus"]
        if PINNED:
            os.sched_setaffinity(0, set(range(1, os.cpu_count())))
        end = int(time.time()) // STEP * STEP
        for request in requests(end):
            post(connect(ours_at), request)
            post(connect(theirs_at), request)
        totals = {(who, kind): [] for who in ("ours", "theirs") for kind in ("range", "instant")}
        each = {}
        for round_number in range(ROUNDS + 1):
            for kind in ("range", "instant"):
                answers = {}
                for who, address in (("ours", ours_at), ("theirs", theirs_at)):
                    times, sizes = measure(address, end, kind == "instant")
                    answers[who] = sizes
                    # The first round warms both up.
                    if round_number:
                        totals[who, kind].append(sum(times.values()))
                        for query, took in times.items():
                            each.setdefault((kind, query), {}).setdefault(who, []).append(took)
                if answers["ours"] != answers["theirs"]:
                    raise SystemExit(f"the answers differ in size: {answers}")
    finally:
        for process in processes:
            process.terminate()
            process.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)
    ratio = {k: median(totals["ours", k]) / median(totals["theirs", k]) for k in ("range", "instant")}
    rows = [
        [f"50 {kind} queries, total (ms)", f"{median(totals['ours', kind]):.0f}", f"{median(totals['theirs', kind]):.0f}",
         f"{ratio[kind]:.2f}"]
        for kind in ("range", "instant")
    ]
    slowest = sorted(
        ((median(t["ours"]), median(t["theirs"]), query) for (kind, query), t in each.items() if kind == "range"),
        reverse=True,
    )
    rows += [[query[:70], f"{a:.1f}", f"{b:.1f}", f"{a / b:.2f}"] for a, b, query in slowest[:8]]
    figures = {
        "range_ratio": round(ratio["range"], 3), "instant_ratio": round(ratio["instant"], 3), "rounds": ROUNDS,
        "range_ms": [round(median(totals[w, "range"])) for w in ("ours", "theirs")],
        "instant_ms": [round(median(totals[w, "instant"]), 1) for w in ("ours", "theirs")], "pinned": bool(PINNED),
    }
    met = {
        "50 range queries in at most 1.0 of Prometheus' time": ratio["range"] <= 1.0,
        "50 instant queries likewise": ratio["instant"] <= 1.0,
    }
    report("promql", ["", "embedded", "Prometheus", "ratio"], rows, figures, met)


if __name__ == "__main__":
    main()
