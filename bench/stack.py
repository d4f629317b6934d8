"""Starts and stops a stack for a benchmark, and reads what its processes cost."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "target" / "release" / "firedrill"


def build():
    """Builds the program as a user would."""
    subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True)


class Stack:
    """A running stack in a home of its own; use it in a `with` block."""

    def __init__(self, *args, env=None):
        self.home = tempfile.TemporaryDirectory(prefix="bench-")
        self.env = {**os.environ, "FIREDRILL_HOME": self.home.name, **(env or {})}
        self.up = subprocess.Popen(
            [PROGRAM, "up", "--ports", "auto", "--json", *args],
            env=self.env, cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )
        path = pathlib.Path(self.home.name) / "run.json"
        deadline = time.monotonic() + 60
        while not path.exists():
            if self.up.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the stack did not start")
            time.sleep(0.01)
        self.run = json.loads(path.read_text(encoding="utf-8"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.home.cleanup()

    def stop(self):
        """Interrupts the stack; returns its summary."""
        if self.up.poll() is None:
            self.up.send_signal(signal.SIGINT)
        out, _ = self.up.communicate(timeout=60)
        return json.loads(out.strip().splitlines()[-1])

    def command(self, *args, env=None):
        """Runs a command against the stack; returns its JSON."""
        done = subprocess.run(
            [PROGRAM, *args, "--json"], env={**self.env, **(env or {})}, cwd=ROOT,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False,
        )
        return json.loads(done.stdout.strip().splitlines()[-1])

    def metric(self, part, name):
        """Sums a metric of one part over its labels."""
        with urllib.request.urlopen(self.run["urls"][part] + "/metrics") as answer:
            lines = answer.read().decode().splitlines()
        ours = (line for line in lines if line.startswith((name + "{", name + " ")))
        # An exemplar follows the value behind a `#`.
        return sum(float(line.split(" # ")[0].rsplit(" ", 1)[1]) for line in ours)

    def pids(self):
        """All processes of the stack, `up` included."""
        return {**self.run["pids"], "up": self.up.pid}


def cpu_seconds(pid):
    """User and system time of a process."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid, which="VmRSS"):
    """Resident memory of a process in MB (10^6 bytes), now or, as `VmHWM`, at its peak."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{which}:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0
