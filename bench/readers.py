"""What readers wait while the embedded backend takes spans at full speed.

The backend runs alone, on all cores. Four processes send spans over a connection each as fast as they are taken, again and
again until the time is over; their requests are made beforehand, so that the backend is what bounds them. Meanwhile sixteen
readers ask one question after the other: rates and quantiles of the metrics made of these spans, searches by service, by tag
and by duration, traces by id, lists of names. Every answer has to be whole and 200. Their waits are measured here, in Python
threads, so they are rather too long.
Afterwards every span that was answered for has to be stored.

Usage: python3 bench/readers.py [--seconds 20]
"""

import argparse
import http.client
import multiprocessing
import random
import shutil
import socket
import tempfile
import threading
import time
import urllib.parse

from programs import build_embedded, metric, start_embedded, stop_embedded
from report import median, report
from spans import requests, send

READERS, CONNECTIONS, ROUND = 16, 4, 200_000


def questions(traces):
    """Address and path of each question; the trace is another one each time."""
    query = urllib.parse.quote
    tags = query('{"http.route":"/users/{id}"}')
    return [
        ("prometheus", lambda: "/api/v1/query?query=" + query("sum by (service_name) (rate(traces_span_metrics_calls_total[30s]))")),
        ("prometheus", lambda: "/api/v1/query?query=" + query(
            "histogram_quantile(0.99, sum by (le) (rate(traces_span_metrics_duration_milliseconds_bucket[30s])))")),
        ("prometheus", lambda: "/api/v1/label/__name__/values"),
        ("jaeger", lambda: f"/api/traces/{random.choice(traces)}"),
        ("jaeger", lambda: "/api/services"),
        ("jaeger", lambda: "/api/traces?service=user-service&limit=20"),
        ("jaeger", lambda: f"/api/traces?service=order-service&limit=20&tags={tags}"),
        ("jaeger", lambda: "/api/traces?service=order-service&limit=20&minDuration=1ms"),
    ]


def read(urls, asked, first, until, waits, bad):
    """Asks until the time is over; keeps what each answer took, by its question."""
    connections = {api: http.client.HTTPConnection(urls[api], timeout=60) for api in ("prometheus", "jaeger")}
    at = first
    while time.monotonic() < until:
        api, path = asked[at % len(asked)]
        path, began = path(), time.monotonic()
        connections[api].request("GET", path)
        answer = connections[api].getresponse()
        body = answer.read()
        waits.append((time.monotonic() - began, path))
        if answer.status != 200:
            bad.append((answer.status, path, body[:200]))
        at += 1


def prepared(address, body):
    """A whole request as bytes, so that sending it again takes Python next to nothing."""
    head = f"POST /v1/traces HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-protobuf\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def status(answers):
    """Reads one answer to its end."""
    code, length = int(answers.readline().split()[1]), 0
    while line := answers.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    answers.read(length)
    return code


def send_until(address, ready, until, sent):
    """Sends prepared requests over one connection, again and again until the time is over; adds to `sent` how many were
    accepted. One that is refused is sent again."""
    host, port = address.rsplit(":", 1)
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    answers, count, at = connection.makefile("rb"), 0, 0
    while time.monotonic() < until:
        connection.sendall(ready[at])
        if status(answers) == 200:
            count, at = count + 1, (at + 1) % len(ready)
        else:
            time.sleep(0.02)
    with sent.get_lock():
        sent.value += count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20)
    options = parser.parse_args()
    build_embedded()
    folder = tempfile.mkdtemp(prefix="firedrill-bench-")
    process, urls = start_embedded(folder)
    try:
        bodies, traces = requests(1, ROUND)
        per_body = ROUND // len(bodies)
        send(urls["otlp_http"], bodies, [])
        ready = [prepared(urls["otlp_http"], body) for body in bodies]
        sent, until = multiprocessing.Value("Q", 0), time.monotonic() + options.seconds
        senders = [
            multiprocessing.Process(target=send_until, args=(urls["otlp_http"], ready[i::CONNECTIONS], until, sent))
            for i in range(CONNECTIONS)
        ]
        began = time.monotonic()
        for sender in senders:
            sender.start()
        waits, bad, asked = [], [], questions(traces)
        readers = [
            threading.Thread(target=read, args=(urls, asked, i, until, waits, bad)) for i in range(READERS)
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        for sender in senders:
            sender.join()
        took, accepted = time.monotonic() - began, ROUND + sent.value * per_body
        deadline = time.monotonic() + 60
        while (stored := metric(urls["prometheus"], "backend_ingested_spans_total")) < accepted and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        stop_embedded(process)
        shutil.rmtree(folder, ignore_errors=True)
    times = sorted(wait for wait, _ in waits)
    longest, path = max(waits)
    rows = [
        ["spans per second meanwhile", f"{(accepted - ROUND) / took:,.0f}"],
        ["answers", f"{len(waits):,}"],
        ["not answered well", f"{len(bad)} {bad[:1] if bad else ''}"],
        ["wait, median (ms)", f"{median(times) * 1000:.1f}"],
        ["wait, p99 (ms)", f"{times[int(len(times) * 0.99)] * 1000:.1f}"],
        ["wait, longest (ms)", f"{longest * 1000:.1f}  {urllib.parse.unquote(path)}"],
        ["spans accepted, stored", f"{accepted:,}, {stored:,.0f}"],
    ]
    figures = {
        "spans_per_s": round((accepted - ROUND) / took), "answers": len(waits), "bad": len(bad),
        "wait_ms_median": round(median(times) * 1000, 2), "wait_ms_p99": round(times[int(len(times) * 0.99)] * 1000, 2),
        "wait_ms_max": round(longest * 1000, 2), "accepted": accepted, "stored": stored,
    }
    met = {
        "every question is answered": not bad, "no reader waits over 1 s": longest <= 1,
        "nothing that was accepted is lost": stored == accepted,
    }
    report("readers", ["", ""], rows, figures, met)


if __name__ == "__main__":
    main()
