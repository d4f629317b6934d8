"""How fast the embedded backend finds a text among a million log lines of one hour, beside a real Loki.

Both get the same lines by Loki's push: three services, lines of JSON of some 200 bytes, a trace id and a correlation id
beside each. Then both are asked for the same texts over the whole hour, one query after another, over HTTP: a text of few
lines, one that no line has, one of a tenth of all, and how many lines a minute have it. Loki is asked where it is found in
`.backends` or FIREDRILL_BACKENDS; without it the backend is measured alone.

Usage: python3 bench/logs.py [LINES]    (default 1000000)
"""

import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

from programs import ROOT, build_embedded, find, free_port, start_embedded, start_real, stop_embedded
from report import median, report

LINES = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
PER_REQUEST, ROUNDS, RARE, HOUR_S = 4_000, 15, 20, 3600
SERVICES = ["user-service", "product-service", "order-service"]
QUERIES = {
    "a text of 20 lines": '{service_name=~".+"} |= "needle-7"',
    "a text that is nowhere": '{service_name=~".+"} |= "no such text"',
    "a text of a tenth": '{service_name=~".+"} |= "status\\":503"',
    "lines a minute with it": 'sum(count_over_time({service_name=~".+"} |= "status\\":503" [1m]))',
}


def bodies(end_ns):
    """Push requests with all lines, in the order of their times."""
    rng, step = random.Random(1), HOUR_S * 10**9 // LINES
    rare = set(rng.sample(range(LINES), RARE))
    for first in range(0, LINES, PER_REQUEST):
        streams = {service: [] for service in SERVICES}
        for i in range(first, min(first + PER_REQUEST, LINES)):
            line = json.dumps({
                "level": "info", "message": "request", "http.request.method": "GET", "http.route": "/items/{id}",
                "url.path": f"/items/{i % 997}", "status": 503 if i % 10 == 3 else 200, "duration_ms": rng.randrange(1, 900),
                "note": "needle-7" if i in rare else "nothing to see", "thread": f"worker-{i % 8}",
            }, separators=(",", ":"))
            ids = {"trace_id": f"{rng.getrandbits(128):032x}", "correlation_id": f"corr-{rng.getrandbits(48):012x}"}
            streams[SERVICES[i % 3]].append([str(end_ns - (LINES - i) * step), line, ids])
        yield json.dumps({"streams": [
            {"stream": {"service_name": service}, "values": values} for service, values in streams.items() if values
        ]})


def push(address, end_ns):
    connection = http.client.HTTPConnection(address)
    for body in bodies(end_ns):
        while True:
            connection.request("POST", "/loki/api/v1/push", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            said = answer.read()
            if answer.status == 204:
                break
            if answer.status not in (429, 503):
                raise SystemExit(f"{address} refused a push: {answer.status} {said[:300]}")
            time.sleep(0.02)


def ask(address, query, end_ns):
    """The answer's result, and how long it took in milliseconds."""
    connection = http.client.HTTPConnection(address)
    span = {"start": end_ns - HOUR_S * 10**9, "end": end_ns, "step": "60", "limit": 100}
    began = time.monotonic()
    connection.request("GET", "/loki/api/v1/query_range?" + urllib.parse.urlencode({"query": query} | span))
    answer = connection.getresponse()
    body = answer.read()
    took = (time.monotonic() - began) * 1000
    if answer.status != 200:
        raise SystemExit(f"{address}: {query}: {answer.status} {body[:300]}")
    return json.loads(body)["data"]["result"], took


def found(result):
    """How many lines, or values, an answer has."""
    return sum(len(one["values"]) for one in result)


def until_all(address, end_ns):
    """Waits until every line counts."""
    query = f'sum(count_over_time({{service_name=~".+"}}[{HOUR_S + 60}s]))'
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(address)
        asked = urllib.parse.urlencode({"query": query, "time": end_ns})
        connection.request("GET", "/loki/api/v1/query?" + asked)
        answer = json.loads(connection.getresponse().read() or "{}")
        result = answer.get("data", {}).get("result", [])
        if result and int(float(result[0]["value"][1])) == LINES:
            return
        time.sleep(0.2)
    raise SystemExit(f"{address} does not have all lines")


def measure(address, end_ns):
    push(address, end_ns)
    until_all(address, end_ns)
    times = {}
    for name, query in QUERIES.items():
        asked = [ask(address, query, end_ns) for _ in range(ROUNDS)]
        times[name] = (median([took for _, took in asked]), found(asked[0][0]))
    return times


def loki(folder):
    """A real Loki and its address, or None where there is none."""
    program = find("loki")
    if program is None:
        return None, None
    ports = [free_port(), free_port()]
    process = start_real(
        [program, f"-config.file={ROOT}/stack/loki/loki.yaml", "-config.expand-env=true"], ports[0], "/ready",
        env={"LOKI_PORT": str(ports[0]), "LOKI_GRPC_PORT": str(ports[1]), "LOKI_DATA_DIR": os.path.join(folder, "loki")},
        cwd=folder, stderr=subprocess.DEVNULL,
    )
    return process, f"127.0.0.1:{ports[0]}"


def main():
    build_embedded()
    folder = tempfile.mkdtemp(prefix="firedrill-bench-")
    end_ns = time.time_ns() - 60 * 10**9
    process, urls = start_embedded(folder)
    peer = None
    try:
        ours = measure(urls["loki"], end_ns)
        peer, address = loki(folder)
        real = measure(address, end_ns) if peer else {}
    finally:
        stop_embedded(process)
        if peer:
            peer.terminate()
            peer.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)
    rows, figures = [], {"lines": LINES, "rounds": ROUNDS}
    for name, (ms, lines) in ours.items():
        theirs = real.get(name)
        if theirs and theirs[1] != lines:
            raise SystemExit(f"{name}: {lines} found here, {theirs[1]} by Loki")
        ratio = f"{ms / theirs[0]:.2f}" if theirs else "-"
        rows.append([f"{name}, median (ms)", f"{ms:.0f}", f"{theirs[0]:.0f}" if theirs else "-", ratio])
        figures[name.replace(" ", "_")] = {"ms": round(ms, 1), "loki_ms": round(theirs[0], 1) if theirs else None}
    met = {f"{name} within 200 ms": ours[name][0] <= 200 for name in QUERIES if "minute" not in name}
    report("logs", ["", "embedded", "Loki", "ratio"], rows, figures, met)


if __name__ == "__main__":
    main()
