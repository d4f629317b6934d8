"""Makes spans as OTLP protobuf, with nothing but Python's standard library."""

import http.client
import random
import struct
import time

PER_TRACE, PER_REQUEST = 10, 500
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


def requests(seed, count):
    """Bodies of OTLP export requests with `count` spans in all, and the ids of their traces."""
    rng = random.Random(seed)
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
    """Sends all bodies over one connection; one that is refused is sent again, and its status noted."""
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
