"""Metrics in the embedded backend: how fast samples come in, and how much memory an hour of them takes.

The backend runs alone in a process pinned to one core; this script sends by remote write from another one. First as a
scraping Prometheus sends: every request has one sample of each of 10,000 series with all their labels, made before the
clock starts. Then, in a process of its own, an hour of 10,000 series at one sample a second: a third counters that move
at every step, a third gauges that wander by hundredths, a third that seldom change (150 courses, each taken by many
series). Memory is what the process holds when all is there
and the log on disk has caught up. At the end the process is killed, and started again on what is on disk.

Usage: python3 bench/metrics.py [SERIES]    (default 10000)
"""

import http.client
import json
import os
import random
import shutil
import sys
import tempfile
import time

from programs import PINNED, build_embedded, metric, start_embedded, stop_embedded
from remote_write import body, connect, labels, post, sample, series
from report import report
from stack import cpu_seconds, resident_mb

SERIES = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
SECONDS, ROUNDS, PART, COURSES = 3600, 100, 60, 150


def all_labels():
    return [
        labels({
            "__name__": f"metric_{i % 50}_total", "service": f"service-{i % 7}", "instance": f"10.0.0.{i % 20}:8080",
            "job": "bench", "route": f"/things/{i % 31}/{{id}}", "method": ["GET", "POST"][i % 2], "series": str(i),
        })
        for i in range(SERIES)
    ]


def speed(address, pid, names):
    """Samples per second by the clock, and processor microseconds per sample."""
    now = int(time.time() * 1000) - ROUNDS * 1000
    requests = [
        body([series(own, sample(now + r * 1000, float(r * i))) for i, own in enumerate(names)]) for r in range(ROUNDS)
    ]
    connection = connect(address)
    used, began = cpu_seconds(pid), time.monotonic()
    for request in requests:
        post(connection, request)
    took, used = time.monotonic() - began, cpu_seconds(pid) - used
    samples = ROUNDS * SERIES
    if metric(address, "backend_ingested_samples_total") != samples:
        raise SystemExit("not all samples were stored")
    return samples / took, used / samples * 1e6


def courses(start):
    """The samples of each course of values, by minute: bytes that many series share."""
    rng, found = random.Random(7), []
    for i in range(COURSES):
        v, minutes = (rng.uniform(0, 1000) if i % 3 == 1 else 0.0), []
        for at in range(0, SECONDS, PART):
            points = []
            for second in range(at, at + PART):
                if i % 3 == 0:
                    v += rng.randrange(40)
                elif i % 3 == 1:
                    v = round(v + rng.uniform(-1, 1), 2)
                elif rng.random() < 0.02:
                    v += 1
                points.append(sample(start + second * 1000, v))
            minutes.append(b"".join(points))
        found.append(minutes)
    return found


def fill(address, names):
    """An hour of samples, in requests of a minute of half of the series."""
    given, connection = courses(int(time.time() * 1000) - SECONDS * 1000), connect(address)
    for minute in range(SECONDS // PART):
        for half in (range(0, SERIES // 2), range(SERIES // 2, SERIES)):
            post(connection, body([series(names[i], given[i % COURSES][minute]) for i in half]))
    expected = SECONDS * SERIES
    if metric(address, "backend_ingested_samples_total") != expected:
        raise SystemExit("not all samples were stored")
    # A few rounds of retention and of the log.
    time.sleep(12)


def count(address):
    """How many samples are held of the hour."""
    connection = http.client.HTTPConnection(address)
    connection.request("GET", "/api/v1/query?query=sum(count_over_time(%7Bjob%3D%22bench%22%7D%5B2h%5D))")
    result = json.load(connection.getresponse())["data"]["result"]
    return int(float(result[0]["value"][1])) if result else 0


def main():
    build_embedded()
    folders = [tempfile.mkdtemp(prefix="firedrill-bench-") for _ in range(2)]
    names = all_labels()
    try:
        process, urls = start_embedded(folders[0], PINNED)
        address = urls["prometheus"]
        if PINNED:
            os.sched_setaffinity(0, set(range(1, os.cpu_count())))
        rate, cpu = speed(address, process.pid, names)
        stop_embedded(process)

        process, urls = start_embedded(folders[1], PINNED)
        address = urls["prometheus"]
        fill(address, names)
        resident, peak = resident_mb(process.pid), resident_mb(process.pid, "VmHWM")
        memory, disk = metric(address, "backend_sample_bytes"), metric(address, "backend_sample_log_bytes")
        held = count(address)
        process.kill()
        process.wait()
        began = time.monotonic()
        process, urls = start_embedded(folders[1], PINNED)
        address = urls["prometheus"]
        found = count(address)
        back = time.monotonic() - began
        stop_embedded(process)
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
    expected = SECONDS * SERIES
    rows = [
        ["samples per second, one a series and request", f"{rate:,.0f}"],
        ["CPU microseconds per sample", f"{cpu:.2f}"],
        [f"{SERIES:,} series at 1 s for an hour: resident, peak (MB)", f"{resident:.0f}, {peak:.0f}"],
        ["samples held of those sent", f"{held / expected:.1%}"],
        ["bytes per sample, memory and disk", f"{memory / max(held, 1):.2f}, {disk / max(held, 1):.2f}"],
        ["after kill -9: samples found, seconds until asked", f"{found / max(held, 1):.1%}, {back:.2f}"],
    ]
    figures = {
        "samples_per_s": round(rate), "cpu_us_per_sample": round(cpu, 3), "rss_mb": round(resident, 1),
        "rss_peak_mb": round(peak, 1), "held": held, "sent": expected, "found": found, "back_s": round(back, 2),
        "memory_bytes": memory, "disk_bytes": disk, "pinned": bool(PINNED),
    }
    met = {
        "at least 200,000 samples/s on one core": rate >= 200_000,
        "at most 150 MB resident for an hour": resident <= 150 and held == expected,
        "a killed process finds its samples again": found >= held * 0.999,
    }
    report("metrics", ["", ""], rows, figures, met)


if __name__ == "__main__":
    main()
