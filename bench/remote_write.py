"""Remote write requests for the benchmarks: protobuf and snappy with nothing but the standard library.

Snappy allows a block of literals only, which every reader takes; what that costs the reader is not less than a packed
block would.
"""

import http.client
import struct

from spans import field, varint


def labels(pairs):
    """The bytes of a series' labels, which are the same in every request."""
    return b"".join(
        field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in sorted(pairs.items())
    )


def sample(ms, value, pack=struct.Struct("<d").pack):
    """One sample of a time after 2001 and before 2109, whose varint has six bytes."""
    time = bytes((ms >> shift & 0x7F | (0x80 if shift < 35 else 0)) for shift in range(0, 42, 7))
    return b"\x12\x10\x09" + pack(value) + b"\x10" + time


def series(labels_bytes, samples_bytes):
    return field(1, labels_bytes + samples_bytes)


def body(series_list):
    """A whole request of series as `series` makes them."""
    message = b"".join(series_list)
    out = [varint(len(message))]
    for at in range(0, len(message), 1 << 24):
        part = message[at : at + (1 << 24)]
        out.append(b"\xf8" + struct.pack("<I", len(part) - 1)[:3] + part)
    return b"".join(out)


def post(connection, request):
    """Sends one request over an open connection; anything but 204 ends the benchmark."""
    headers = {
        "content-encoding": "snappy", "content-type": "application/x-protobuf",
        "x-prometheus-remote-write-version": "0.1.0",
    }
    connection.request("POST", "/api/v1/write", request, headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 204:
        raise SystemExit(f"remote write: {answer.status} {text[:200]}")


def connect(address):
    return http.client.HTTPConnection(address.removeprefix("http://"), timeout=120)
