"""What the services say they made, and what the stores of the real stack hold of it."""

import json
import re
import time
import urllib.parse
import urllib.request

SERVICES = ("user-service", "product-service", "order-service")
SIGNALS = ("traces", "logs")
# What Jaeger's memory holds; it forgets the oldest beyond.
HELD = 50_000
OUTCOMES = ("created", "exported", "dropped")


def get(base, path, **query):
    """A JSON answer."""
    with urllib.request.urlopen(f"{base}{path}?{urllib.parse.urlencode(query)}", timeout=60) as answer:
        return json.load(answer)


def growth(stack):
    """`telemetry_*_total` of all three services together, by signal and outcome."""
    sums = {signal: dict.fromkeys(OUTCOMES, 0) for signal in SIGNALS}
    for service in SERVICES:
        with urllib.request.urlopen(stack.run["urls"][service] + "/metrics", timeout=10) as answer:
            page = answer.read().decode()
        for outcome, signal, value in re.findall(r'^telemetry_(\w+)_total\{.*signal="(\w+)".*\} (\d+)', page, re.M):
            if signal in sums:
                sums[signal][outcome] += int(value)
    return sums


def handed_over(stack):
    """The same once each item is exported or dropped."""
    while True:
        counts = growth(stack)
        if all(c["created"] == c["exported"] + c["dropped"] for c in counts.values()):
            return counts
        time.sleep(0.1)


def made(stack):
    """How many spans and lines there have been."""
    return {signal: counts["created"] for signal, counts in growth(stack).items()}


def requests_counted(stack):
    """Requests that the services have answered, by their own counters."""
    return sum(stack.metric(service, "http_server_request_duration_seconds_count") for service in SERVICES)


def prometheus(stack, expression):
    """The one value of an expression now; None when there is none."""
    result = get(stack.run["urls"]["prometheus"], "/api/v1/query", query=expression)["data"]["result"]
    return float(result[0]["value"][1]) if result else None


def not_sent_on(stack, signal):
    """What a collector that was not started again has taken in and neither sent nor given up: its loss, when it is at rest."""
    item = {"traces": "spans", "logs": "log_records"}[signal]
    parts = ("receiver_accepted", "exporter_sent", "exporter_send_failed")
    accepted, sent, failed = (prometheus(stack, f"sum(otelcol_{part}_{item})") or 0 for part in parts)
    return int(accepted - sent - failed)


def lines_stored(stack):
    """Log lines of the services in Loki."""
    query = f'sum(count_over_time({{service_name=~"{"|".join(SERVICES)}"}}[1h]))'
    result = get(stack.run["urls"]["loki"], "/loki/api/v1/query", query=query)["data"]["result"]
    return int(result[0]["value"][1]) if result else 0


def spans_stored(stack, since):
    """Distinct spans of the services in Jaeger that began after `since`."""
    spans, second, limit = set(), int(since), 20_000
    while second <= time.time():
        window = {"start": second * 1_000_000, "end": (second + 1) * 1_000_000, "limit": limit}
        for service in SERVICES:
            traces = get(stack.run["urls"]["jaeger"], "/api/traces", service=service, **window)["data"]
            if len(traces) >= limit:
                raise SystemExit("more traces in a second than are asked for")
            spans.update((trace["traceID"], span["spanID"]) for trace in traces for span in trace["spans"])
        second += 1
    if len({trace for trace, _ in spans}) >= HELD:
        raise SystemExit(f"Jaeger holds no more than {HELD} traces (stack/jaeger/jaeger.yaml): measure for less time")
    return len(spans)


def at_rest(stack, patience=180):
    """Waits until nothing is on its way: not in a service, not in the collector, not to Loki."""
    deadline, last = time.monotonic() + patience, None
    while True:
        now = look(stack)
        if now is not None and now == last:
            return
        if time.monotonic() > deadline:
            raise SystemExit(f"not at rest after {patience} s: {now}, {growth(stack)}")
        last = now
        # Longer than the collector's own figures need to be scraped and a batch of it to be sent.
        time.sleep(2.5)


def look(stack):
    """What there is, or None while something is known to be on its way."""
    try:
        counts = growth(stack)
        if any(c["created"] != c["exported"] + c["dropped"] for c in counts.values()):
            return None
        queued = prometheus(stack, 'sum(otelcol_exporter_queue_size{job="otelcol"})')
        flying = prometheus(stack, 'sum(otelcol_exporter_in_flight_requests{job="otelcol"}) or vector(0)')
        return (counts, lines_stored(stack)) if queued == 0 and not flying else None
    except OSError:
        # One of them has just come back.
        return None
