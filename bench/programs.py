"""The programs that are measured: the embedded backend alone in a process, and real ones beside it."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# What keeps a program on one core, where there is another one for the script.
PINNED = ["taskset", "-c", "0"] if shutil.which("taskset") and os.cpu_count() > 1 else []


def build_embedded():
    subprocess.run(["cargo", "build", "--release", "-q", "-p", "backend", "--example", "ingest"], cwd=ROOT, check=True)


def start_embedded(folder, pinned=()):
    """The process, with its data in `folder`, and its addresses by their names."""
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
    program = os.path.join(target, "release", "examples", "ingest")
    process = subprocess.Popen(
        [*pinned, program, os.path.join(folder, "data")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process, json.loads(process.stdout.readline())


def stop_embedded(process):
    process.stdin.close()
    process.wait(timeout=120)


def find(program):
    """The path of a real program, or None."""
    folders = [os.path.join(ROOT, os.environ.get("FIREDRILL_BACKENDS", ".backends"), "bin")]
    for folder in folders + os.environ.get("PATH", "").split(os.pathsep):
        if os.path.isfile(os.path.join(folder, program)):
            return os.path.join(folder, program)
    return None


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def start_real(command, port, path, **options):
    """The process, once it answers `path` at `port` with 200."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **options)
    for _ in range(600):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return process
        except OSError:
            pass
        time.sleep(0.1)
    process.kill()
    raise SystemExit(f"{command[0]} does not become ready")


def metric(address, name):
    connection = http.client.HTTPConnection(address)
    connection.request("GET", "/metrics")
    for line in connection.getresponse().read().decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    raise SystemExit(f"no metric {name}")
